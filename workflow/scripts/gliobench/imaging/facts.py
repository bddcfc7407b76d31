"""What is known of a series, read or not."""

from dataclasses import dataclass

from gliobench.errors import GlioBenchError

# Possible fields of view of a head, mm. The bound for the slices accepts thin slabs, which show some brain.
IN_PLANE = (80.0, 500.0)
ALONG_SLICES = (25.0, 500.0)


@dataclass(frozen=True)
class SeriesFacts:
    """
    Facts of one series; None where unknown.

    They are columns of ``series.tsv`` and described in its schema, except `unplaced`: why the voxels have no position
    in millimetres, None if they have one. The statuses are "stated", "not stated", "partly stated" or "invalid".
    """

    n_files: int = 0
    n_slices: int | None = None
    rows: int | None = None
    columns: int | None = None
    spacing: float | None = None
    slice_spacing: float | None = None
    spacing_status: str | None = None
    position_status: str | None = None
    orientation_status: str | None = None
    off_grid: float | None = None
    fov_rows: float | None = None
    fov_columns: float | None = None
    fov_slices: float | None = None
    sform_code: int | None = None
    qform_code: int | None = None
    units: str | None = None
    plane: str | None = None
    ordered_by: str | None = None
    transfer_syntax: str | None = None
    manufacturer: str | None = None
    blank_fraction: float | None = None
    series_uid: str | None = None
    unplaced: str | None = None


def why_implausible(facts: SeriesFacts) -> str | None:
    """Return why the field of view cannot be a head's, None if it can or is not known."""
    low, high = IN_PLANE
    sides = [side for side in (facts.fov_rows, facts.fov_columns) if side is not None]
    if not all(low <= side <= high for side in sides):
        return (
            f"according to its header a slice is {sides[0]:.4g} x {sides[1]:.4g} mm; a head's is {low:g} to {high:g} mm"
        )
    low, high = ALONG_SLICES
    if facts.fov_slices is not None and not low <= facts.fov_slices <= high:
        return (
            f"according to its header its slices span {facts.fov_slices:.4g} mm; a head's span {low:g} to {high:g} mm"
        )
    return None


class SeriesError(GlioBenchError):
    """A series that cannot be read as one volume; `facts` still holds what is known of it."""

    def __init__(self, message: str, facts: SeriesFacts | None = None):
        super().__init__(message)
        self.facts = facts or SeriesFacts()
