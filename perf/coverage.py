"""
How often the 95 % intervals of the AUC miss what they should cover.

Independent scores: normal scores of known AUC, one model, redrawn each time. The interval of the tables is measured
along with each of its methods alone, which is how the limit between them was chosen. Samples with an AUC of 1 or 0
have neither, and count only for the tables' interval.

Cross-validation: null cohorts (standard normal features unrelated to the label), logistic regression retrained in
every fold, under the harmonised protocol of `config/splits.yaml`. The interval is conditional on the fitted
models, and is compared with the AUC of the procedure, 0.5.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import yaml
from scipy import stats
from sklearn.linear_model import LogisticRegression

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.evaluation.bootstrap import bca_intervals, resample
from gliobench.evaluation.delong import logit_interval
from gliobench.evaluation.intervals import patient_intervals
from gliobench.evaluation.metrics import Sample, auc, make_sample, unit_weights
from gliobench.splits import draw_split

SPLITS = Path(__file__).parents[1] / "config" / "splits.yaml"
INDEPENDENT = [  # positives, negatives, AUC
    *((60, 60, area) for area in (0.5, 0.7, 0.9, 0.95, 0.967, 0.983, 0.992)),
    *((30, 30, area) for area in (0.5, 0.9, 0.967)),
    *((15, 9, area) for area in (0.5, 0.667, 0.778, 0.889, 0.944)),
]
N_PATIENTS, N_FEATURES = 120, 20

Ends = tuple[float, float]


def independent_sample(positives: int, negatives: int, area: float, rng: np.random.Generator) -> Sample:
    """Return scores of one model that has an AUC of `area` in the population."""
    labels = np.repeat([1, 0], [positives, negatives])
    scores = rng.normal(labels * np.sqrt(2) * stats.norm.ppf(area), 1)
    patients = [f"{number:03d}" for number in range(len(labels))]
    rows = pd.DataFrame({"patient_id": patients, "label": labels, "probability": stats.norm.cdf(scores)})
    return make_sample(rows.assign(repeat=0, seed_index=0, fold=0))


def bootstrap_interval(sample: Sample, seed: int, resamples: int) -> Ends:
    """Return the BCa interval of the AUC, wherever it lies."""
    sizes = len(sample.positive.patients), len(sample.negative.patients)
    low, high = bca_intervals(resample(lambda *weights: auc(sample, *weights)[None], sizes, seed, resamples))[0]
    return float(low), float(high)


def measure_independent(positives: int, negatives: int, area: float, n: int, resamples: int) -> dict[str, Any]:
    """Return miss rates on `n` samples."""
    rng = np.random.default_rng(1)
    missed: dict[str, list[bool]] = {"tables": [], "bootstrap": [], "logit_delong": []}
    for seed in range(n):
        sample = independent_sample(positives, negatives, area, rng)
        ends = {
            "tables": patient_intervals(sample, seed, resamples)[0]["auc"],
            "bootstrap": bootstrap_interval(sample, seed, resamples),
            "logit_delong": logit_interval(sample),
        }
        for name, pair in ends.items():
            if not np.isnan(pair).any():
                missed[name].append(misses(pair, area))
    rates = {name: float(np.mean(values)) for name, values in missed.items()}
    return {"positives": positives, "negatives": negatives, "auc": area, "n": len(missed["tables"])} | rates


def misses(ends: Ends, truth: float) -> bool:
    """Return whether an interval leaves the truth out."""
    return not ends[0] <= truth <= ends[1]


Run = tuple[Any, Any, npt.NDArray[Any], npt.NDArray[Any]]  # repeat, fold, training and test patients


def draw_folds() -> tuple[pd.DataFrame, list[Run]]:
    """Return patients, and repeat, fold, training and test patients of each run; all cohorts share the folds."""
    scheme = yaml.safe_load(SPLITS.read_text(encoding="utf-8"))["kfold"]
    names = [f"{number:03d}" for number in range(N_PATIENTS)]
    patients = pd.DataFrame({"patient_id": names, "label": np.arange(N_PATIENTS) % 2})
    split = draw_split(patients, pd.DataFrame(), scheme, 1)
    place = split["patient_id"].astype(int).to_numpy()
    runs = []
    for (repeat, fold), rows in split.assign(place=place).groupby(["repeat", "fold"]):
        train, test = (rows.loc[rows["role"] == role, "place"].to_numpy() for role in ("train", "test"))
        runs.append((repeat, fold, train, test))
    return patients, runs


def null_cohort(patients: pd.DataFrame, runs: list[Run], seed: int) -> Sample:
    """Return the test scores of logistic regression, cross-validated on features that know nothing of the label."""
    features = np.random.default_rng(seed).normal(size=(N_PATIENTS, N_FEATURES))
    labels = patients["label"].to_numpy()
    scored = []
    for repeat, fold, train, test in runs:
        probability = LogisticRegression().fit(features[train], labels[train]).predict_proba(features[test])[:, 1]
        scored.append(patients.iloc[test].assign(probability=probability, repeat=repeat, seed_index=0, fold=fold))
    return make_sample(pd.concat(scored))


def measure_cross_validation(n: int, resamples: int) -> dict[str, Any]:
    """Return the miss rate on `n` null cohorts, with its own 95 % interval."""
    folds = draw_folds()
    areas, missed = [], []
    for seed in range(n):
        sample = null_cohort(*folds, seed)
        areas.append(float(auc(sample, *unit_weights(sample))))
        missed.append(misses(patient_intervals(sample, seed, resamples)[0]["auc"], 0.5))
    ends = stats.binomtest(sum(missed), n).proportion_ci(method="wilson")
    rate = {"missed": float(np.mean(missed)), "low": float(ends.low), "high": float(ends.high)}
    return {"n": n} | rate | {"mean_auc": float(np.mean(areas)), "sd_auc": float(np.std(areas, ddof=1))}


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.add_argument("--samples", type=int, default=1000, help="simulated samples and cohorts (default 1000)")
    parser.add_argument("--resamples", type=int, default=500, help="resamples behind each interval (default 500)")
    parser.add_argument("--only", choices=("independent", "cross-validation"))
    options = parser.parse_args()
    if options.only != "independent":
        result = measure_cross_validation(options.samples, options.resamples)
        if options.json:
            print(json.dumps(result), flush=True)
        else:
            print(f"cross-validation: {result['n']} null cohorts of {N_PATIENTS} patients, {N_FEATURES} noise features")
            print(f"  the interval misses 0.5 in {result['missed']:.1%} ({result['low']:.1%} to {result['high']:.1%})")
            print(f"  AUC {result['mean_auc']:.3f}, standard deviation {result['sd_auc']:.3f}", flush=True)
    if options.only == "cross-validation":
        return
    if not options.json:
        print("independent scores, miss rates\npositive/negative    AUC  tables  bootstrap  logit DeLong", flush=True)
    for case in INDEPENDENT:
        row = measure_independent(*case, options.samples, options.resamples)
        if options.json:
            print(json.dumps(row), flush=True)
        else:
            sizes, rates = (
                f"{row['positives']}/{row['negatives']}",
                (row["tables"], row["bootstrap"], row["logit_delong"]),
            )
            print(f"{sizes:>17} {row['auc']:6.3f}  {rates[0]:6.1%}  {rates[1]:9.1%}  {rates[2]:12.1%}", flush=True)


if __name__ == "__main__":
    main()
