"""One job trains several copies of a cohort with other labels, each as if it were alone."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.evaluation.runs import read_runs
from gliobench.files import table_schema, write_table
from gliobench.terms import PERMUTATIONS, copies_in, copies_name, copy_number
from gliobench.training import Job, Machine, folds
from gliobench.training.job import run_job
from gliobench.training.labels import permuted

N = 24
CELL = {"cohort": "made", "approach": "baseline", "variant": "id_order", "modality": "all", "protocol": "harmonised"}
KFOLD = {"method": "kfold", "folds": 2, "repeats": 1, "validation": 0.2}


@pytest.fixture
def cohort(tmp_path):
    """The tables of a cohort."""
    ids = [f"p{number:02}" for number in range(N)]
    patients = pd.DataFrame({"patient_id": ids, "label": np.arange(N) % 2, "label_name": ["no", "yes"] * (N // 2)})
    patients = patients.assign(site=None, oracle_probability=None)
    write_table(patients, tmp_path / "patients.tsv", "patients")
    write_table(pd.DataFrame(columns=list(table_schema("series")["properties"])), tmp_path / "series.tsv", "series")
    return SimpleNamespace(patients=tmp_path / "patients.tsv", series=tmp_path / "series.tsv")


def train(cohort, numbers, folder, batch=0, batches=1, **scheme):
    """Train on some copies in one job; return the paths of its results."""
    name = copies_name("made", PERMUTATIONS, numbers)
    settings = {"scheme": "kfold", "phases": ["final"], "parameters": {"features": "id_order", "C": 1}, "seed": 0}
    settings |= {"input": {"kind": "facts"}, "series": [], "toolchain": "sklearn", "cohort_kind": "rsna"}
    settings |= {"repeat": 0, "seed_index": 0, "batch": batch, "batches": batches, "library": "0" * 16}
    job = Job(CELL | {"cohort": name}, **settings)
    seeds = {copy: copy_number(copy) for copy in copies_in(name)}
    asked = {"seeds": seeds, "scheme": KFOLD | scheme, "within_sites": False}
    folder = folder / name
    names = {"predictions": "predictions.tsv", "history": "history.tsv", "record": "run.json", "models": "models"}
    outputs = SimpleNamespace(**{output: folder / file for output, file in names.items()})
    run_job(job, Machine(), permuted.labelled(cohort, asked), [], outputs)
    return outputs


def test_copies_of_one_job_are_scored_like_those_of_a_job_each(cohort, tmp_path):
    together = train(cohort, range(1, 4), tmp_path / "together")
    alone = [train(cohort, range(number, number + 1), tmp_path / "alone") for number in (1, 2, 3)]
    tables, records = read_runs([together.predictions], [together.record])
    others, of_others = read_runs([each.predictions for each in alone], [each.record for each in alone])
    assert [record["cohort"] for record in records] == [f"made/permutations/00{number}" for number in (1, 2, 3)]
    for table, other in zip(tables, others, strict=True):
        pd.testing.assert_frame_equal(table, other)
    assert len({tuple(table["label"]) for table in tables}) == 3, "each copy has labels of its own"
    timed = {"seconds", "samples_per_second", "peak_memory_bytes"}
    for record, other in zip(records, of_others, strict=True):
        assert record["cohort"] == other["cohort"]
        assert [{k: v for k, v in fold.items() if k not in timed} for fold in record["folds"]] == [
            {k: v for k, v in fold.items() if k not in timed} for fold in other["folds"]
        ]


def test_models_of_copies_are_not_kept(cohort, tmp_path):
    outputs = train(cohort, range(1, 3), tmp_path)
    assert list(outputs.models.iterdir()) == []


def test_copies_that_cannot_be_split_are_copies_without_predictions_and_with_the_reason(cohort, tmp_path):
    outputs = train(cohort, range(1, 3), tmp_path, folds=N)
    tables, records = read_runs([outputs.predictions], [outputs.record])
    assert [len(table) for table in tables] == [0, 0]
    assert [record["cohort"] for record in records] == ["made/permutations/001", "made/permutations/002"]
    for record in records:
        assert {fold["status"] for fold in record["folds"]} == {"failed"}
        assert all("folds need" in fold["reason"] for fold in record["folds"])


def test_of_a_split_that_cannot_be_drawn_the_batches_without_a_fold_end_without_predictions(cohort, tmp_path):
    outputs = train(cohort, range(1, 3), tmp_path, batch=1, batches=2, folds=N)
    tables, records = read_runs([outputs.predictions], [outputs.record])
    assert [len(table) for table in tables] == [0, 0]
    assert [record["folds"] for record in records] == [[], []]


def test_a_killed_job_keeps_the_copies_that_are_done(cohort, tmp_path, monkeypatch):
    train_fold, trained = folds._train_fold, []

    def dying(fold, *others):
        if fold.job.cell["cohort"] == "made/permutations/002":
            raise KeyboardInterrupt
        return train_fold(fold, *others)

    def noting(fold, *others):
        trained.append(fold.job.cell["cohort"])
        return train_fold(fold, *others)

    whole = train(cohort, range(1, 4), tmp_path / "whole")
    monkeypatch.setattr(folds, "_train_fold", dying)
    with pytest.raises(KeyboardInterrupt):
        train(cohort, range(1, 4), tmp_path / "killed")
    monkeypatch.setattr(folds, "_train_fold", noting)
    resumed = train(cohort, range(1, 4), tmp_path / "killed")
    assert set(trained) == {"made/permutations/002", "made/permutations/003"}
    assert resumed.predictions.read_bytes() == whole.predictions.read_bytes()


@given(st.integers(1, 999), st.integers(1, 30))
def test_the_name_of_copies_tells_each_of_them(first, count):
    numbers = range(first, first + count)
    names = copies_in(copies_name("made", PERMUTATIONS, numbers))
    assert [copy_number(name) for name in names] == list(numbers)
    assert all(copies_in(name) == [name] for name in names)


@pytest.mark.parametrize("name", ["made", "5", "5-7", "made/visible-oedema", "made/visible-5"])
def test_other_names_are_of_no_copies(name):
    assert (copies_in(name), copy_number(name)) == ([name], None)
