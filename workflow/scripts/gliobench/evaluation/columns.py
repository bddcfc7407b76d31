"""Columns and constants shared by tables of scores, apart so that report jobs need not import the computations."""

from collections.abc import Iterable

from gliobench import terms

CELL = ["cohort", "approach", "variant", "modality", "protocol"]
LEAKAGE_KEY = ["cohort", "labels", "approach", "modality", "protocol"]  # what names the rows of the table ``leakage``
ROUND = ["repeat", "seed_index"]
RUN = [*ROUND, "fold"]
HARMONISED, MAIN = "harmonised", terms.MAIN  # the protocol and variant that tables compare
LEAVE_ONE_SITE_OUT = "leave-one-site-out"  # the protocol that tests whole sites
BASELINE = terms.BASELINE
METRICS = (
    "accuracy",
    "auc",
    "precision",
    "recall",
    "specificity",
    "f1",
    "balanced_accuracy",
    "brier",
    "pr_auc",
    "mcc",
    "log_loss",
)
ROUNDING = 1e-12  # scores that differ by less are the same
THRESHOLD = 0.5  # of a probability: at or above it, label 1 is called
PARTS = ("test", "whole", "validation")  # that are scored; figures show the first of these that a cell has
PUBLISHED = ("accuracy", "auc", "precision", "recall")
UNDEFINED = "undefined"  # among the methods of intervals: for scores without one
NOT_COMPARABLE = "not comparable"  # status of published figures for other patients
OWN = "own"  # labels: the study's own, among others of the same images
SEEN, NOT_SEEN = "seen", "not seen"  # verdicts on a visible label
SEES, BLIND = "sees", "not shown to see"  # and on a method, by the easiest of them
FEWEST_TRAININGS = 5  # for the first: a random network turns all of them the right way with a chance of 1 in 32
SIGNIFICANT = 0.05  # a p of so much or less
LEAST_PERMUTATIONS = 19  # so that one can be


def representatives(variants: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """
    Choose the variants that stand for their approaches: ``main``, or all of an approach that has no ``main`` here.

    Parameters
    ----------
    variants : iterable of (str, str)
        Approach and variant of every cell of a cohort under one protocol. Baselines are no approaches.
    """
    methods = {(approach, variant) for approach, variant in variants if approach != BASELINE}
    return {(approach, variant) for approach, variant in methods if variant == MAIN or (approach, MAIN) not in methods}


def shown_part(parts: Iterable[str]) -> str:
    """Return the part that figures show: the first of test, whole and validation among those of some rows."""
    there = set(parts)
    return next((part for part in PARTS if part in there), PARTS[0])
