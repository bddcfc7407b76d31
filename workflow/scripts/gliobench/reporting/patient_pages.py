"""The pages of a cohort's patients: a list of them, a page for each, and the most confident mistakes."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import CELL, THRESHOLD
from gliobench.evaluation.patient_scores import (
    OUT_OF_FOLD,
    confident_mistakes,
    count_wrong,
    is_wrong,
    mistakes_rule,
    out_of_fold,
)
from gliobench.figures.orientation import SIDES, UNKNOWN, plane_of
from gliobench.paths import PATIENT_PAGES
from gliobench.reporting.frame import LIST, MISTAKES, beside, file_stem, write_page
from gliobench.reporting.patient_pictures import Picture
from gliobench.reporting.runs import anchor
from gliobench.terms import ALL_SERIES, OK, USABLE
from gliobench.wording import DASH, EMPTY, ends, method_name, reason

IN_WORDS = {OUT_OF_FOLD: "test", "validation": "validation part", "whole": "whole cohort"}
SEEN = "other slices or scans of the patient in training or validation"
UNDECIDED = f"neither: exactly {THRESHOLD:g}"  # such as the prior of balanced classes
NOT_SCORED = "not scored"

Row = Mapping[Any, Any]


@dataclass(frozen=True)
class CohortPatients:
    """
    What the pages of a cohort's patients show.

    Attributes
    ----------
    cohort : str
        Name of the cohort.
    methods : sequence of dict
        Its cells (`gliobench.plan.patient_methods`).
    patients, series : pandas.DataFrame
        Its tables ``patients`` and ``series``.
    exclusions : pandas.DataFrame
        Its rows of the table ``exclusions``.
    probabilities : pandas.DataFrame
        As `gliobench.evaluation.patient_scores.join_probabilities` returns them.
    images : bool
        Whether images of patients may be shown.
    thumbnails : mapping of (str, str) to Picture
        By patient_id and modality (`gliobench.reporting.patient_pictures`).
    maps : mapping of str to sequence of Picture
        By patient_id.
    """

    cohort: str
    methods: Sequence[Row]
    patients: pd.DataFrame
    series: pd.DataFrame
    exclusions: pd.DataFrame
    probabilities: pd.DataFrame
    images: bool = True
    thumbnails: Mapping[tuple[str, str], Picture] = field(default_factory=dict)
    maps: Mapping[str, Sequence[Picture]] = field(default_factory=dict)


def write_patient_pages(folder: str | Path, study: Mapping[str, Any], cohort: CohortPatients) -> None:
    """
    Write the pages of a cohort's patients into a study's report.

    Parameters
    ----------
    folder : str or Path
        Folder of the report.
    study : dict
        What `gliobench.plan.report_facts` collects.
    cohort : CohortPatients
        What they show.
    """
    home = PATIENT_PAGES.format(cohort=cohort.cohort)
    names = _label_names(cohort.patients)
    common = {"cohort": cohort.cohort, "names": names, "images": cohort.images}
    people = cohort.patients.sort_values("patient_id").to_dict("records")
    scored = [out_of_fold(cohort.probabilities, baselines) for baselines in (False, True)]
    counts = [count_wrong(rows).to_dict("index") for rows in scored]
    series = _by_patient(cohort.series)

    def write(stem: str, template: str, heading: str, values: Mapping[str, Any]) -> None:
        write_page(Path(folder), f"{home}/{stem}.html", template, study, heading, common | dict(values))

    listed = [_listed(person, counts, series.get(person["patient_id"], [])) for person in people]
    write(LIST, "cohort_patients.html.j2", f"Patients of {cohort.cohort}", _list_page(cohort, listed))
    write(MISTAKES, "mistakes.html.j2", f"Mistakes on {cohort.cohort}", _mistakes_page(cohort, names, series))
    rows, excluded = _by_patient(cohort.probabilities), _by_patient(cohort.exclusions)
    neighbours = zip([None, *people], people, [*people[1:], None], strict=False)
    for before, person, after in neighbours:
        patient_id = person["patient_id"]
        values = {
            "patient_id": patient_id,
            "before": before and _link(before),
            "after": after and _link(after),
            "facts": _facts(person),
            "verdict": _verdict([each.get(patient_id) for each in counts]),
            "methods": _methods(cohort.methods, rows.get(patient_id, []), names, study),
            "series": [_series(row, cohort.thumbnails) for row in _images_of(series.get(patient_id, []))],
            "maps": cohort.maps.get(patient_id, []),
            "excluded": [_excluded(row) for row in excluded.get(patient_id, [])],
        }
        write(file_stem(patient_id), "patient.html.j2", f"Patient {patient_id}", values)


KINDS = ("methods", "baselines")  # counted apart: baselines are there to give the others meaning


def _by_patient(table: pd.DataFrame) -> dict[str, list[dict[Hashable, Any]]]:
    found: dict[str, list[dict[Hashable, Any]]] = {}
    for row in table.to_dict("records"):
        found.setdefault(row["patient_id"], []).append(row)
    return found


def _label_names(patients: pd.DataFrame) -> dict[int, str]:
    known = dict(zip(patients["label"].astype(int), patients["label_name"], strict=True))
    return {label: known.get(label, f"label {label}") for label in (0, 1)}


def _link(person: Row) -> dict[str, str]:
    return {"id": person["patient_id"], "address": beside(person["patient_id"])}


def _facts(person: Row) -> dict[str, str]:
    """Return what is known of a patient: nothing of a header, and no date."""
    facts = {"label": f"{person['label']}, {person['label_name']}"}
    for name, column in {"site": "site", "scan of patient": "scan_of"}.items():
        if pd.notna(person.get(column)):
            facts[name] = str(person[column])
    if pd.notna(person["oracle_probability"]):
        facts["planted probability of label 1"] = f"{person['oracle_probability']:.2f}"
    return facts


def _verdict(counts: Sequence[Row | None]) -> str:
    """Say how many methods were wrong on a patient, and how many baselines."""
    told = [f"{_share(each)} {what}" for what, each in zip(KINDS, counts, strict=True) if each]
    if not told:
        return "No method scored this patient out of fold."
    return f"Wrong out of fold, at threshold {THRESHOLD:g}: {' and '.join(told)}."


def _share(counted: Row) -> str:
    return f"{counted['wrong']} of {counted['scored']}"


def _listed(person: Row, counts: Sequence[Mapping[Hashable, Row]], series: Sequence[Row]) -> dict[str, Any]:
    """Return the row of the list of patients."""
    methods, baselines = (each.get(person["patient_id"]) for each in counts)
    images = _images_of(series)
    used = sum(row["status"] == OK for row in images)
    numbers = {name: f"{methods[name]:.2f}" if methods else EMPTY for name in ("mean", "low", "high")}
    return _link(person) | {
        "label": person["label_name"],
        "site": EMPTY if pd.isna(person["site"]) else str(person["site"]),
        "methods": _share(methods) if methods else EMPTY,
        "baselines": _share(baselines) if baselines else EMPTY,
        **numbers,
        "series": f"{used} of {len(images)}" if images else EMPTY,
    }


def _list_page(cohort: CohortPatients, listed: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    people = cohort.exclusions[cohort.exclusions["modality"].isna()]
    return {
        "patients": listed,
        "sites": any(row["site"] != EMPTY for row in listed),
        "left_out": people["patient_id"].nunique(),
        "n_mistakes": len(confident_mistakes(cohort.probabilities)),
    }


def _mistakes_page(
    cohort: CohortPatients, names: Mapping[int, str], series: Mapping[str, Sequence[Row]]
) -> dict[str, Any]:
    chosen = confident_mistakes(cohort.probabilities)
    tested = out_of_fold(cohort.probabilities, baselines=False)
    groups = []
    for method in cohort.methods:
        scored, mine = _of(method, tested), _of(method, chosen)
        if scored.empty:
            continue
        read = [name for name in method["series"] if name in ALL_SERIES]
        cards = [
            {
                "id": row["patient_id"],
                "address": beside(row["patient_id"]),
                "words": _answer(row, names),
                "lesion": _lesion(series.get(row["patient_id"], [])),
                "series": [
                    _series(each, cohort.thumbnails)
                    for each in _images_of(series.get(row["patient_id"], []))
                    if each["modality"] in read
                ],
            }
            for row in mine.to_dict("records")
        ]
        groups.append(
            _named(method)
            | {"cards": cards, "wrong": int(is_wrong(scored["mean"], scored["label"]).sum()), "scored": len(scored)}
        )
    return {"rule": mistakes_rule(), "groups": groups}


def _of(method: Row, table: pd.DataFrame) -> pd.DataFrame:
    return table[(table[CELL] == [method[name] for name in CELL]).all(axis=1)]


def _named(method: Row) -> dict[str, str]:
    return {"name": method_name(method), "protocol": method["protocol"], "caveat": method["caveat"] or ""}


def _methods(
    methods: Sequence[Row], rows: Sequence[Row], names: Mapping[int, str], study: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return a line per method, also of those that did not score the patient; its name leads to its runs."""
    scored = {tuple(row[name] for name in CELL): row for row in rows}
    return [
        _method(method, scored.get(tuple(method[name] for name in CELL)), names)
        | {"runs_at": f"{study['approaches'][method['approach']]['page']}#{anchor(method)}"}
        for method in methods
    ]


def _method(method: Row, row: Row | None, names: Mapping[int, str]) -> dict[str, Any]:
    line: dict[str, Any] = _named(method)
    if row is None:
        return line | {"part": "", "scored": False, "answer": NOT_SCORED, "wrong": False}
    several = row["n_runs"] > 1
    return line | {
        "scored": True,
        "part": IN_WORDS[row["part"]] + (f", {SEEN}" if row["seen"] else ""),
        "mean": row["mean"],
        "low": row["low"],
        "high": row["high"],
        "probability": probability_text(row["mean"]) + (ends(row["low"], row["high"]) if several else ""),
        "runs": row["n_runs"],
        "answer": UNDECIDED if row["mean"] == THRESHOLD else names[int(row["mean"] > THRESHOLD)],
        "wrong": bool(is_wrong(row["mean"], row["label"])),
    }


def probability_text(value: float) -> str:
    """Format a probability in two decimals, or in as many more as it takes to show on which side of 0.5 it lies."""
    digits = 2
    while value != THRESHOLD and round(value, digits) == THRESHOLD:
        digits += 1
    return f"{value:.{digits}f}"


def _answer(row: Row, names: Mapping[int, str]) -> str:
    spread = f", {row['low']:.2f}{DASH}{row['high']:.2f} in {row['n_runs']} runs" if row["n_runs"] > 1 else ""
    return f"{names[int(row['label'])]}; probability of {names[1]} {probability_text(row['mean'])}{spread}"


def _lesion(rows: Sequence[Row]) -> str:
    """State the volume that a patient's segmentation marks, if there is one."""
    marked = [row["marked_ml"] for row in rows if pd.notna(row.get("marked_ml")) and row["status"] in USABLE]
    return f"Segmentation: {marked[0]:.1f} ml." if marked else ""


def _images_of(rows: Sequence[Row]) -> list[Row]:
    """Return the rows of images, in the order of modalities: groups of features have no picture."""
    return sorted(
        (row for row in rows if row["modality"] in ALL_SERIES), key=lambda row: ALL_SERIES.index(row["modality"])
    )


def _excluded(row: Row) -> tuple[str, str]:
    """Name what of a patient is left out of what, and say why."""
    what: str = "the patient" if pd.isna(row["modality"]) else row["modality"]
    whose: str = "" if pd.isna(row["approach"]) else f", in the inputs of {row['approach']}"
    return f"{what}{whose}", f"{row['status']}: {reason(row, 'no reason given')}"


def _series(row: Row, thumbnails: Mapping[tuple[str, str], Picture]) -> dict[str, Any]:
    """Return what stands below and in a picture of a series."""
    plane = plane_of(row)
    left, right = SIDES[plane] if plane else ("", "")
    return {
        "modality": row["modality"],
        "plane": plane or UNKNOWN,
        "left": left,
        "right": right,
        "size": list(_size(row)),
        "thumbnail": thumbnails.get((row["patient_id"], row["modality"])),
        "problem": "" if row["status"] == OK else f"{row['status']}: {reason(row, 'no reason given')}",
    }


def _size(row: Row) -> Iterator[str]:
    """State how large a series is, as far as its header says."""
    if pd.notna(row["n_slices"]) and pd.notna(row["rows"]):
        yield f"{row['n_slices']:.0f} slices of {row['rows']:.0f} x {row['columns']:.0f}"
    extent = [row[f"fov_{name}"] for name in ("rows", "columns", "slices")]
    if all(map(pd.notna, extent)):
        yield " x ".join(f"{side:.0f}" for side in extent) + " mm"
    if pd.notna(row.get("marked_ml")):
        yield f"{row['marked_ml']:.1f} ml marked"
