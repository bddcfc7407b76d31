"""The frame of every page of a report (navigation, styles and scripts), and the addresses of patients' pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gliobench.evaluation.columns import BASELINE
from gliobench.figures.style import approach_colour
from gliobench.files import write_text
from gliobench.paths import PATIENT_PAGES
from gliobench.reporting.html import render

NAVIGATION = {
    "index.html": "Result",
    "comparison.html": "Comparison",
    "controls.html": "Controls",
    "cohorts.html": "Cohorts",
    "patients.html": "Patients",
    "cost.html": "Cost",
    "method.html": "Method",
}
LIST, MISTAKES = "index", "mistakes"  # pages beside those of the patients


def write_page(
    folder: Path, file: str, template: str, study: Mapping[str, Any], heading: str, values: Mapping[str, Any]
) -> None:
    """
    Write one page of a report.

    Parameters
    ----------
    folder : Path
        Folder of the report.
    file : str
        Path of the page in it.
    template : str
        File name of its template, which extends ``layout.html.j2``.
    study : dict
        What `gliobench.plan.report_facts` collects.
    heading : str
        Title of the page.
    values : dict
        Values of the template's own names.
    """
    last = sorted(study["approaches"], key=BASELINE.__eq__)  # the baselines
    approaches = [
        {"file": study["approaches"][name]["page"], "title": study["approaches"][name]["title"], "name": name}
        | {"colour": approach_colour(name)}
        for name in last
    ]
    page = render(
        template,
        study=study["name"],
        own=study["own"],
        about=study.get("about", ""),
        title=heading,
        file=file,
        root="../" * file.count("/"),
        navigation=_navigation(study),
        approaches=approaches,
        **values,
    )
    write_text(page, folder / file)


def _navigation(study: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses and names of the pages of the study, the first cohort's interactive figures among them."""
    explored = dict.fromkeys(list(study["explored"].values())[:1], "Explore")
    hidden = () if study["patient_cohorts"] else ("patients.html",)
    first, *others = ((file, name) for file, name in NAVIGATION.items() if file not in hidden)
    return dict([first, *explored.items(), *others])


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
