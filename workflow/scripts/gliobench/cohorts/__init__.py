"""
Where patients come from: a module for each kind of cohort, named like it, and what they share.

Those that read have ``read_patients`` and ``locate``; `gliobench.cohorts.generator` and its neighbours make images.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gliobench.imaging.facts import SeriesError
from gliobench.terms import GENERATED

if TYPE_CHECKING:
    from gliobench.imaging.facts import SeriesFacts
    from gliobench.imaging.volume import Volume


DECODED_KIND = "decoded"  # kind of what the audit keeps
FEATURES_KIND = "features"  # kind of numbers and categories in tables: `gliobench.cohorts.features` reads them


def layout(kind: str) -> ModuleType:
    """
    Return the module that reads cohorts of one kind.

    Parameters
    ----------
    kind : str
        rsna, brainstem, synthetic, synthetic-brainstem, table, upenn-gbm, ucsf-pdgm, brats2021 or union, as in the
        config; single, a patient's own folder; or decoded, what an audit kept of any of them.

    Returns
    -------
    module
        Offers ``read_patients(folder, sites, settings)`` (but for single and decoded) and ``locate(folder, patient_id,
        name)``.
    """
    return import_module(f"gliobench.cohorts.{layout_module(kind)}")


def layout_module(kind: str) -> str:
    """Return the name of that module; a generated cohort has the layout of the kind that it imitates."""
    return GENERATED.get(kind, kind).replace("-", "_")


def read_patient_series(kind: str, folder: Any, patient_id: str, name: str) -> "tuple[Volume, SeriesFacts]":
    """
    Read one series of a patient, whatever the cohort's layout.

    Parameters
    ----------
    kind : str
        As for `layout`.
    folder, patient_id, name
        As for the ``locate`` of that layout.

    Returns
    -------
    volume, facts
        As `gliobench.cohorts.series.read_path` returns them.

    Raises
    ------
    SeriesError
        The series is absent or unreadable, or the operating system refuses its files.
    """
    from gliobench.cohorts.series import read_path  # imaging libraries, which those who only ask for labels do not need

    try:
        return read_path(layout(kind).locate(folder, patient_id, name))
    except OSError as error:
        what = f"{error.filename or f'{name} of patient {patient_id}'} cannot be read ({error.strerror})"
        raise SeriesError(f"{what}; check the path and its permissions.") from error
