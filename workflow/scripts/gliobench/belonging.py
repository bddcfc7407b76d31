"""Notes stored with results that record the settings they were made with."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gliobench import paths
from gliobench.errors import GlioBenchError
from gliobench.study import Cell, Study
from gliobench.terms import PERMUTATIONS, SPIKED, VISIBLE, WITHIN_SITE, labels_of

NOTES = ".settings"  # below a study's results; a note has the path of what it describes
COMPARISON = "comparison"
FORMAT = 2  # of results: folders, tables, records; increased when older ones can no longer be read
PLACES = ("path", "table", "sites")  # of a cohort and its features: the location of files does not change their content
SHOWN_BY = ("subgroups",)  # of a cohort: changes no training
LONGEST_NAME = 254  # of the file name of a Snakemake note


@dataclass(frozen=True)
class Made:
    """
    Something that a study makes.

    Attributes
    ----------
    key : str
        What it is, as a path below the study's results.
    digest : str
        Of the settings that it depends on.
    files : str
        Where its files are, as a pattern below the study's results.
    """

    key: str
    digest: str
    files: str


def note_of(study: Study, made: Made) -> dict[str, str]:
    """Return the note that a job writes on its results: path and text."""
    return {f"{study.results}/{NOTES}/{made.key}.json": json.dumps(made.digest)}


def note_of_comparison(study: Study) -> dict[str, str]:
    """Return the note of the comparison: a digest for each of its cells, and of the levels that it is read by."""
    return {f"{study.results}/{NOTES}/{COMPARISON}.json": json.dumps(_compared(study), sort_keys=True)}


def digest(settings: Any) -> str:
    """Return a digest of settings (plain data), preceded by the format of the results."""
    return f"{FORMAT}-{hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]}"


def of_reading(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a cohort that its patients and series depend on."""
    return {key: value for key, value in settings.items() if key not in (*SHOWN_BY, SPIKED, VISIBLE)}


def made_cohort(study: Study, cohort: str) -> Made:
    """Name the patients of a cohort, from its settings without the location of the user's files."""
    settings = _without_places(of_reading(study.cohorts[cohort]))
    if "features" in settings:
        settings["features"] = {name: _without_places(group) for name, group in settings["features"].items()}
    settings["portable"] = study.portable
    if "members" in settings:
        settings["members"] = {name: made_cohort(study, name).digest for name in settings["members"]}
    return Made(cohort, digest(settings), f"{cohort}/patients.tsv")


def _without_places(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in PLACES}


def made_input(study: Study, name: str, cohort: str) -> Made:
    """Name an input of a cohort."""
    settings = [made_cohort(study, cohort).digest, study.named_input(name, cohort), study.made_series(name, cohort)]
    files = paths.INPUT.format(cohort=cohort, input_name=name, shard="*")
    return Made(f"{cohort}/inputs/{name}", digest(settings), f"{files}.npy")


def made_split(study: Study, scheme: str, cohort: str) -> Made:
    """Name a split of a cohort."""
    settings = [made_cohort(study, cohort).digest, study.splits[scheme]]
    split = paths.SPLIT.format(cohort=cohort, scheme=scheme)
    return Made(split, digest(settings), f"{split}.tsv")


def made_runs(study: Study, cell: Cell, cohort: str | None = None) -> Made:
    """Name the trainings of a cell, on its cohort or on a copy with other labels."""
    parts = [
        made_input(study, study.input_name(cell), cell.cohort),
        made_split(study, study.scheme_name(cell), cell.cohort),
    ]
    tuned = study.approaches[cell.approach].tuned(cell.variant)
    settings = [study.job(cell, cohort), study.machine, study.approaches[cell.approach].tuning if tuned else None]
    labels = labels_of(cohort or cell.cohort)
    if labels.startswith(SPIKED):
        settings.append(study.cohorts[cell.cohort][SPIKED])
    if labels.startswith(VISIBLE):
        settings.append(study.cohorts[cell.cohort][VISIBLE][labels.removeprefix(f"{VISIBLE}-")])
    folder = paths.RUNS.format(**asdict(cell) | {"cohort": cohort or cell.cohort})
    return Made(folder, digest([*(part.digest for part in parts), settings]), f"{folder}/*/*/*/predictions.tsv")


def rows(study: Study) -> dict[str, str]:
    """Return, by cell, a digest of everything that its rows of the comparison depend on."""
    return {
        f"{cell.cohort}/{cell.path}": digest(
            [
                made_runs(study, cell).digest,
                study.training_jobs(cell),
                [copy.cohort for labels in (PERMUTATIONS, WITHIN_SITE) for copy in study.permuted(cell, labels)],
                study.bootstrap,
            ]
        )
        for cell in study.cells
    }


def _compared(study: Study) -> dict[str, str]:
    return rows(study) | ({"sensitivity": digest(list(study.sensitivity.items()))} if study.sensitivity else {})


def everything(study: Study) -> Iterator[Made]:
    """Name everything that a study makes before scoring, each once."""
    found: dict[str, Made] = {}
    for cell in study.cells:
        for made in (
            made_cohort(study, cell.cohort),
            made_input(study, study.input_name(cell), cell.cohort),
            made_split(study, study.scheme_name(cell), cell.cohort),
            made_runs(study, cell),
            *(made_runs(study, cell, copy.cohort) for copy in study.copies(cell)),
        ):
            found[made.key] = made
    yield from found.values()


def noted(study: Study, key: str) -> Any:
    """Return the content of a note, None if there is none."""
    note = Path(study.results, NOTES, f"{key}.json")
    return json.loads(note.read_text(encoding="utf-8")) if note.is_file() else None


def belongs(study: Study, made: Made) -> bool:
    """Whether the existing results were made with the study's current settings."""
    return bool(noted(study, made.key) == made.digest)


def check_belonging(study: Study) -> None:
    """
    Refuse results of another config that Snakemake would treat as this one's.

    Snakemake re-runs what it made with other settings, as recorded in its own notes. If these are lost or belong to
    another folder, it compares only times.

    Raises
    ------
    GlioBenchError
        Names what belongs to another config.
    """
    strangers = [made.key for made in everything(study) if _is_unknown_stranger(study, made)]
    if strangers:
        whose = _whose(noted(study, key) for key in strangers)
        raise GlioBenchError(
            f"{study.results} holds results of {whose} ({strangers[0]}{_more(strangers)}), and Snakemake's notes of "
            f"how they were made, .snakemake, are not here: move {study.results} away, rename the study, or re-run "
            "everything with --forceall."
        )


def _is_unknown_stranger(study: Study, made: Made) -> bool:
    if belongs(study, made):
        return False
    note = noted(study, made.key)
    found = Path(study.results).glob(made.files)
    there = next((path for path in found if not path.name.startswith(".")), None)  # a killed job leaves hidden files
    return there is not None and not _snakemake_knows(there, note)


def _snakemake_knows(path: Path, note: str | None) -> bool:
    """Whether Snakemake has a note on a file, made with those settings."""
    name = urlsafe_b64encode(path.as_posix().encode()).decode()
    parts = [name[start : start + LONGEST_NAME] for start in range(0, len(name), LONGEST_NAME)]
    record = Path(".snakemake", "metadata", *(f"@{part}" for part in parts[:-1]), parts[-1])
    return record.is_file() and (note or "") in record.read_text(encoding="utf-8")


def _whose(notes: Iterable[str | None]) -> str:
    """Say, from their notes, where results come from that are not this config's."""
    formats = {note.rpartition("-")[0] for note in notes if note}
    return "another config" if formats <= {str(FORMAT)} else "another version of GlioBench"


def _more(keys: list[str]) -> str:
    return f" and {len(keys) - 1} more" if len(keys) > 1 else ""


def strange_rows(study: Study) -> list[str]:
    """Return the cells of the last comparison with rows of another config, and its levels."""
    mine = _compared(study)
    there: Mapping[str, str] = noted(study, COMPARISON) or dict.fromkeys(mine, "")
    return [cell for cell, made_with in there.items() if mine.get(cell) != made_with]


def not_shown(study: Study, cells: list[str]) -> str:
    """Say that the tables are from another config or another version of GlioBench."""
    there, results = noted(study, COMPARISON) or {}, study.results
    whose = _whose(there.get(cell) for cell in cells)
    return (
        f"{results}/tables and {results}/report are from {whose} ({cells[0]}{_more(cells)}), so they are not "
        "shown; run the whole study to update them."
    )
