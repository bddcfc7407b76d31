"""The results of a study so far, in a separate folder: the study may continue without changing them."""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from gliobench import paths
from gliobench.belonging import belongs, made_runs
from gliobench.study import Study

TARGET = "partial"
# Environment variables, so that jobs know them too: the folder, and where Snakemake was started.
FOLDER, STARTED = "GLIOBENCH_PARTIAL", "GLIOBENCH_STARTED"
RUN_FILES = ("predictions.tsv", "history.tsv", "run.json")
COHORT_FILES = ("patients.tsv", "series.tsv", "left_out.tsv")
MEASURED = ("generate.tsv", "audit/*.tsv", "preprocess/**/*.tsv", "tuning/**/*.tsv", "explanations/**/*.tsv")
INDEXES = "inputs/*/*.tsv"  # of a cohort: which inputs could be made of its series
OF_STUDY = ("fields/*.json", ".settings/shards.json")
PICTURES = ("*/audit.png", "*/*/slices-*.png", "**/examples.png", "**/gradcam.png")  # drawn from images or by a network
LINKED = (
    *COHORT_FILES,
    INDEXES,
    "runs/**/*",
    "tuning/**/*",
    "benchmarks/**/*",
    "permutations*/**/*",
    "spiked-*/**/*",
    "visible-*/**/*",
)


def take_snapshot(study: Study) -> str:
    """
    Link the existing results of a study into its folder ``partial``, and return that folder's absolute path.

    A training counts once all its files exist, made with the settings of this config. A link keeps a file as it is,
    even if the study re-creates it; files of an earlier snapshot that this one lacks are removed.
    """
    source = Path(study.results)
    folder = (source / TARGET).resolve()
    wanted = {path for group in _groups(study, source) for path in _link_all(group, source, folder)}
    for path in _linked(study, folder):
        if path not in wanted:
            path.unlink()
    return str(folder)


def look_at(study: Study, folder: str) -> None:
    """Restrict a study's results, figures and controls to a snapshot: to the cells with all their runs."""
    study.in_part, study.results = True, folder
    study.drawn = [cell for cell in study.cells if all(map(has_run, study.run_folders(cell)))]
    there = {cell.cohort for cell in study.drawn}
    study.replicates_of = {name: members for name, members in study.replicates_of.items() if there & set(members)}
    levels = {name: members for name, members in study.sensitivity.items() if name in study.replicates_of}
    study.sensitivity = levels if len(levels) > 1 else {}


def about(there: int, wanted: int) -> str:
    """Say how much of a study a report is made of: trainings that exist, and those of the whole study."""
    whole = "a finished" if there == wanted else "an unfinished"
    return f"This report is of {whole} study: {there} of {wanted} training jobs exist."


def has_run(folder: str) -> bool:
    """Whether all files of a training exist."""
    return all(Path(folder, name).is_file() for name in RUN_FILES)


def _groups(study: Study, source: Path) -> Iterator[list[Path]]:
    """Name the files that count together or not at all: of a training, of a cohort, and what a job took."""
    for cell in study.cells:
        for each in (cell, *study.copies(cell)):
            if not belongs(study, made_runs(study, cell, each.cohort)):
                continue
            yield from ([Path(folder, name) for name in RUN_FILES] for folder in study.run_folders(each))
            yield from ([Path(benchmark)] for benchmark in study.run_benchmarks(each))
        tuning = source / paths.TUNING.format(**asdict(cell))
        yield [tuning / "trials.tsv", tuning / "best.json"]
    for cohort in study.cohorts:
        yield [source / cohort / name for name in COHORT_FILES]
        benchmarks = source / cohort / "benchmarks"
        yield from ([path] for stage in MEASURED for path in sorted(benchmarks.glob(stage)))
        yield from ([path] for path in sorted((source / cohort).glob(INDEXES)))
    yield from ([path] for name in OF_STUDY for path in sorted(source.glob(name)))
    yield from ([path] for name in PICTURES for path in sorted((source / "figures").glob(name)))


def _link_all(group: Iterable[Path], source: Path, folder: Path) -> list[Path]:
    """Link some files, or none of them if one does not exist (any more)."""
    links = {path: folder / path.relative_to(source) for path in group}
    try:
        for path, link in links.items():
            _link(path, link)
    except FileNotFoundError:
        for link in links.values():
            link.unlink(missing_ok=True)
        return []
    return list(links.values())


def _link(path: Path, link: Path) -> None:
    there = path.stat()
    if link.exists() and (link.stat().st_ino, link.stat().st_mtime_ns) == (there.st_ino, there.st_mtime_ns):
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    try:
        os.link(path, link)
    except FileNotFoundError:
        raise
    except OSError:  # no links on this file system
        shutil.copy2(path, link)


def _linked(study: Study, folder: Path) -> list[Path]:
    """Return the files of an earlier snapshot, without those made from it."""
    found = [path for cohort in study.cohorts for name in LINKED for path in (folder / cohort).glob(name)]
    found += [path for name in OF_STUDY for path in folder.glob(name)]
    found += [path for name in PICTURES for path in (folder / "figures").glob(name)]
    return [path for path in found if path.is_file()]
