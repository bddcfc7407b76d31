"""Finds the series in a folder of patients, and their modality, for a first `patients.tsv`."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pydicom

from gliobench.cohorts.names import NIFTI
from gliobench.cohorts.patients import check_once, read_rows
from gliobench.cohorts.table import check_labels
from gliobench.cohorts.walk import walk
from gliobench.errors import GlioBenchError
from gliobench.files import table_schema, write_text
from gliobench.terms import MODALITIES

TAGS = (
    *("SeriesInstanceUID", "Modality", "ImageType", "SeriesDescription", "ContrastBolusAgent"),
    *("RepetitionTime", "EchoTime", "InversionTime"),
)
# What a description or a file name says in words, which `_` and `-` end. A modality is the first that fits.
T1 = r"(?:t1(?:w|tse|fse)?|mprage|bravo|spgr|tfl3d)"
AGENT = r"(?:w?ce|km|(?:post|fs|3d)?(?:gd|gad\w*|contrast|enhanced))"
CALLED = {
    "FLAIR": r"flair|dark.?fluid",
    "T2w": r"t2(?:w|tse|fse)?",
    "T1w": rf"{T1}(?:[ +]*(?:c|post|{AGENT}))?",
}
# "with and without" and "w/wo" leave open which one a series is.
WITHOUT = rf"(?<![/&])(?<!and )(?<!& )(?:pre|non?|un|without|w[/ ]?o(?:ut)?|ohne|sans)[ +]*(?:iv[ +]+)?(?:c|{AGENT})"
# By custom, "post" is after contrast where nothing follows, or what any image may be called.
IMAGE = (
    rf"{T1}|c|iv|inj\w*|[23]d|ax(?:ial)?|sag(?:ittal)?|cor(?:onal)?|tra(?:ns(?:vers\w*)?)?|fs|fat ?sat|tse|fse|se|gre|"
    r"mpr|dixon|vibe|space|iso"
)
WITH = (
    rf"{AGENT}|{T1}[ +]*(?:c|{AGENT})|\w*\+ ?c|c ?\+|"
    rf"(?:{T1}[ +]*)?post(?=[^a-z0-9]*(?:$|(?:{IMAGE})(?![a-z0-9])))"
)
AFTER_OTHERS = (  # "post" of a treatment, or of the posterior fossa
    r"status post|post ?(?:op\w*|surg\w*|chirurg\w*|resect\w*|excis\w*|debulk\w*|biops\w*|bx|crani\w*|interven\w*|"
    r"abla\w*|litt|laser\w*|treat\w*|tx|rx|thera\w*|rad\w*|x?rt|c?crt|srs|gamma\w*|gk|chemo\w*|tmz|temo\w*|fossa)"
)
NO_AGENT = ("", "0", "n", "n/a", "na", "no", "none")
OTHER = (
    r"adc|dwi|dti|diff\w*|swi|swan|t2 ?(?:\*|star)w?|mip|minip|loc|locali[sz]er|scout|survey|"
    r"perf\w*|dsc|dce|asl|bold|tof|mra"
)
# Spin-echo like contrast by its times, ms: conventional clinical values.
LONG_TI, LONG_TE, LONG_TR, SHORT_TE, SHORT_TR = 1500.0, 60.0, 2000.0, 30.0, 3000.0
LONGEST_DESCRIPTION = 64  # characters that DICOM allows; the time to match grows with the square
SEGMENTED = re.compile(r"(^|[ _-])(seg|segm|mask|label)")


@dataclass(frozen=True)
class Found:
    """
    A series that was found.

    Attributes
    ----------
    path : Path
        A folder of DICOM files, or a NIfTI file.
    patient_id : str
        The name of the folder below the searched one.
    modality : str or None
        None if it could not be told.
    why : str or None
        Why not.
    """

    path: Path
    patient_id: str
    modality: str | None
    why: str | None = None


def find_series(folder: str | Path) -> list[Found]:
    """
    Find every series below a folder that holds one folder per patient.

    Parameters
    ----------
    folder : path
        The folder. What its folders are called is taken as the patients' ids.

    Returns
    -------
    list of Found
        DICOM series are told by their header: the description's words (which are passed on nowhere), the contrast
        agent, and TR, TE and TI; NIfTI files, which say nothing, by their name. Links to folders are followed.

    Raises
    ------
    GlioBenchError
        There is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise GlioBenchError(f"{folder}: there is no such folder; name the one that holds a folder per patient.")
    return [found for place, names in sorted(walk(folder)) for found in _in_folder(place, names, folder)]


def _in_folder(place: Path, names: list[str], root: Path) -> Iterator[Found]:
    own = sorted(name for name in names if not name.startswith(".") and name != "DICOMDIR")
    patient = place.relative_to(root).parts[0] if place != root else ""
    nifti = [name for name in own if name.lower().endswith(NIFTI)]
    for name in nifti:
        yield Found(place / name, patient, *_by_name(name, patient))
    heads = [head for name in own if name not in nifti and (head := _header(place / name)) is not None]
    series = {str(head.get("SeriesInstanceUID")) for head in heads}
    if len(series) > 1:
        yield Found(place, patient, None, f"it holds {len(series)} series; put each into a folder of its own")
    elif heads:
        yield Found(place, patient, *_by_header(heads[0]))


def read_head(path: Path, tags: Sequence[str]) -> pydicom.Dataset:
    """Return some items of a DICOM header; what is no DICOM is an InvalidDicomError, what is damaged any error."""
    head = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(tags))
    list(head)  # pydicom decodes an item when it is asked for: here, so that damage shows here
    return head


def _header(path: Path) -> pydicom.Dataset | None:
    try:
        return read_head(path, TAGS)
    except Exception:  # damaged headers raise many types
        return None


def _by_name(name: str, patient: str) -> tuple[str | None, str | None]:
    stem = _words(name.lower().removesuffix(".gz").removesuffix(".nii"))
    if patient:  # whose id may hold any word
        stem = re.sub(_whole(re.escape(_words(patient))), " ", stem, count=1)
    if SEGMENTED.search(stem):
        return "segmentation", None
    if _says(OTHER, stem):
        return None, "its name says another kind of image"
    called = _called(stem)
    if called == "T1w":
        return _by_contrast(stem, agent=False)
    return called, None if called else "its name says no modality; a NIfTI header has none"


def _by_header(head: pydicom.Dataset) -> tuple[str | None, str | None]:
    if (kind := str(head.get("Modality", "MR"))) != "MR":
        return None, f"its header says {kind if re.fullmatch('[A-Z]{2,3}', kind) else 'another kind'}, not MR"
    description = _words(str(head.get("SeriesDescription", ""))[:LONGEST_DESCRIPTION])
    if _says(OTHER, description):
        return None, "its description names another kind of image"
    called, timed = _called(description), _by_times(head)
    if called and timed and called != timed:
        return None, f"its description says {called}, its times say {timed}"
    told = called or timed
    if told == "T1w":
        agent = str(head.get("ContrastBolusAgent") or "").strip().lower()
        return _by_contrast(description, agent=agent not in NO_AGENT)
    return told, None if told else "neither its description nor TR, TE and TI tell its modality"


def _by_contrast(text: str, agent: bool) -> tuple[str | None, str | None]:
    """Tell T1wCE from T1w by words, and by whether a header names an agent, which decides where words do not."""
    text = re.sub(_whole(AFTER_OTHERS), " ", text)
    if _says(WITHOUT, text):
        why = "its description says that there is no contrast agent, its header names one"
        return (None, why) if agent else ("T1w", None)
    if agent or _says(WITH, text):
        return "T1wCE", None
    if _says("post", text):
        return None, "it is called `post`, which may mean after contrast or after treatment"
    return "T1w", None


def _called(text: str) -> str | None:
    return next((name for name, pattern in CALLED.items() if _says(pattern, text)), None)


def _words(text: str) -> str:
    """Return a text in small letters, its words apart; the minus of "C-" and "-C" becomes a word."""
    text = re.sub(r"(?<![a-z+])c-(?![a-z0-9])|(?<![a-z0-9])-c(?![a-z0-9])", " no c ", text.lower())
    return re.sub("[_-]", " ", text)


def _says(pattern: str, text: str) -> bool:
    return bool(re.search(_whole(pattern), text))


def _whole(pattern: str) -> str:
    """Return a pattern that fits whole words only."""
    return rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])"


def _by_times(head: pydicom.Dataset) -> str | None:
    repetition, echo, inversion = (_number(head.get(name)) for name in TAGS[-3:])
    if repetition is None or echo is None:
        return None
    if (inversion or 0) > LONG_TI and echo > LONG_TE:
        return "FLAIR"
    if echo > LONG_TE and repetition > LONG_TR:
        return "T2w"
    return "T1w" if echo < SHORT_TE and repetition < SHORT_TR else None


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def table_of(found: list[Found], labels: pd.DataFrame, home: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Make the table of a cohort, and that of what has no place in it.

    Parameters
    ----------
    found : list of Found
        The series.
    labels : pandas.DataFrame
        Columns patient_id and label, and label_name and site if known; as text.
    home : path
        Folder of the table: paths are relative to it.

    Returns
    -------
    patients, unplaced : pandas.DataFrame
        One row per patient with a label and a series, and a column per series; ``path`` and ``why``.
    """
    known = labels.set_index("patient_id")
    allowed = re.compile(table_schema("patients")["properties"]["patient_id"]["pattern"])
    rows: dict[str, dict[str, str]] = {}
    unplaced = []
    groups: dict[tuple[str, str | None], list[Found]] = {}
    for each in found:
        groups.setdefault((each.patient_id, each.modality), []).append(each)
    for (patient, modality), series in groups.items():
        why = _why_unplaced(patient, modality, series, known.index, allowed)
        for each in series:
            if each.why or why:
                unplaced.append({"path": str(each.path), "why": each.why or why})
            else:
                rows.setdefault(patient, {})[str(modality)] = os.path.relpath(each.path, home)
    lonely = [patient for patient in known.index if patient not in rows]
    unplaced += [
        {"path": patient, "why": "the patient has a label, and no series that was placed"} for patient in lonely
    ]
    columns = [name for name in (*MODALITIES, "segmentation") if any(name in row for row in rows.values())]
    patients = pd.DataFrame([{"patient_id": name, **known.loc[name], **row} for name, row in sorted(rows.items())])
    head = ["patient_id", *known.columns]
    return patients.reindex(columns=[*head, *columns]).fillna(""), pd.DataFrame(unplaced, columns=["path", "why"])


def _why_unplaced(
    patient: str, modality: str | None, series: list[Found], known: pd.Index, allowed: re.Pattern[str]
) -> str | None:
    if not patient:
        return "it lies in the searched folder itself: put the files of each patient into a folder"
    if not allowed.fullmatch(patient):
        return f"{patient!r} cannot be a patient's id: letters, digits, - and _, at most 64"
    if patient not in known:
        return f"patient {patient} has no row in the table of labels"
    if modality and len(series) > 1:
        return (
            f"patient {patient} has {len(series)} series that look like {modality}: write the right one into the table"
        )
    return None


def number_labels(rows: pd.DataFrame, positive: str, table: Path) -> pd.DataFrame:
    """
    Turn labels in words into 0 and 1, and keep the words as ``label_name``.

    Parameters
    ----------
    rows : pandas.DataFrame
        Column label, as text.
    positive : str
        The word that becomes 1.
    table : path
        Where the rows are from, for the message.

    Raises
    ------
    GlioBenchError
        The labels are not that word and one other.
    """
    words = sorted(set(rows["label"]))
    if positive not in words or len(words) != 2:
        raise GlioBenchError(
            f"{table}: the labels must be {positive!r} and one other word; they are {', '.join(map(repr, words[:5]))}"
            f"{' and others' if len(words) > 5 else ''}."
        )
    return rows.assign(label_name=rows["label"], label=rows["label"].eq(positive).astype(int).astype(str))


def scan(
    folder: str | Path, labels: str | Path, table: str | Path, positive: str | None = None, replace: bool = False
) -> str:
    """
    Write the table of a cohort from a folder of images and a table of labels.

    Parameters
    ----------
    folder : path
        Holds a folder per patient.
    labels : path
        CSV or TSV (by its suffix) with the columns patient_id and label, and label_name and site if known.
    table : path
        The TSV to write; what has no place in it is listed beside it, in ``<name>.unplaced.tsv``.
    positive : str, optional
        Labels are two words, of which this one becomes 1 (`number_labels`).
    replace : bool
        Whether a table that exists may be replaced.

    Returns
    -------
    str
        What was found, in words.

    Raises
    ------
    GlioBenchError
        The table exists, a file cannot be read, a column is missing, a label is neither 0 nor 1, a patient has two, or
        nothing was placed.
    """
    table, labels = Path(table), Path(labels)
    if table.exists() and not replace:
        raise GlioBenchError(f"{table} exists: name another table with --table, or replace it with --force.")
    known = read_rows(labels, "\t" if labels.suffix.lower() == ".tsv" else ",")
    missing = [name for name in ("patient_id", "label") if name not in known]
    if missing:
        raise GlioBenchError(f"{labels} has no column {missing[0]}; its columns are {', '.join(known.columns)}.")
    if positive is not None:
        known = number_labels(known, positive, labels)
    check_labels(known, labels)
    check_once(known["patient_id"], labels)
    known = known[[name for name in ("patient_id", "label", "label_name", "site") if name in known]]
    found = find_series(folder)
    patients, unplaced = table_of(found, known, table.parent)
    beside = table.with_name(f"{table.stem}.unplaced.tsv")
    if patients.empty:
        examples = "; ".join(f"{row.path}: {row.why}" for row in unplaced.head(3).itertuples())
        raise GlioBenchError(f"no series below {folder} was placed ({examples or 'it holds neither DICOM nor NIfTI'}).")
    write_text(patients.to_csv(sep="\t", index=False, lineterminator="\n"), table)
    counts = {name: int((patients[name] != "").sum()) for name in patients if name in (*MODALITIES, "segmentation")}
    lines = [f"{table}: {len(patients)} patients; " + ", ".join(f"{name} {count}" for name, count in counts.items())]
    if len(unplaced):
        write_text(unplaced.to_csv(sep="\t", index=False, lineterminator="\n"), beside)
        lines += [f"{beside}: {len(unplaced)} not placed, with the reason:"]
        lines += [f"  {count:>4}  {why}" for why, count in unplaced["why"].value_counts().head(10).items()]
    else:
        beside.unlink(missing_ok=True)  # of a table that was replaced
    return "\n".join([*lines, "Check the table before you use it: descriptions and file names can be wrong."])
