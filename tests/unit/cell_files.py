"""Files of one cell, made up: what the runs of a method with a known strength would have written."""

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.special import logit as log_odds_of

from gliobench.files import required_columns


def make_cell(
    cohort="planted",
    variant="main",
    protocol="harmonised",
    n=24,
    folds=3,
    repeats=1,
    seeds=1,
    signal=1.0,
    bad=(),
    phases=("final",),
    random_seed=0,
    approach="cnn3d",
    modality="FLAIR",
    slices=0,
    epochs=4,
    parameters=None,
    test_part="test",
):
    """
    Predictions, run records and histories of `repeats` x `seeds` batches; the folds in `bad` diverged.

    With `slices` each tested or validated patient has rows of so many slices too. `test_part` names the part that
    holds the patients who are tested; where it is None there are none.
    """
    rng = np.random.default_rng(random_seed)
    label = np.arange(n) % 2
    predictions, records, histories = [], [], []
    for repeat in range(repeats):
        fold_of = rng.permutation(np.repeat(np.arange(folds), -(-n // folds))[:n])
        for seed_index in range(seeds):
            good = [fold for fold in range(folds) if fold not in bad]
            logit = rng.normal(signal * (2 * label - 1), 1.0, size=(len(phases), folds, n))
            table = _predictions(logit, fold_of, label, good, phases, test_part)
            predictions.append(_with_slices(table, slices, rng) if slices else table)
            histories.append(_history(rng, good, phases, epochs))
            records.append(
                {
                    "approach": approach,
                    "variant": variant,
                    "cohort": cohort,
                    "modality": modality,
                    "protocol": protocol,
                    "repeat": repeat,
                    "seed_index": seed_index,
                    "batch": 0,
                    "weights": "none",
                    "parameters": parameters or {},
                    "folds": [_fold(fold, fold in bad, phases, epochs) for fold in range(folds)],
                }
            )
    return predictions, records, histories


def _predictions(logit, fold_of, label, good, phases, test_part):
    rows = [
        (fold, phase, part, f"{patient:05d}", None, None, int(label[patient]),
         expit(logit[place, fold, patient]), logit[place, fold, patient], None)
        for place, phase in enumerate(phases)
        for fold in good
        for part, members in (
            (test_part, np.flatnonzero(fold_of == fold)),
            ("validation", np.flatnonzero(fold_of != fold)[:6]),
            ("train", np.flatnonzero(fold_of != fold)[6:]),
        )
        for patient in members
        if part
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=required_columns("predictions"))


def _with_slices(table, slices, rng):
    scored = table[table["part"] != "train"]
    rows = scored.loc[scored.index.repeat(slices)].assign(modality="FLAIR")
    noise = rng.normal(0, 0.1, size=len(rows))
    rows = scored_as(rows.assign(slice_index=np.tile(np.arange(slices), len(scored))), rows["probability"] + noise)
    return pd.concat([table, rows], ignore_index=True)


def scored_as(rows, probability):
    """Give rows of predictions other probabilities, of which 0 and 1 have the log odds of 1e-15 and 1 - 1e-15."""
    probability = np.clip(np.asarray(probability, float), 0, 1)
    return rows.assign(probability=probability, log_odds=log_odds_of(np.clip(probability, 1e-15, 1 - 1e-15)))


def _history(rng, good, phases, epochs):
    names = required_columns("history")
    rows = [
        (fold, epoch, phase, *rng.uniform(0.3, 0.9, size=6), 1.0)
        for fold in good
        for phase in phases
        for epoch in range(1, epochs + 1)
    ]
    return pd.DataFrame(rows, columns=names)


def _fold(fold, diverged, phases, epochs):
    reason = "the loss is not a number in epoch 3" if diverged else None
    fold_of = {"fold": fold, "status": "diverged" if diverged else "ok", "reason": reason}
    best = {} if diverged else dict.fromkeys(phases, min(3, epochs))
    return fold_of | {"n_train": 40, "n_validation": 6, "n_test": 8, "best_epoch": best, "seconds": 1.5}


def make_series(n=12, excluded=("00003",), failed=("00005",)):
    """Table ``series`` of `n` patients in two modalities; the named ones have no usable FLAIR."""
    rows = []
    for patient in (f"{number:05d}" for number in range(n)):
        for modality in ("FLAIR", "T2w"):
            status, reason = "ok", None
            if modality == "FLAIR" and patient in excluded:
                status, reason = "excluded", "named in the config"
            if modality == "FLAIR" and patient in failed:
                status, reason = "failed", "no DICOM file in the folder"
            read = status != "failed"
            rows.append(
                {
                    "patient_id": patient,
                    "modality": modality,
                    "n_files": 20 if read else 0,
                    "n_slices": 20 + int(patient) if read else None,
                    "rows": 64 if read else None,
                    "columns": 48 if read else None,
                    "spacing": 1.5 if read else None,
                    "slice_spacing": 5.0 if read else None,
                    "orientation_status": "stated" if read else None,
                    "plane": ("axial", "coronal")[int(patient) % 2] if read else None,
                    "ordered_by": "position" if read else None,
                    "transfer_syntax": "1.2.840.10008.1.2.1" if read else None,
                    "manufacturer": None,
                    "blank_fraction": 0.0 if read else None,
                    "status": status,
                    "reason": reason,
                }
            )
    return pd.DataFrame(rows)
