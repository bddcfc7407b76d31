"""
Power of the equivalence test of the controls: how often cohorts without a signal are called equivalent to chance.

Each cohort has 40 patients with noise for features; in each of 3 folds a linear model (difference of the classes'
means) is trained on the others. The AUC counts pairs within folds, as the table does. The test is the table's own: the
90 % t interval of the mean over cohorts must lie inside 0.45 to 0.55.

Run: ``python perf/equivalence.py``; the figures in docs/method.md come from it.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.evaluation.replicates import EQUIVALENCE, EQUIVALENT, chance_verdict
from gliobench.evaluation.t_intervals import t_interval

LABEL = np.arange(40) % 2
FOLD = np.arange(40) // 2 % 3  # stratified: each fold has 6 or 7 patients of each label
FEATURES = 5
COHORTS = (10, 20, 40, 55, 70, 90, 120)
POOL, SETS = 20_000, 2000


def null_aucs(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the within-run AUC of `count` cohorts whose features say nothing about the label."""
    features = rng.standard_normal((count, len(LABEL), FEATURES))
    won, pairs = np.zeros(count), 0
    for fold in range(FOLD.max() + 1):
        one, zero = (features[:, (fold != FOLD) & (label == LABEL)].mean(axis=1) for label in (1, 0))
        scores = np.einsum("cpf,cf->cp", features, one - zero)
        positive, negative = (scores[:, (fold == FOLD) & (label == LABEL)] for label in (1, 0))
        won += (positive[:, :, None] > negative[:, None, :]).sum(axis=(1, 2))
        pairs += positive.shape[1] * negative.shape[1]
    return won / pairs


def power(pool: np.ndarray, cohorts: int, rng: np.random.Generator) -> float:
    """Return the share of sets of `cohorts` cohorts, drawn from a pool of AUCs, that are equivalent to chance."""
    sets = rng.choice(pool, (SETS, cohorts))
    verdicts = [chance_verdict(t_interval(aucs, EQUIVALENCE), t_interval(aucs)) for aucs in sets]
    return float(np.mean([verdict == EQUIVALENT for verdict in verdicts]))


def main() -> None:
    """Print the mean and spread of one cohort's AUC, and the power by number of cohorts."""
    rng = np.random.default_rng(1)
    pool = null_aucs(POOL, rng)
    print(f"one cohort's AUC: mean {pool.mean():.3f}, SD {pool.std():.3f}")
    for cohorts in COHORTS:
        print(f"{cohorts:4} cohorts: {power(pool, cohorts, rng):6.1%}")


if __name__ == "__main__":
    main()
