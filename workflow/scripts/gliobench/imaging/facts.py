"""What is known of a series, read or not."""

from dataclasses import dataclass

from gliobench.errors import GlioBenchError


@dataclass(frozen=True)
class SeriesFacts:
    """
    Facts of one series, named as the columns of ``series.tsv``; None where unknown.

    Attributes
    ----------
    n_files, n_slices, rows, columns : int
        Files of the series (1 for NIfTI); the volume's shape.
    spacing, slice_spacing : float
        Distance of neighbouring pixel rows and of neighbouring slices (the median of all gaps), mm.
    plane : {"axial", "coronal", "sagittal"}
        The one nearest to the slices.
    ordered_by : {"position", "instance number", "file name"}
        What ordered the slices.
    transfer_syntax, manufacturer : str
        Of the first slice; the manufacturer is one of the known makers of scanners, or "other".
    blank_fraction : float
        Share of slices that hold one single value, 0 to 1.
    """

    n_files: int = 0
    n_slices: int | None = None
    rows: int | None = None
    columns: int | None = None
    spacing: float | None = None
    slice_spacing: float | None = None
    plane: str | None = None
    ordered_by: str | None = None
    transfer_syntax: str | None = None
    manufacturer: str | None = None
    blank_fraction: float | None = None


class SeriesError(GlioBenchError):
    """A series that cannot be read as one volume; `facts` holds what is known of it all the same."""

    def __init__(self, message: str, facts: SeriesFacts | None = None):
        super().__init__(message)
        self.facts = facts or SeriesFacts()
