"""
What permutations among all patients, and within sites, call significant where hospitals differ.

Each generated table has the sites of the competition's labels: 585 patients, 247 and 207 of them at two hospitals with
62 % and 43 % of label 1, ten smaller ones and 8 patients of unknown site. Features tell the hospitals apart.
Without a signal they say nothing else of the label; planted tables have one within every site. A linear discriminant is
cross-validated on the table and on copies with permuted labels, its folds drawn anew on each copy. Permutations, folds,
AUCs, p values and intervals are those of the tables of a study.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.model_selection import StratifiedKFold

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.cohorts.permute import permute_labels
from gliobench.evaluation.chance import permutation_p
from gliobench.evaluation.intervals import default_factor
from gliobench.evaluation.metrics import Group, Pairs, Sample, auc, unit_weights
from gliobench.evaluation.sites import auc_within_site, site_scores

SIZES = (247, 207, 35, 28, 14, 13, 12, 6, 5, 4, 3, 3)  # of the sites, as in the crosswalk of BraTS 2021
UNKNOWN = 8
RATES = {0: 0.62, 1: 0.43}  # of label 1 at the two largest sites
ELSEWHERE = 0.52
N_FEATURES, OF_SITE, INFORMATIVE, RIDGE = 20, 10, 5, 1.0
SIGNAL = 0.35  # distance of the labels along the informative features, in standard deviations
FOLDS = 5
LEVEL = 0.05
KINDS = {"all patients": False, "within sites": True}

Array = np.ndarray[Any, Any]


def draw_table(rng: np.random.Generator, confounded: bool, planted: bool) -> tuple[pd.DataFrame, Array]:
    """Return the patients of a generated cohort and their features."""
    n = sum(SIZES) + UNKNOWN
    hospital = np.r_[np.repeat(np.arange(len(SIZES)), SIZES), rng.integers(0, 2, UNKNOWN)]
    rates = np.array([RATES.get(site, ELSEWHERE) if confounded else ELSEWHERE for site in range(len(SIZES))])
    labels = (rng.random(n) < rates[hospital]).astype(int)
    features = rng.normal(size=(n, N_FEATURES))
    features[:, :OF_SITE] += rng.normal(size=(len(SIZES), OF_SITE))[hospital]
    if planted:
        features[:, -INFORMATIVE:] += (labels[:, None] - 0.5) * SIGNAL / np.sqrt(INFORMATIVE)
    known = np.arange(n) < sum(SIZES)
    sites = [f"site-{site:02}" if there else None for site, there in zip(hospital, known, strict=True)]
    ids = [f"{number:05}" for number in rng.permutation(n)]
    patients = pd.DataFrame({"patient_id": ids, "label": labels, "label_name": labels.astype("str"), "site": sites})
    return patients, features


def cross_validate(patients: pd.DataFrame, features: Array, seed: int) -> Sample:
    """Return the test scores of a linear discriminant, in folds drawn for these labels."""
    labels = patients["label"].to_numpy(int)
    return as_sample(patients["patient_id"].to_numpy(), labels, scored_folds(features, labels, seed))


def scored_folds(features: Array, labels: Array, seed: int) -> list[tuple[int, Array, Array]]:
    """Return fold, test patients and their scores; folds are stratified by label alone, as those of a study."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(features, labels)
    return [
        (fold, test, discriminant(features[train], labels[train], features[test]))
        for fold, (train, test) in enumerate(folds)
    ]


def as_sample(patient_ids: Array, labels: Array, scored: list[tuple[int, Array, Array]]) -> Sample:
    """Return what `make_sample` makes of the predictions of one repeat, without what only other scores need."""
    groups, place = [], np.zeros(len(labels), int)
    for label in (1, 0):
        mine = np.flatnonzero(labels == label)
        place[mine] = np.arange(len(mine))
        groups.append(Group(pd.Index(patient_ids[mine]), np.ones((len(mine), 1)), *[np.empty((len(mine), 0))] * 3))
    runs = []
    for fold, test, log_odds in scored:
        high, low = (labels[test] == label for label in (1, 0))
        wins = (np.sign(np.subtract.outer(log_odds[high], log_odds[low])) + 1) / 2
        nothing = np.empty((high.sum(), high.sum()))
        runs.append(Pairs((0, 0, fold), 0, place[test[high]], place[test[low]], wins, nothing))
    return Sample(groups[0], groups[1], tuple(runs), np.array([0]))


def discriminant(train: Array, labels: Array, test: Array) -> Array:
    """Linear discriminant with `RIDGE` added to the diagonal of the covariance, in closed form."""
    high, low = (train[labels == label].mean(axis=0) for label in (1, 0))
    centred = train - np.where(labels[:, None] == 1, high, low)
    direction = np.linalg.solve(centred.T @ centred / len(train) + RIDGE * np.eye(train.shape[1]), high - low)
    return np.asarray((test - (high + low) / 2) @ direction)


def measure_table(seed: int, confounded: bool, planted: bool, copies: int) -> dict[str, float]:
    """Return the p values of one generated table, and the interval of its AUC minus that within sites."""
    patients, features = draw_table(np.random.default_rng([seed, confounded, planted]), confounded, planted)
    sites = patients.set_index("patient_id")["site"]
    sample = cross_validate(patients, features, seed)
    columns, _ = site_scores(sample, sites, default_factor(n_repeats=1))
    observed = {"all patients": float(auc(sample, *unit_weights(sample))), "within sites": columns["auc_within_site"]}
    found = {"auc": observed["all patients"], "auc_within_site": observed["within sites"]}
    found |= {end: columns[f"auc_minus_within_site_{end}"] for end in ("low", "high")}
    for kind, within in KINDS.items():
        reached = []
        for copy in range(copies):
            number = seed * copies + copy
            other = cross_validate(permute_labels(patients, number, within), features, number)
            area = auc_within_site(other, sites) if within else float(auc(other, *unit_weights(other)))
            reached.append(area)
        found[kind] = permutation_p(observed[kind], reached)[0]
    return found


def share(hits: pd.Series) -> str:
    """Return a share in percent with its 95 % interval."""
    low, high = stats.binomtest(int(hits.sum()), len(hits)).proportion_ci(method="wilson")
    return f"{hits.mean():.1%} ({low:.1%} to {high:.1%})"


def summary(tables: pd.DataFrame) -> dict[str, Any]:
    """Summarise generated tables: mean AUCs, and the shares that tests and intervals call significant."""
    return {
        "tables": len(tables),
        "auc": round(float(tables["auc"].mean()), 3),
        "auc_within_site": round(float(tables["auc_within_site"].mean()), 3),
        **{f"p_chance, {kind}": share(tables[kind] <= LEVEL) for kind in KINDS},
        "interval of the difference above 0": share(tables["low"] > 0),
        "below 0": share(tables["high"] < 0),
    }


SCENARIOS = {
    "confounded, no signal": {"confounded": True, "planted": False},
    "confounded, planted": {"confounded": True, "planted": True},
    "not confounded, planted": {"confounded": False, "planted": True},
    "not confounded, no signal": {"confounded": False, "planted": False},
}


def main() -> None:
    """Print one line of JSON per kind of table."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--tables", type=int, default=400, help="generated tables of each kind (default 400)")
    parser.add_argument("--copies", type=int, default=99, help="permutations of each kind (default 99)")
    parser.add_argument("--only", choices=SCENARIOS)
    options = parser.parse_args()
    for name in [options.only] if options.only else SCENARIOS:
        tables = [measure_table(seed, copies=options.copies, **SCENARIOS[name]) for seed in range(options.tables)]
        print(json.dumps({"kind": name} | summary(pd.DataFrame(tables))), flush=True)


if __name__ == "__main__":
    main()
