"""
How fast a cohort is scored: the statistics job of this project against scipy and scikit-learn in a loop.

The cohort has 585 patients and 40 cells of repeated 5-fold cross-validation, with made-up scores: one job scores them
with intervals (11 scores, test and validation part), compares them in pairs, and splits their variance. The peer is
`scipy.stats.bootstrap` over patients within label, where each resample calls scikit-learn's AUC for each run, averaged
as here. It is timed on few resamples of one cell and score, and scaled to as many evaluations as BCa needs; it makes
no other score, no pair and no variance. Seconds are of processor time, so that a busy machine does not count: set
OMP_NUM_THREADS=1, as in the job.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_auc_score

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.evaluation.bootstrap import resample
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.columns import RUN
from gliobench.evaluation.metrics import auc, make_sample
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.runs import patient_rows
from gliobench.evaluation.variance import variance_table
from gliobench.files import required_columns
from gliobench.splits import draw_split

Cell = tuple[list[pd.DataFrame], list[dict[str, Any]]]
KFOLD: dict[str, Any] = {"method": "kfold", "folds": 5, "repeats": 5, "validation": 0.15}
APPROACHES, MODALITIES, BASELINES = 5, 4, 3  # 20 mains, 3 baselines; the other cells are variants


def make_patients(n: int) -> pd.DataFrame:
    """Return patients, 52 % of them with label 1, as in the competition."""
    labels = (np.arange(n) < round(0.52 * n)).astype(int)
    return pd.DataFrame({"patient_id": [f"{number:05d}" for number in range(n)], "label": labels})


def cell_names(n_cells: int) -> list[tuple[str, str, str]]:
    """Return approach, variant and modality of each cell."""
    mains = [(f"approach-{a}", "main", f"modality-{m}") for a in range(APPROACHES) for m in range(MODALITIES)]
    baselines = [("baseline", f"baseline-{number}", "all") for number in range(BASELINES)]
    variants = [(approach, "variant", modality) for approach, _, modality in mains]
    return [*mains, *baselines, *variants][:n_cells]


def make_cell(name: tuple[str, str, str], patients: pd.DataFrame, split: pd.DataFrame, seed: int) -> Cell:
    """Return the files of a cell whose scores are weakly related to the label."""
    rng = np.random.default_rng(seed)
    place = dict(zip(("approach", "variant", "modality"), name, strict=True)) | {"protocol": "harmonised"}
    rows = split.merge(patients, on="patient_id")
    evidence = rng.normal(0.2 * (2 * rows["label"] - 1), 1)
    rows = rows.assign(probability=1 / (1 + np.exp(-evidence)), log_odds=evidence, phase="final", part=rows["role"])
    columns = required_columns("predictions")
    predictions = [batch.reindex(columns=columns) for _, batch in rows.groupby("repeat")]
    records = [
        {**place, "cohort": "made-up", "weights": "none", "repeat": repeat, "seed_index": 0, "folds": []}
        for repeat in range(len(predictions))
    ]
    return predictions, records


def score_cohort(cells: Sequence[Cell], resamples: int) -> dict[str, float]:
    """Do the whole job, and return the seconds of its parts."""
    start = time.process_time()
    for predictions, records in cells:
        score_cell(predictions, records, base_seed=1, resamples=resamples)
    scored = time.process_time()
    pairs = pairwise_table(cells)
    paired = time.process_time()
    variance_table(cells)
    end = time.process_time()
    parts = {"scores": scored - start, "pairs": paired - scored, "variance": end - paired, "all": end - start}
    return parts | {"n_pairs": len(pairs)}


def plain_resamples(rows: pd.DataFrame, resamples: int) -> npt.NDArray[Any]:
    """Return resampled AUCs by scipy and scikit-learn: each resample scores each run again."""
    test = rows[rows["part"] == "test"].assign(
        place=lambda table: table["patient_id"].rank(method="dense").astype(int) - 1
    )
    runs = [tuple(run[name].to_numpy() for name in ("place", "label", "probability")) for _, run in test.groupby(RUN)]
    labels = test.drop_duplicates("place").sort_values("place")["label"].to_numpy()

    def statistic(positive: npt.NDArray[Any], negative: npt.NDArray[Any]) -> float:
        drawn = np.bincount(np.concatenate([positive, negative]), minlength=len(labels))
        aucs, pairs = [], []
        for place, label, probability in runs:
            weight = drawn[place]
            aucs.append(roc_auc_score(label, probability, sample_weight=weight))
            pairs.append(weight[label == 1].sum() * weight[label == 0].sum())
        folds = np.array(aucs).reshape(KFOLD["repeats"], -1)
        return float(np.average(folds, axis=1, weights=np.reshape(pairs, folds.shape)).mean())

    result = stats.bootstrap(
        (np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)),
        statistic,
        vectorized=False,
        n_resamples=resamples,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    return result.bootstrap_distribution


def compare_with_plain(cell: Cell, resamples: int, peer_resamples: int, n_cells: int) -> dict[str, float]:
    """Time both on the AUC of one cell; the plain one's time is scaled from fewer resamples."""
    rows = patient_rows(*cell)
    n_patients = rows["patient_id"].nunique()
    start = time.process_time()
    plain = plain_resamples(rows, peer_resamples)
    each = (time.process_time() - start) / peer_resamples
    seconds = each * (resamples + n_patients)  # BCa leaves out each patient, too
    sample = make_sample(rows[rows["part"] == "test"])
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    start = time.process_time()
    resample(lambda *weights: auc(sample, *weights)[None], sizes, 1, resamples)
    ours = time.process_time() - start
    same = resample(lambda *weights: auc(sample, *weights)[None], sizes, 1, peer_resamples)
    return {
        "plain_auc_of_one_cell": seconds,
        "ours_auc_of_one_cell": ours,
        "ratio": seconds / ours,
        "plain_auc_of_all_cells": seconds * n_cells,
        "largest_difference": float(np.abs(plain - same.drawn[0]).max()),
    }


def run(n_patients: int, n_cells: int, resamples: int, peer_resamples: int) -> dict[str, Any]:
    """Make the cohort up, and measure."""
    patients = make_patients(n_patients)
    split = draw_split(patients, pd.DataFrame(), KFOLD, 1).drop(columns=["modality", "slice_index"])
    cells = [make_cell(name, patients, split, seed) for seed, name in enumerate(cell_names(n_cells))]
    sizes = {"n_patients": n_patients, "n_cells": len(cells), "resamples": resamples, "peer_resamples": peer_resamples}
    return (
        sizes
        | {"seconds": score_cohort(cells, resamples)}
        | compare_with_plain(cells[0], resamples, peer_resamples, len(cells))
    )


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--patients", type=int, default=585, help="patients of the cohort (default 585)")
    parser.add_argument("--cells", type=int, default=40, help="cells of the cohort, at most 43 (default 40)")
    parser.add_argument("--resamples", type=int, default=2000, help="resamples behind each interval (default 2000)")
    parser.add_argument(
        "--peer-resamples", type=int, default=20, help="resamples that the peer is timed on (default 20)"
    )
    options = parser.parse_args()
    warnings.simplefilter("ignore", stats.DegenerateDataWarning)
    result = run(options.patients, options.cells, options.resamples, options.peer_resamples)
    if options.json:
        print(json.dumps(result))
        return
    seconds = result["seconds"]
    sizes = (
        f"{result['n_patients']} patients, {result['n_cells']} cells of 5x5 folds, {result['resamples']:,} resamples"
    )
    print(f"{sizes}; processor seconds")
    print(f"  the whole job            {seconds['all']:9.1f} s")
    print(f"    scores with intervals  {seconds['scores']:9.1f} s")
    print(f"    {seconds['n_pairs']:3} pairs              {seconds['pairs']:9.1f} s")
    print(f"    variance               {seconds['variance']:9.1f} s")
    ours, plain = result["ours_auc_of_one_cell"], result["plain_auc_of_one_cell"]
    print(f"  AUC of one cell: {ours:.2f} s here, {plain:.0f} s plain: {result['ratio']:.0f}x", end="")
    print(f" (plain: scaled from {result['peer_resamples']} resamples)")
    print(f"  the AUC alone of all cells, plain: {result['plain_auc_of_all_cells']:.0f} s")
    print(f"  AUCs of the same draws differ by {result['largest_difference']:.1e} at most")


if __name__ == "__main__":
    main()
