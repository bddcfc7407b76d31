"""Where the pages of patients are in the folder of the report: for links from other pages and from figures."""

from urllib.parse import quote

from gliobench.paths import PATIENT_PAGES

LIST, MISTAKES = "index", "mistakes"  # pages beside those of the patients


def file_stem(patient_id: str) -> str:
    """Return the file name of a patient's page without suffix: letters, digits, ``-``, ``_`` and ``.`` stay."""
    if patient_id.casefold() in (LIST, MISTAKES):  # the names of other pages
        return f"%{ord(patient_id[0]):02X}{patient_id[1:]}"
    return quote(patient_id, safe="")


def beside(patient_id: str) -> str:
    """Return the address of a patient's page from the other pages of the cohort."""
    return f"{quote(file_stem(patient_id))}.html"


def patient_address(cohort: str, patient_id: str) -> str:
    """Return the address of a patient's page from the report's folder."""
    return f"{PATIENT_PAGES.format(cohort=cohort)}/{beside(patient_id)}"
