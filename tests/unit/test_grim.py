"""GRIM: exactly the fractions and confusion tables that print as a figure, by rounding or by truncation."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from gliobench.evaluation.grim import MACRO, NEGATIVE, POSITIVE, class_score, counts_of, sizes_of, tables_of

MODES = (ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_DOWN)
AVERAGES = {POSITIVE: 1, NEGATIVE: 0}


def printed(value, decimals):
    """Every way in which a fraction may be printed, from exact arithmetic."""
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return {exact.quantize(Decimal(1).scaleb(-decimals), mode) for mode in MODES}


@given(st.data(), st.integers(1, 90), st.integers(1, 4))
def test_the_counts_are_all_that_print_as_the_figure_in_some_way_of_rounding(data, n, decimals):
    figure = Decimal(data.draw(st.integers(0, 10**decimals))).scaleb(-decimals)
    expected = [k for k in range(n + 1) if figure in printed(Fraction(k, n), decimals)]
    assert counts_of(float(figure), decimals, n) == expected


@given(st.data(), st.integers(1, 600), st.integers(1, 4), st.sampled_from(MODES))
def test_a_proportion_of_n_patients_is_found_however_it_was_rounded(data, n, decimals, mode):
    count = data.draw(st.integers(0, n))
    figure = (Decimal(count) / Decimal(n)).quantize(Decimal(1).scaleb(-decimals), mode)
    assert count in counts_of(float(figure), decimals, n)


@pytest.mark.parametrize(
    ("figure", "decimals", "n", "counts"),
    [
        (0.5568, 4, 88, [49]),
        (0.52, 2, 88, [46]),
        (0.5681, 4, 88, [50]),  # truncated: 0.56818
        (0.7192, 4, 53, []),
        (0.70, 2, 53, [37]),
        (0.621, 3, 58, [36]),
        (0.621, 3, 59, []),
        (0.535, 3, 59, []),
        (0.525, 3, 59, [31]),
    ],
)
def test_figures_of_the_papers(figure, decimals, n, counts):
    assert counts_of(figure, decimals, n) == counts


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_scores_of_confusion_tables_are_scikit_learns(hits, misses, alarms, rejections):
    if hits + misses == 0 or alarms + rejections == 0:
        return
    label = np.repeat([1, 1, 0, 0], [hits, misses, alarms, rejections])
    called = np.repeat([1, 0, 1, 0], [hits, misses, alarms, rejections])
    counts = tuple(np.array(count) for count in (hits, misses, alarms, rejections))
    by_class = precision_recall_fscore_support(label, called, labels=[0, 1], average=None, zero_division=0)
    macro = precision_recall_fscore_support(label, called, labels=[0, 1], average="macro", zero_division=0)
    for place, metric in enumerate(("precision", "recall", "f1")):
        for averaging, row in AVERAGES.items():
            assert class_score(metric, averaging, counts) == pytest.approx(by_class[place][row])
        assert class_score(metric, MACRO, counts) == pytest.approx(macro[place])


@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.sampled_from(["precision", "recall", "f1"]))
def test_the_number_of_confusion_tables_is_that_of_trying_them_all(data, positive, negative, metric):
    averaging = data.draw(st.sampled_from([POSITIVE, NEGATIVE, MACRO]))
    figure = Decimal(data.draw(st.integers(0, 100))).scaleb(-2)
    found = 0
    for hits in range(positive + 1):
        for rejections in range(negative + 1):
            classes = (
                (hits, positive - hits, negative - rejections),
                (rejections, negative - rejections, positive - hits),
            )
            scores = [exact(metric, *counts) for counts in classes]
            score = {POSITIVE: scores[0], NEGATIVE: scores[1], MACRO: sum(scores) / 2}[averaging]
            found += figure in printed(score, 2)
    assert tables_of(metric, averaging, float(figure), 2, positive, negative) == found


def exact(metric, hits, misses, alarms):
    above, below = {"precision": (hits, hits + alarms), "recall": (hits, hits + misses),
                    "f1": (2 * hits, 2 * hits + misses + alarms)}[metric]  # fmt: skip
    return Fraction(above, below) if below else Fraction(0)


@pytest.mark.parametrize(
    ("metric", "averaging", "figure"),
    [("precision", MACRO, 0.71), ("recall", MACRO, 0.70), ("f1", MACRO, 0.69), ("precision", NEGATIVE, 0.67),
     ("recall", NEGATIVE, 0.81), ("f1", NEGATIVE, 0.73), ("precision", POSITIVE, 0.75), ("recall", POSITIVE, 0.58),
     ("f1", POSITIVE, 0.65)],
)  # fmt: skip
def test_one_confusion_table_prints_all_of_fig_7(metric, averaging, figure):
    # 15 of 26 and 22 of 27 are right: 37 of 53
    counts = tuple(np.array([count]) for count in (15, 11, 5, 22))
    assert round(float(class_score(metric, averaging, counts)[0]), 2) == figure
    assert tables_of(metric, averaging, figure, 2, 26, 27) > 0


@given(st.floats(0.01, 0.5), st.integers(20, 600))
def test_the_sizes_of_a_share_reach_one_beyond_either_way_of_rounding_it(share, total):
    sizes = sizes_of([share], total)
    exact_size = share * total
    assert {n for n in range(1, total) if abs(n - exact_size) <= 1} <= set(sizes)
    assert all(abs(n - exact_size) <= 2 for n in sizes)


def test_the_sizes_of_several_shares_are_joined():
    assert sizes_of([0.1, 0.15], 585) == [57, 58, 59, 60, 86, 87, 88, 89]
    assert sizes_of([], 585) == []
