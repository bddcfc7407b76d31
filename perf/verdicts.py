"""
How often each verdict on a published figure comes out when the paper is right, 0.15 too high and 0.15 too low.

For each figure of `config/published.tsv` the paper's method is taken to score what the paper printed. Its figure is
drawn anew: one training, one test set of its size. Our method scores the same, 0.15 less (the paper is too high) or
0.15 more (too low). A figure that our interval can predict is judged by a 5-fold cross-validation of the whole cohort,
the others by 20 repeats of the paper's protocol, with the library's own functions.

Assumed: trainings differ by a standard deviation of 0.02; a cross-validation of n patients has 1.5 times the variance
of one test set of n patients; slices of a patient agree, so that a figure of slices varies as one of its patients does;
a patient's loss has a standard deviation of 0.3.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.optimize import brentq
from scipy.special import expit, logit

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.evaluation.grim import POSITIVE, class_score
from gliobench.evaluation.prediction import EDGE, Ours, needed, over_repeats
from gliobench.evaluation.published import (
    Figure,
    as_figures,
    needs_repeats,
    our_name,
    possible_sizes,
    why_never,
    why_no_prediction,
)
from gliobench.evaluation.variance import sampling_variance
from gliobench.evaluation.verdicts import ENOUGH_REPEATS, JUDGED, predicted, verdict, verdict_for_all
from gliobench.files import read_table

PUBLISHED = Path(__file__).parents[1] / "config" / "published.tsv"
SHIFTS = {"right": 0.0, "0.15 too high": -0.15, "0.15 too low": 0.15}  # of our score
TRAININGS, INFLATION, LOSS = 0.02, 1.5, 0.3
SHARES = {"train": 0.64, "validation": 0.16, "test": 0.1, "whole": 1.0}  # of patients, where n is not stated
POSITIVES = {585: 307, 24: 15}  # with label 1, by size of the cohort
FIG_7 = {"recall": 0.58, "specificity": 0.81}  # what precision, F1 and macro recall of its model are made from

DRAWS = 2000  # of a prediction: a tenth of what the tables' verdicts draw
DASH = "\N{EN DASH}"

Counts = tuple[int, int]


def true_scores(figure: Figure, shift: float) -> dict[str, float] | None:
    """Return our true scores when the figure's own moves by `shift`; None if it would leave its range."""
    names = needed(figure["metric"], figure["averaging"] or POSITIVE)
    if figure["metric"] == "loss":
        return {"loss": figure["value"] + shift}
    if not 0 <= figure["value"] + shift <= 1:
        return None
    if len(names) == 1:
        return {names[0]: figure["value"] + shift}

    def moved(step: float) -> dict[str, float]:
        return {name: min(max(value + step, 0.0), 1.0) for name, value in FIG_7.items()}

    at_rest = _derived(figure, moved(0.0))
    step = brentq(lambda step: _derived(figure, moved(step)) - at_rest - shift, -0.8, 0.6) if shift else 0.0
    return moved(step)


def _derived(figure: Figure, scores: Mapping[str, float]) -> float:
    positives, negatives = counts_of_labels(figure, int(figure["n"]))
    hits, rejections = positives * scores["recall"], negatives * scores["specificity"]
    misses, alarms = positives - hits, negatives - rejections
    counts = (np.array(hits), np.array(misses), np.array(alarms), np.array(rejections))
    return float(class_score(figure["metric"], figure["averaging"] or POSITIVE, counts))


def counts_of_labels(figure: Figure, n: int) -> Counts:
    """Return how many of `n` patients have label 1 and 0: as stated, or as in the cohort."""
    stated = figure["n_positive"] if n == figure["n"] else None
    total = int(figure["cohort_n"])
    positives = round(n * POSITIVES[total] / total) if stated is None else int(stated)
    return positives, n - positives


def draw_ours(truth: Mapping[str, float], figure: Figure, rng: np.random.Generator) -> dict[str, Ours]:
    """Draw our estimates from a cross-validation of the cohort, with their intervals."""
    labels = counts_of_labels(figure, int(figure["cohort_n"]))
    ours = {}
    for name, value in truth.items():
        inside = min(max(value, 1 / sum(labels)), 1 - 1 / sum(labels))
        spread = np.sqrt(INFLATION * sampling_variance(name, inside, *labels)) / (inside * (1 - inside))
        centre, half = logit(inside) + rng.normal() * spread, stats.norm.ppf(0.975) * spread
        ours[name] = Ours(float(expit(centre - half)), float(expit(centre + half)), TRAININGS)
    return ours


def draw_figures(truth: Mapping[str, float], figure: Figure, n: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw what `size` studies would print: each one training and one test set of `n` patients."""
    (name, value), *more = truth.items()
    labels = counts_of_labels(figure, n)
    if name == "loss":
        return np.maximum(rng.normal(value, np.hypot(LOSS / np.sqrt(n), TRAININGS), size), 0)
    theirs = np.clip(value + rng.normal(0, TRAININGS, size), EDGE, 1 - EDGE)
    if name == "auc":
        apart = np.sqrt(2) * stats.norm.ppf(theirs)
        positive = rng.normal(apart[:, None], 1, (size, labels[0]))
        negative = rng.standard_normal((size, labels[1]))
        return (positive[:, :, None] > negative[:, None, :]).mean(axis=(1, 2))
    if more:
        hits = rng.binomial(labels[0], theirs)
        other = np.clip(truth["specificity"] + rng.normal(0, TRAININGS, size), EDGE, 1 - EDGE)
        rejections = rng.binomial(labels[1], other)
        counts = hits, labels[0] - hits, labels[1] - rejections, rejections
        return class_score(figure["metric"], figure["averaging"] or POSITIVE, counts)
    counted = {"accuracy": n, "recall": labels[0], "specificity": labels[1]}[name]
    return rng.binomial(counted, theirs) / counted


def judge_by_prediction(figure: Figure, sizes: list[int], shift: float, n_samples: int) -> Iterator[tuple[str, float]]:
    """Yield verdicts, each with the difference that it could have detected."""
    theirs, ours = true_scores(figure, 0.0), true_scores(figure, shift)
    if theirs is None or ours is None:
        return
    rng = np.random.default_rng(1)
    middle = sizes[len(sizes) // 2]  # the paper's own n, which we do not know where it is inferred
    for printed in draw_figures(theirs, figure, middle, n_samples, rng):
        mine = draw_ours(ours, figure, rng)
        expected = [predicted(figure, mine, n, DRAWS) for n in sizes]
        value = round(float(printed), int(figure["decimals"]))
        yield verdict_for_all(value, expected) or "cannot tell", max(one.detectable for one in expected)


def judge_by_repeats(figure: Figure, sizes: list[int], shift: float, n_samples: int) -> Iterator[tuple[str, float]]:
    """Yield verdicts over our own repeats, each with the difference that it could have detected."""
    theirs, ours = true_scores(figure, 0.0), true_scores(figure, shift)
    if theirs is None or ours is None:
        return
    rng = np.random.default_rng(1)
    n = sizes[0] if sizes else round(SHARES[figure["part"]] * int(figure["cohort_n"]))
    for printed in draw_figures(theirs, figure, n, n_samples, rng):
        expected = over_repeats(draw_figures(ours, figure, n, ENOUGH_REPEATS, rng))
        yield verdict(round(float(printed), int(figure["decimals"])), expected), expected.detectable


def measure(figure: Figure, sizes: list[int], n_samples: int) -> dict[str, Any]:
    """Return one row: the figure, the rule that can judge it, and the share of each verdict in each case."""
    place = [figure[name] for name in ("approach", "variant", "modality", "phase", "part", "epoch", "averaging")]
    row = {
        "figure": " ".join(str(word) for word in [*place, our_name(figure)] if word),
        "published": figure["value"],
        "n": ", ".join(map(str, sizes)),
    }
    repeats = needs_repeats(figure)
    never = why_never(figure) or (None if repeats else why_no_prediction(figure, sizes))
    if never:
        return row | {"rule": never} | {f"{case}: cannot tell": 100 for case in SHIFTS}
    judge = judge_by_repeats if repeats else judge_by_prediction
    row |= {"rule": "repeats" if repeats else "prediction"}
    for case, shift in SHIFTS.items():
        found = list(judge(figure, sizes, shift, n_samples))
        if found:
            counts = Counter(name for name, _ in found)
            row |= {f"{case}: {name}": round(100 * counts[name] / len(found)) for name in JUDGED}
            row.setdefault("detectable", round(float(np.median([difference for _, difference in found])), 2))
    return row


def in_markdown(table: pd.DataFrame) -> list[str]:
    """Lay out the rows of `measure`: those that can be judged, and the others counted by reason."""
    lines = [
        f"| figure | published | n | rule | detectable | {' | '.join(SHIFTS)} |",
        f"| {' | '.join(['---'] * (5 + len(SHIFTS)))} |",
    ]
    can = table["rule"].isin(["prediction", "repeats"])
    for row in table[can].to_dict("records"):
        shares = [[row[f"{case}: {name}"] for name in JUDGED] for case in SHIFTS]
        cells = [" / ".join(f"{share:.0f}" for share in four) if pd.notna(four).all() else DASH for four in shares]
        n = row["n"] if row["n"].count(",") < 2 else f"{row['n'].split(',')[0]} to {row['n'].split(', ')[-1]}"
        facts = [row["figure"], f"{row['published']:g}", n or DASH, row["rule"], f"{row['detectable']:.2f}"]
        lines.append(f"| {' | '.join(facts + cells)} |")
    lines += [f"\nAlways `cannot tell` ({' / '.join(JUDGED)} above):", ""]
    return [*lines, *(f"- {count}: {why}" for why, count in table.loc[~can, "rule"].value_counts().items())]


def main() -> None:
    """Print one row per figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=300, help="studies drawn for each figure and case")
    arguments = parser.parse_args()
    figures = as_figures(read_table(PUBLISHED, "published"))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for figure, sizes in zip(figures, possible_sizes(figures), strict=True):
        names = (
            "approach",
            "modality",
            "phase",
            "part",
            "epoch",
            "subgroup",
            "unit",
            "averaging",
            "metric",
            "value",
            "n",
        )
        key = tuple(figure[name] for name in names)  # the same figure beside another variant
        if key not in rows:
            rows[key] = measure(figure, sizes, arguments.samples)
            print(rows[key]["figure"], file=sys.stderr)
    print("\n".join(in_markdown(pd.DataFrame(rows.values()))))


if __name__ == "__main__":
    main()
