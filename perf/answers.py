"""
How often a study without a difference is said to have one: the answer's verdicts, and the p of an AUC of 1 or 0.

Studies: methods and baselines are linear discriminants, each on features of its own, cross-validated on the same
patients and folds; all have the same expected AUC. Beside them is a baseline of constant scores where that AUC is 0.5.
The best method is compared with the best baseline by the functions of the tables, and the answer is read. Independent
features make the best of several stand out as far as it can.

Extremes: `linear` without a signal on few patients, cross-validated, or normal scores of one model on a held-out set.
Counted are an AUC of 1 or 0, and a p of at most 0.05 against constant scores.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.coverage import LABELS
from perf.procedures import (
    FOLDS,
    N_FEATURES,
    PROCEDURES,
    Array,
    Procedure,
    cross_validate,
    draw,
    draw_folds,
    linear,
    signal_for,
)
from scipy.special import expit

from gliobench.evaluation.columns import BASELINE, HARMONISED, MAIN, SIGNIFICANT
from gliobench.evaluation.intervals import EXACT
from gliobench.evaluation.metrics import Sample, auc, make_sample, unit_weights
from gliobench.evaluation.pairwise import Scored, compare, paired_difference
from gliobench.reporting.own_study import SIDE, answers

VERDICTS = ("the method is better", "the baseline is better")
FEW = (5, 10, 15)  # patients of each label
Rows = pd.DataFrame


def rows_of(scores: Array, folds: Array, n_positive: int) -> Rows:
    """Return the tables' predictions of scores (repeats, folds, patients) of the patients in `folds`."""
    repeat, fold, _ = np.indices(folds.shape)
    rows = pd.DataFrame({"repeat": repeat.ravel(), "fold": fold.ravel(), "log_odds": scores.ravel()})
    names = np.array([f"{number:03d}" for number in range(folds[0].size)])[folds.ravel()]
    labels = (folds.ravel() < n_positive).astype(int)
    return rows.assign(patient_id=names, label=labels, seed_index=0, probability=expit(rows["log_odds"]))


def draw_study(
    size: int, signal: float, n_methods: int, n_baselines: int, repeats: int, rng: np.random.Generator
) -> list[Scored]:
    """Return the cells of one study, methods first; without a signal the last baseline scores everyone alike."""
    sizes = LABELS[size]
    n_linear = n_methods + n_baselines - (signal == 0)
    patients = np.concatenate([draw((), sizes, signal, rng) for _ in range(n_linear)], axis=-1)
    folds = draw_folds(sizes, repeats, rng)
    scores = [
        cross_validate(Procedure(linear, (place, place + N_FEATURES)), patients[None], folds, sizes[0] // FOLDS, rng)[0]
        for place in range(0, patients.shape[-1], N_FEATURES)
    ]
    scores += [np.zeros(folds.shape)] * (signal == 0)
    names = [(f"method-{number}", MAIN) for number in range(n_methods)]
    names += [(BASELINE, f"baseline-{number}") for number in range(n_baselines)]
    return [
        Scored(dict(zip(SIDE, (*name, "all", HARMONISED, "final"), strict=True)), True, rows_of(each, folds, sizes[0]))
        for name, each in zip(names, scores, strict=True)
    ]


def read_answer(cells: list[Scored]) -> tuple[str, bool]:
    """Return the answer on the best method and baseline, and whether the interval of its pair excludes 0."""
    comparison = pd.DataFrame([{**cell.name, "auc": _auc(make_sample(cell.rows))} for cell in cells])
    comparison = comparison.assign(cohort="study", part="test", unit="patient", status="ok")
    comparison = comparison.assign(auc_low=np.nan, auc_high=np.nan, auc_within_site=np.nan)
    sides = [comparison["approach"].eq(BASELINE) == is_baseline for is_baseline in (False, True)]
    best = [cells[int(np.argmax(comparison["auc"].where(side)))] for side in sides]
    row = {"cohort": "study"} | compare(best[0], best[1])
    return answers(comparison, pd.DataFrame([row]), {})[0], row["low"] > 0 or row["high"] < 0


def _auc(sample: Sample) -> float:
    return float(auc(sample, *unit_weights(sample)))


def measure_studies(options: argparse.Namespace) -> Iterator[str]:
    """Count the verdicts of studies in which no method and no baseline is better."""
    for size in options.patients:
        for area in options.auc:
            signal = signal_for(PROCEDURES["linear"], LABELS[size], area)
            for n_methods, n_baselines in ((1, 1), (5, 1), (5, 4), (10, 4)):
                rng = np.random.default_rng(size)
                found: Counter[str] = Counter()
                for _ in range(options.samples):
                    answer, excludes_0 = read_answer(
                        draw_study(size, signal, n_methods, n_baselines, options.repeats, rng)
                    )
                    found["uncorrected"] += excludes_0
                    found.update(verdict for verdict in VERDICTS if verdict in answer)
                shares = [f"{what} {found[what] / options.samples:.1%}" for what in ("uncorrected", *VERDICTS)]
                yield (
                    f"{size} patients, {options.repeats} repeats, AUC {area}, {n_methods} methods, "
                    f"{n_baselines} baselines: {', '.join(shares)}"
                )


def measure_extremes(options: argparse.Namespace) -> Iterator[str]:
    """Count the AUCs of 1 or 0 without a signal, and those whose exact p says that there is one."""
    for few in FEW:
        for what, draw_rows in (("one held-out set", held_out), (f"{options.repeats} repeats", cross_validated)):
            rng = np.random.default_rng(few)
            drawn = [draw_rows(few, options.repeats, rng) for _ in range(options.samples)]
            rows = map(against_constant_scores, filter(is_extreme, drawn))
            found = [row for row in rows if row["method"].startswith(EXACT)]
            wrong = sum(row["p"] <= SIGNIFICANT for row in found)
            told = ", ".join(f"{p:.2g}" for p in sorted({row["p"] for row in found}))
            yield (
                f"{few} patients of each label, {what}: AUC of 1 or 0 in {len(found)} of {options.samples}, "
                f"p of at most {SIGNIFICANT} in {wrong}; p {told or 'of none'}"
            )


def held_out(few: int, repeats: int, rng: np.random.Generator) -> Rows:
    """Return the predictions of one model that knows nothing, on one held-out set."""
    folds = np.arange(2 * few)[None, None]
    return rows_of(rng.normal(size=folds.shape), folds, few)


def cross_validated(few: int, repeats: int, rng: np.random.Generator) -> Rows:
    """Return the predictions of `linear`, cross-validated on patients without a signal."""
    folds = draw_folds((few, few), repeats, rng)
    patients = draw((1,), (few, few), 0.0, rng)
    return rows_of(cross_validate(PROCEDURES["linear"], patients, folds, few // FOLDS, rng)[0], folds, few)


def is_extreme(rows: Rows) -> bool:
    """Whether every run of it ranks all patients right, or every run all wrong."""
    lowest, highest = (rows.pivot_table("log_odds", ["repeat", "fold"], "label", aggfunc=end) for end in ("min", "max"))
    right, wrong = (lowest[high] > highest[low] for high, low in ((1, 0), (0, 1)))
    return bool(right.all() or wrong.all())


def against_constant_scores(rows: Rows) -> dict[str, Any]:
    """Return the paired difference from scores that are the same for everyone."""
    alike = rows.assign(log_odds=0.0, probability=0.5)
    return paired_difference(Scored({}, True, rows), Scored({}, True, alike))


def main() -> None:
    """Print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("only", choices=("studies", "extremes"), help="what is counted")
    parser.add_argument("--samples", type=int, default=1000, help="simulated studies (default 1000)")
    parser.add_argument("--patients", type=int, nargs="+", default=[60, 120], choices=LABELS, help="(default 60 120)")
    parser.add_argument("--auc", type=float, nargs="+", default=[0.5, 0.7], help="of all methods (default 0.5 0.7)")
    parser.add_argument("--repeats", type=int, default=5, help="of the cross-validation (default 5)")
    options = parser.parse_args()
    for line in {"studies": measure_studies, "extremes": measure_extremes}[options.only](options):
        print(line, flush=True)


if __name__ == "__main__":
    main()
