"""One series at any path: a folder of DICOM files, a NIfTI file, or what an audit kept of either."""

from pathlib import Path

from gliobench.cohorts import decoded
from gliobench.cohorts.names import NIFTI
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError, SeriesFacts
from gliobench.imaging.volume import Volume


def read_path(path: str | Path) -> tuple[Volume, SeriesFacts]:
    """
    Read the series that a path names.

    Parameters
    ----------
    path : path
        A folder of DICOM files, a ``.nii`` or ``.nii.gz`` file, or a file of `gliobench.cohorts.decoded`.

    Returns
    -------
    volume, facts
        As `gliobench.imaging.dicom.read_series` returns them.

    Raises
    ------
    SeriesError
        It does not exist, is neither DICOM nor NIfTI, or is unreadable.
    """
    path = Path(path)
    if path.is_dir():
        return read_series(path)
    if not path.exists():
        raise SeriesError(f"{path} does not exist: name a folder of DICOM files or a .nii or .nii.gz file.")
    if path.suffix == decoded.SUFFIX:
        return decoded.read_kept(path)
    if not path.name.lower().endswith(NIFTI):
        raise SeriesError(
            f"{path} is neither a folder of DICOM files nor a .nii or .nii.gz file; "
            "put DICOM files into a folder of their own and name the folder."
        )
    from gliobench.imaging.nifti import read_nifti  # slow to import, and not needed for DICOM cohorts

    return read_nifti(path)
