"""Random seeds as a function of the study, not of the process that draws them."""

import hashlib

SEED_BITS = 31


def derive_seed(base: int, *identity: object) -> int:
    """
    Derive the seed of one piece of work from the base seed and the work's name.

    Parameters
    ----------
    base : int
        The study's base seed.
    *identity : object
        What the seed is for, for example ``("planted", "cnn3d", "main", 0)``; compared by its text.

    Returns
    -------
    int
        A seed in [0, 2**31), the same on every machine and Python.
    """
    text = "\x1f".join([str(base), *map(str, identity)])
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - SEED_BITS)
