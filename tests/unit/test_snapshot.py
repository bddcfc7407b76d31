"""What a study has so far: links to its files, in a folder of its own."""

import os
from pathlib import Path

import pytest

from gliobench import belonging, snapshot
from gliobench.files import write_text
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
CONFIG = {
    "study": "one",
    "seed": 1,
    "cohorts": {"made": {"kind": "synthetic", "replicates": 2}},
    "runs": [{"approach": "baseline", "variants": ["header", "intensity"], "permutations": 1}],
    "splits": {"kfold": {"repeats": 2}},
}


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = Study(CONFIG, ROOT)
    take_notes(study)
    return study


def take_notes(study):
    """Say that what there will be belongs to the study's config."""
    for made in belonging.everything(study):
        for path, text in belonging.note_of(study, made).items():
            write_text(text, path)


def run(folder, names=snapshot.RUN_FILES):
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        Path(folder, name).write_text(f"{folder} {name}")


def there(folder):
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_training_counts_once_all_its_files_are_there(study):
    first, second = study.run_folders(study.cells[0])
    run(first)
    run(second, ["predictions.tsv", "history.tsv"])
    folder = snapshot.take_snapshot(study)
    assert folder == str(Path("results/one/partial").resolve())
    below = Path(first).relative_to("results/one").as_posix()
    assert there(folder) == {f"{below}/{name}" for name in snapshot.RUN_FILES}


def test_a_snapshot_stays_as_it_is_while_the_study_makes_its_files_anew(study):
    first, _ = study.run_folders(study.cells[0])
    run(first)
    folder = Path(snapshot.take_snapshot(study))
    link = folder / Path(first).relative_to("results/one") / "run.json"
    before = link.read_text()
    Path(first, "run.json").unlink()
    Path(first, "run.json").write_text("made anew")
    assert link.read_text() == before
    snapshot.take_snapshot(study)
    assert link.read_text() == "made anew"


def test_the_next_snapshot_lacks_what_the_study_lacks_and_leaves_the_rest_untouched(study):
    first, second = study.run_folders(study.cells[0])
    run(first)
    run(second)
    folder = Path(snapshot.take_snapshot(study))
    report = folder / "report" / "index.html"
    report.parent.mkdir()
    report.touch()
    Path(second, "run.json").unlink()
    times = {path: path.stat().st_mtime_ns for path in (folder / Path(first).relative_to("results/one")).iterdir()}
    snapshot.take_snapshot(study)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert not snapshot.has_run(str(folder / Path(second).relative_to("results/one")))
    assert report.is_file()


def test_files_are_copied_with_their_times_where_there_are_no_links(study, monkeypatch):
    def refuse(*_):
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    first, _ = study.run_folders(study.cells[0])
    run(first)
    folder = Path(snapshot.take_snapshot(study))
    copy = folder / Path(first).relative_to("results/one") / "run.json"
    assert copy.read_text() == Path(first, "run.json").read_text()
    assert copy.stat().st_mtime_ns == Path(first, "run.json").stat().st_mtime_ns


def test_a_study_looked_at_in_part_draws_whole_cells_and_keeps_every_cell(study):
    for cell in study.cells[:2]:
        for folder in study.run_folders(cell)[: 2 if cell.variant == "header" else 1]:
            run(folder)
    n_cells = len(study.cells)
    snapshot.look_at(study, snapshot.take_snapshot(study))
    assert [(cell.cohort, cell.variant) for cell in study.drawn] == [("made-01", "header")]
    assert len(study.cells) == n_cells
    assert study.replicates_of == {"made": ["made-01", "made-02"]}


def test_a_group_without_a_whole_cell_is_no_group_yet(study):
    snapshot.look_at(study, snapshot.take_snapshot(study))
    assert study.replicates_of == {}


@pytest.mark.parametrize(("there", "word"), [(3, "an unfinished"), (4, "a finished")])
def test_a_report_says_how_much_of_the_study_it_is_made_of(there, word):
    assert snapshot.about(there, 4) == f"This report is of {word} study: {there} of 4 training jobs exist."


def test_a_training_of_another_config_does_not_count(study):
    first, _ = study.run_folders(study.cells[0])
    run(first)
    other = Study(CONFIG | {"seed": 2}, ROOT)
    assert there(snapshot.take_snapshot(other)) == set()
    take_notes(other)
    assert there(snapshot.take_snapshot(other))
