"""``python -m gliobench compare``: two finished studies, or two versions of one, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.changes import Change, changes, record_changes
from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import CELL
from gliobench.evaluation.same_patients import changed_series
from gliobench.evaluation.studies import (
    Finished,
    both_tables,
    cells_in_both,
    cells_only_in,
    check_common,
    differences_table,
    match_cohorts,
    probability_changes,
    redrawn_cohorts,
    shown_differences,
)
from gliobench.files import write_table
from gliobench.reporting.studies import Compared, comparison_sentences, write_comparison_page
from gliobench.reporting.terminal import print_differences, print_paragraphs
from gliobench.results import load
from gliobench.study_record import read_study_record
from gliobench.terms import GENERATED
from gliobench.wording import plural

NAME = "study"  # key of the config: the name, which changes no result


@dataclass(frozen=True, eq=False)
class Read:
    """A study as read: its tables, the records of its runs by cell, and what made it."""

    tables: Finished
    records: Mapping[tuple[str, ...], Mapping[str, Any]]
    made: Mapping[str, Any]


def compare_studies(first: str | Path, second: str | Path, output: str | Path) -> str:
    """
    Compare two finished studies: write a page, and a TSV of the differences beside it.

    Parameters
    ----------
    first, second : path
        Folders of the studies, for example ``results/demo``.
    output : path
        The page, a name that ends in ``.html``, outside both folders. The table has the same name with ``.tsv``.

    Returns
    -------
    str
        Sentences and a short table for a terminal, with the path of the page.

    Raises
    ------
    GlioBenchError
        A folder holds no finished study of this version, the studies have nothing in common, or the page would lie
        among their results.
    """
    page = Path(output)
    _check_output(page, [Path(first), Path(second)])
    ours, theirs = _read(first), _read(second)
    found = _found(ours, theirs)
    write_table(found.differences, page.with_suffix(".tsv"), "differences")
    write_comparison_page(page, found)
    table = print_differences(shown_differences(found.differences))
    return f"{table}{print_paragraphs(comparison_sentences(found))}\nComparison: {page.resolve()}"


def _check_output(page: Path, folders: Sequence[Path]) -> None:
    if page.suffix != ".html":
        raise GlioBenchError(f"--output {page}: the page is an HTML file; give it a name that ends in .html.")
    inside = [folder for folder in folders if page.resolve().is_relative_to(folder.resolve())]
    if inside:
        raise GlioBenchError(f"--output {page} lies in {inside[0]}, among its results; name a place outside.")


def _read(folder: str | Path) -> Read:
    results = load(folder)
    try:
        comparison = results.comparison
    except GlioBenchError as error:
        raise GlioBenchError(
            f"{folder}/tables/comparison.tsv is not as this version of GlioBench writes it: run that study again."
        ) from error
    records = {cohort: results.records(cohort) for cohort in results.cohorts if results.has_runs(cohort)}
    tables = Finished(
        name=str(folder),
        comparison=comparison,
        patients={cohort: results.patients(cohort) for cohort in results.cohorts},
        series={cohort: results.series(cohort) for cohort in results.cohorts},
        predictions={cohort: results.predictions(cohort) for cohort in records},
        generated={cohort for cohort, runs in records.items() if runs[0]["cohort_kind"] in GENERATED},
    )
    by_cell = {tuple(record[name] for name in CELL): record for runs in records.values() for record in reversed(runs)}
    return Read(tables, by_cell, read_study_record(Path(folder)))


def _found(first: Read, second: Read) -> Compared:
    pair = first.tables, second.tables
    check_common(*pair)
    matches = match_cohorts(*pair)
    return Compared(
        names=_names(first, second),
        facts=_facts(first, second),
        differences=differences_table(*pair, matches),
        redrawn=redrawn_cohorts(*pair, matches),
        patients=matches,
        changed_series={
            cohort: changed_series(of_cohort, both_tables(pair[0].series, pair[1].series, cohort))
            for cohort, of_cohort in matches.items()
        },
        config=changes(_without_name(first.made["config"]), _without_name(second.made["config"])),
        recorded=_recorded(first, second),
        alone=(cells_only_in(*pair), cells_only_in(pair[1], pair[0])),
        probabilities=probability_changes(*pair, matches),
    )


def _without_name(config: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key != NAME}


def _names(first: Read, second: Read) -> tuple[str, str]:
    """Name the studies: as they are called, or by their folders if both are called the same."""
    names = [str(read.made["config"][NAME]) for read in (first, second)]
    return (names[0], names[1]) if names[0] != names[1] else (first.tables.name, second.tables.name)


def _facts(first: Read, second: Read) -> pd.DataFrame:
    columns = [_facts_of(read) for read in (first, second)]
    return pd.DataFrame(
        {"fact": list(columns[0]), "first": list(columns[0].values()), "second": list(columns[1].values())}
    )


def _facts_of(read: Read) -> dict[str, str]:
    tables, config, origin = read.tables, read.made["config"], read.made["origin"]
    patients = sum(map(len, tables.patients.values()))
    cells = plural(len(tables.comparison[CELL].drop_duplicates()), "cell")
    return {
        "Folder": tables.name,
        "Study": str(config[NAME]),
        "Base seed": str(config["seed"]),
        "GlioBench": f"{origin['version']} (commit {origin['commit']})",
        "Report written": origin["written"],
        "Content": f"{cells}; {plural(patients, 'patient')} of {plural(len(tables.patients), 'cohort')}",
    }


def _recorded(first: Read, second: Read) -> list[tuple[Change, list[str] | None]]:
    """Collect what the trainings of the common cells recorded differently, each change with its cells."""
    cells = [
        cell
        for cell in cells_in_both(first.tables, second.tables).itertuples(index=False, name=None)
        if cell in first.records and cell in second.records
    ]
    whose: dict[Change, list[str]] = {}
    for cell in cells:
        for change in record_changes(first.records[cell], second.records[cell]):
            whose.setdefault(change, []).append(" ".join(cell))
    return [(change, None if len(named) == len(cells) else named) for change, named in whose.items()]
