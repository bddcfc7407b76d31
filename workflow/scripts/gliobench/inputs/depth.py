"""Which slices of a series a `cnn3d` input shows, and how many zero slices it adds."""


def central_slices(n_slices: int, depth: int) -> slice:
    """Return which of `n_slices` the input shows: half of `depth` on each side of the middle, or all there are."""
    start = max(n_slices // 2 - depth // 2, 0)
    return slice(start, start + depth)


def padding(n_slices: int, depth: int) -> tuple[int, int]:
    """Return how many zero slices the input has in front of a series of `n_slices`, and how many behind."""
    missing = max(depth - n_slices, 0)
    return missing // 2, missing - missing // 2
