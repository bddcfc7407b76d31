"""What a study of one's own patients asks, and its answer: the best method against the best baseline."""

import numpy as np
import pandas as pd
import pytest

from gliobench.files import check_table, table_schema
from gliobench.reporting.own_study import against, answers, question, question_and_answers
from gliobench.terms import OF_PAPERS

OWN = {"title": None, "question": None, "own": True}
NAMES = {"clinic": "unmethylated / methylated"}
HEAD = {"cohort": "clinic", "weights": "none", "phase": "final", "part": "test", "unit": "patient", "status": "ok"}
SIDE = ("approach", "variant", "modality", "protocol", "phase")


def made(schema, *rows):
    return check_table(pd.DataFrame(rows, columns=list(table_schema(schema)["properties"])), schema, "the test")


def cell(approach, variant, auc, modality="all", **changes):
    names = {"approach": approach, "variant": variant, "modality": modality, "protocol": "harmonised"}
    return HEAD | names | {"auc": auc, "auc_low": auc - 0.1, "auc_high": auc + 0.1} | changes


def pair(first, second, difference, low, high, **changes):
    sides = {f"{place}_{name}": row[name] for place, row in (("first", first), ("second", second)) for name in SIDE}
    return sides | {"cohort": "clinic", "family": "exploratory", "metric": "auc", "n_patients": 40, "n_positive": 20,
                    "difference": difference, "low": low, "high": high} | changes  # fmt: skip


TABULAR, NETWORK = cell("tabular", "main", 0.6), cell("cnn3d", "main", 0.7, "FLAIR")
PRIOR, HEADER = cell("baseline", "prior", 0.5), cell("baseline", "header", 0.65)
ROWS = [TABULAR, NETWORK, PRIOR, HEADER]


def answer(rows, *pairs, left_out=()):
    return answers(made("comparison", *rows), made("pairwise", *pairs), NAMES, left_out)


def test_the_best_method_is_compared_with_the_best_baseline_and_the_choice_is_said_to_be_optimistic():
    assert answer(ROWS, pair(NETWORK, HEADER, 0.05, -0.1, 0.2)) == [
        "clinic, methylated against unmethylated: under the harmonised protocol, of 2 methods, cnn3d FLAIR has the "
        "highest AUC, 0.70 (0.60\N{EN DASH}0.80); of 2 baselines, header has the highest AUC, 0.65 "
        "(0.55\N{EN DASH}0.75). Paired over the 40 patients that both scored, the difference is 0.05 (-0.10 to 0.20): "
        "neither is shown to be better. The best method and the best baseline were chosen by these scores, so the AUCs "
        "of both are optimistic."
    ]


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            pair(NETWORK, HEADER, 0.2, 0.1, 0.3, p=0.001),
            "the difference is 0.20 (0.10\N{EN DASH}0.30): the method is better (p 0.002, corrected for the choice "
            "among 2 methods).",
        ),
        (
            pair(HEADER, NETWORK, 0.2, 0.1, 0.3, p=0.001),
            "is -0.20 (-0.30 to -0.10): the baseline is better (p 0.002, corrected for the choice among 2 baselines).",
        ),
        (
            pair(NETWORK, HEADER, 0.2, 0.01, 0.39, p=0.04),
            "is 0.20 (0.01\N{EN DASH}0.39): neither is shown to be better (p 0.08, corrected for the choice among 2 "
            "methods).",
        ),
        (pair(NETWORK, HEADER, 0.0, None, None), "is 0.00, without an interval: neither is shown to be better."),
        (pair(NETWORK, HEADER, None, None, None, reason="3 patients in common"), "compared: 3 patients in common."),
        (pair(NETWORK, PRIOR, 0.2, 0.1, 0.3), "The two were not compared by patient."),
    ],
)
def test_the_verdict_is_that_of_the_paired_interval(found, said):
    assert said in answer(ROWS, found)[0]


def test_the_only_method_is_better_by_its_interval_alone():
    said = answer([TABULAR, PRIOR], pair(TABULAR, PRIOR, 0.1, 0.01, 0.2, p=0.04))[0]
    assert said.endswith("is 0.10 (0.01\N{EN DASH}0.20): the method is better.")


def test_an_auc_of_some_of_the_folds_is_said_to_be_of_them():
    lost = [NETWORK | {"status": "failed"}, PRIOR]
    assert "has an AUC of 0.70 (0.60\N{EN DASH}0.80), although some of its folds diverged or failed;" in answer(lost)[0]
    assert "folds" not in answer([NETWORK, PRIOR])[0]


def test_where_there_was_no_choice_none_is_said_to_be_optimistic():
    said = answer([TABULAR, PRIOR], pair(TABULAR, PRIOR, 0.1, 0.0, 0.2))[0]
    assert "the only method, tabular all, has an AUC of 0.60" in said
    assert "optimistic" not in said
    assert answer([TABULAR, *ROWS[2:]])[0].endswith(
        "The best baseline was chosen by these scores, so its AUC is optimistic."
    )


def test_the_scores_within_sites_follow_with_their_p_where_sites_are_known():
    within = {"auc_within_site": 0.55, "auc_within_site_low": 0.4, "auc_within_site_high": 0.7}
    rows = [NETWORK | within | {"p_chance_within_site": 0.05}, HEADER | within | {"auc_within_site": 0.5}]
    assert (
        "Among patients of the same site, the AUC is 0.55 (0.40\N{EN DASH}0.70) for cnn3d FLAIR (permutation p 0.05) "
        "and 0.50 (0.40\N{EN DASH}0.70) for header."
    ) in answer(rows)[0]
    assert "site" not in answer(ROWS)[0]


def test_a_method_without_an_auc_or_a_study_without_baselines_has_a_sentence():
    missing = cell("cnn3d", "main", np.nan)
    assert answer([missing, PRIOR])[0].endswith(": no method has an AUC under the harmonised protocol.")
    assert "There is no baseline to compare it with." in answer([NETWORK])[0]


def test_a_cohort_without_a_method_under_the_harmonised_protocol_asks_nothing():
    assert answer([PRIOR, NETWORK | {"protocol": "published"}]) == []


def test_other_variants_protocols_parts_and_replicates_are_not_chosen():
    others = [
        cell("tabular", "forest", 0.9),
        cell("cnn3d", "main", 0.9, protocol="leave-one-site-out"),
        cell("cnn3d", "main", 0.9, part="validation"),
        cell("baseline", "site", 0.9, protocol="leave-one-site-out"),
    ]
    assert answer([*ROWS, *others]) == answer(ROWS)
    assert answer([*ROWS, NETWORK | {"cohort": "many-01"}], left_out=["many-01"]) == answer(ROWS)


def test_a_question_of_the_file_is_taken_and_otherwise_asked_by_the_names_of_the_labels():
    assert question(OWN, NAMES) == (
        "Can the labels be told apart (methylated against unmethylated), and better than by a baseline?"
    )
    assert question(OWN | {"question": "Is it?"}, NAMES) == "Is it?"
    assert question(OWN | {"own": False}, NAMES) is None


@pytest.mark.parametrize(("names", "said"), [(None, "label 1 against label 0"), ("no", "label 1 against label 0")])
def test_labels_without_two_names_are_numbers(names, said):
    assert against(names) == said


def test_a_study_about_the_papers_has_no_answer_but_its_title_and_question():
    tables = made("comparison", *ROWS), made("pairwise")
    titled = {"title": "Ours", "question": "Is it?"}
    assert question_and_answers({**titled, "own": False}, *tables, NAMES, {}) == ["Ours", "Is it?"]
    assert question_and_answers(OWN | {"own": False}, *tables, NAMES, {}) == []
    asked = question_and_answers({**titled, "own": True}, *tables, NAMES, {})
    assert asked == ["Ours", "Is it?", *answer(ROWS)]


def test_the_kinds_of_the_papers_are_those_of_their_figures():
    assert set(table_schema("published")["properties"]["cohort_kind"]["enum"]) == set(OF_PAPERS)
