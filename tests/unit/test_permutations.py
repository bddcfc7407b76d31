"""The whole procedure on permuted labels: draw the labels, draw the splits, train, and count."""

import numpy as np
import pandas as pd
import pytest

from cell_files import make_cell
from gliobench.approaches import baseline
from gliobench.cohorts.permute import permute_labels
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.cohort import permuted_runs
from gliobench.inputs.facts import HEADER, INTENSITY
from gliobench.inputs.patient_facts import with_patient_facts
from gliobench.splits import draw_split
from gliobench.training import Job, Machine
from gliobench.training.folds import gather_folds, train_folds

KFOLD = {"method": "kfold", "folds": 2, "repeats": 1, "validation": 0.2}
CELL = {"cohort": "made", "approach": "baseline", "variant": "intensity", "modality": "all", "protocol": "harmonised"}
N = 40
COPIES = 9


def patients():
    return pd.DataFrame(
        {
            "patient_id": [f"{number:05}" for number in range(N)],
            "label": np.arange(N) % 2,
            "label_name": ["no", "yes"] * (N // 2),
            "oracle_probability": 0.5,
        }
    )


def facts(signal):
    """Facts of one series of each patient, of which one follows the true label."""
    inputs = np.random.default_rng(7).normal(size=(N, 1, len(HEADER) + len(INTENSITY)))
    inputs[:, 0, len(HEADER)] += signal * (np.arange(N) % 2)
    return with_patient_facts(inputs)


def trained(cohort, people, inputs, folder, seed):
    """One run's predictions and record, on labels as they are given and folds drawn for them."""
    split = draw_split(people, pd.DataFrame(), KFOLD, seed)
    names = {"scheme": "kfold", "phases": ["final"], "parameters": {"features": "intensity", "C": 1}}
    names |= {"input": {"kind": "facts"}, "series": ["T1w"], "toolchain": "sklearn", "cohort_kind": "rsna"}
    names |= {"library": "0123456789abcdef"}
    job = Job(CELL | {"cohort": cohort}, repeat=0, seed_index=0, batch=0, batches=1, seed=seed, **names)
    index = people[["patient_id", "label"]].assign(modality=None, slice_index=None)
    folds = train_folds(job, baseline, inputs, index, split, folder / cohort, Machine(), "cpu")
    record = job.cell | {"repeat": 0, "seed_index": 0, "batch": 0, "weights": "none", "folds": folds}
    return gather_folds(folder / cohort, folds, "predictions"), record


def scored(signal, folder):
    """Score the baseline on a made-up cohort and on its copies; the row of the test part."""
    people, inputs = patients(), facts(signal)
    copies = [
        trained(f"made/permutations/{number:03}", permute_labels(people, number), inputs, folder, number)
        for number in range(1, COPIES + 1)
    ]
    predictions, record = trained("made", people, inputs, folder, 0)
    permuted = permuted_runs(CELL, "permutations", *zip(*copies, strict=True))
    metrics = score_cell([predictions], [record], base_seed=0, resamples=100, copies=permuted)
    return metrics.set_index("part").loc["test"]


def test_a_planted_signal_is_beaten_by_no_permutation(tmp_path):
    row = scored(4.0, tmp_path)
    assert row["auc"] > 0.9
    assert (row["p_chance"], row["n_permutations"]) == (pytest.approx(1 / (1 + COPIES)), COPIES)


def test_without_a_signal_permutations_do_as_well(tmp_path):
    row = scored(0.0, tmp_path)
    assert row["p_chance"] > 0.1
    assert row["n_permutations"] == COPIES


def test_runs_on_copies_are_gathered_by_cell_and_copy():
    names = [f"planted/permutations/{number:03}" for number in (2, 1)]
    cells = [make_cell(cohort=name, variant=variant, repeats=2) for name in names for variant in ("main", "deep")]
    cells.append(make_cell(cohort="planted-2/permutations/001"))
    predictions = [table for cell in cells for table in cell[0]]
    records = [record for cell in cells for record in cell[1]]
    cell = {name: cells[0][1][0][name] for name in ("approach", "variant", "modality", "protocol")}
    gathered = permuted_runs(cell | {"cohort": "planted"}, "permutations", predictions, records)
    assert [[record["cohort"] for record in own] for _, own in gathered] == [[names[1]] * 2, [names[0]] * 2]
    assert {record["variant"] for _, own in gathered for record in own} == {"main"}
    assert all(tables[0] is not tables[1] for tables, _ in gathered)
    assert gathered[1][0][0] is predictions[0]
    assert permuted_runs(cell | {"cohort": "no-signal"}, "permutations", predictions, records) == []
