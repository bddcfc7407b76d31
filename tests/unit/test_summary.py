"""The sentences of the first page: computed from the tables, and plain about what was not found."""

import numpy as np
import pandas as pd
import pytest

from gliobench.files import check_table, table_schema
from gliobench.reporting.summary import sentences as all_sentences

NETWORK = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR", "protocol": "harmonised"}
PRIOR = NETWORK | {"approach": "baseline", "variant": "prior", "modality": "all"}
BASE = {"cohort": "planted", "weights": "none", "phase": "final", "part": "test", "unit": "patient", "status": "ok"}


def made(schema, *rows):
    return check_table(pd.DataFrame(rows, columns=list(table_schema(schema)["properties"])), schema, "the test")


def score(low, high, **changes):
    return BASE | NETWORK | {"auc": (low + high) / 2, "auc_low": low, "auc_high": high} | changes


def pair(first, second, low, high):
    names = {f"first_{name}": value for name, value in (first | {"phase": "final"}).items()}
    names |= {f"second_{name}": value for name, value in (second | {"phase": "final"}).items()}
    return names | {"cohort": "planted", "family": "exploratory", "metric": "auc", "n_patients": 40, "n_positive": 20,
                    "low": low, "high": high}  # fmt: skip


def judged(*verdicts):
    base = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR", "phase": "final", "part": "test",
            "unit": "patient", "published": 0.6, "published_source": "a paper", "cohort_kind": "rsna",
            "published_protocol": "published"}  # fmt: skip
    metrics = ("accuracy", "auc", "precision", "recall", "specificity", "f1")
    rows = [base | {"metric": name, "verdict": one} for name, one in zip(metrics, verdicts, strict=False)]
    return made("published_vs_reproduced", *rows)


def sentences(*scores, **tables):
    groups, own = tables.pop("groups", {}), tables.pop("own", False)
    return all_sentences({"comparison": made("comparison", *scores or [score(0.6, 0.8)]), **tables}, groups, own)


def test_there_are_five_even_where_nothing_was_scored():
    missing = BASE | NETWORK | {"phase": None, "part": None, "unit": None, "status": "missing"}
    said = sentences(missing)
    assert len(said) == 5
    assert said[0] == "1 approach without a baseline on 1 cohort; 1 cell in the table: 1 missing."
    assert said[1] == "No method has an AUC with an interval under the harmonised protocol."
    assert said[4] == "No result has an interval that would show its precision."


def test_a_real_cohort_without_an_interval_is_not_said_to_have_run_nothing():
    many = score(0.6, 0.8, cohort="many-01")
    groups = {"many": ["many-01"]}
    failed = BASE | NETWORK | {"cohort": "rsna", "phase": None, "part": None, "unit": None, "status": "failed"}
    for lost in (failed, BASE | NETWORK | {"cohort": "rsna", "auc": 0.7}):
        assert sentences(lost, many, groups=groups)[1].startswith("No method has an AUC with an interval under")
    assert "ran only on replicated cohorts" in sentences(BASE | PRIOR, many, groups=groups)[1]


def test_a_main_variant_elsewhere_hides_no_variant_of_a_cohort_or_protocol():
    other = score(0.6, 0.8, variant="tumour_crop")
    assert (
        "1 of 1 method (cnn3d tumour_crop FLAIR on planted)"
        in sentences(score(0.4, 0.6, protocol="published"), other)[1]
    )
    assert "1 of 2 methods" in sentences(score(0.4, 0.6, cohort="second"), other)[1]
    assert "0 of 1 method." in sentences(score(0.4, 0.6), other)[1]


def test_methods_that_lost_folds_are_counted():
    said = sentences(score(0.6, 0.8, status="diverged"), score(0.6, 0.8, modality="T2w"))[1]
    assert "2 of 2 methods (cnn3d FLAIR on planted, cnn3d T2w on planted); folds of 1 of 2 methods diverged" in said
    failed = BASE | NETWORK | {"modality": "T1w", "phase": None, "part": None, "unit": None, "status": "failed"}
    said = sentences(score(0.6, 0.8), failed)[1]
    assert "1 of 1 method (cnn3d FLAIR on planted); folds of 1 of 2 methods diverged or failed" in said


def test_intervals_above_chance_are_counted_and_named():
    said = sentences(score(0.51, 0.8), score(0.4, 0.7, modality="T2w"), BASE | PRIOR)
    assert "protocol): 1 of 2 methods (cnn3d FLAIR on planted)." in said[1]


def within(low, high, **changes):
    return {"auc_within_site": 0.55, "auc_minus_within_site_low": low, "auc_minus_within_site_high": high} | changes


def test_what_is_left_within_sites_is_said_by_the_interval_of_the_difference():
    """Never because one AUC is significant and the other is not."""
    rows = [
        score(0.6, 0.8, **within(0.02, 0.2)),
        score(0.52, 0.8, modality="T1w", **within(-0.01, 0.2)),
        score(0.4, 0.6, modality="T2w", **within(-0.2, -0.01)),
    ]
    said = sentences(*rows, score(0.6, 0.8, modality="T1wCE"))[1]
    assert said.endswith(
        " Where patients of a known site are compared only with each other, the AUC is lower for 1 of 3 methods "
        "(cnn3d FLAIR on planted, 0.70 and 0.55), higher for 1, and not shown to differ for 1."
    )
    assert "site" not in sentences(score(0.6, 0.8))[1]


def test_replicates_other_parts_and_slices_are_not_among_the_methods():
    others = [{"part": "validation"}, {"unit": "slice"}, {"protocol": "published"}, {"cohort": "no-signal-01"}]
    rows = [score(0.4, 0.7), *(score(0.6, 0.9, **other) for other in others)]
    assert "protocol): 0 of 1 method." in sentences(*rows, groups={"no-signal": ["no-signal-01"]})[1]


def test_a_study_of_replicated_cohorts_alone_is_not_said_to_have_no_intervals():
    said = sentences(score(0.6, 0.9, cohort="no-signal-01"), groups={"no-signal": ["no-signal-01"]})[1]
    assert said.endswith("methods ran only on replicated cohorts; see the controls.")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(NETWORK, PRIOR, 0.1, 0.3)], "1 of 1"),
        ([(PRIOR, NETWORK, -0.3, -0.1)], "1 of 1"),
        ([(NETWORK, PRIOR, -0.1, 0.3)], "0 of 1"),
        ([(NETWORK, PRIOR, 0.1, 0.3), (NETWORK, PRIOR | {"variant": "header"}, -0.1, 0.2)], "0 of 1"),
    ],
)
def test_a_method_is_better_only_than_every_baseline_on_the_same_patients(pairs, expected):
    said = sentences(pairwise=made("pairwise", *(pair(*one) for one in pairs)))
    assert f"Better than every baseline on the same patients: {expected} method." in said[1]


def test_pairs_without_an_interval_are_no_comparison():
    said = sentences(pairwise=made("pairwise", pair(NETWORK, PRIOR, None, None)))
    assert "No method could be compared with a baseline by patient." in said[1]


def test_generated_cohorts_say_nothing_about_the_papers():
    verdicts = judged("not comparable: generated", "not run", "not run", "not comparable: other patients")
    said = sentences(published_vs_reproduced=verdicts)
    assert said[2] == (
        "Nothing about the papers has been found yet: none of 4 published figures can be judged here. Only scores of "
        "generated patients: 1; only of patients other than the paper's: 1; not run: 2."
    )


def test_verdicts_are_counted():
    said = sentences(published_vs_reproduced=judged("consistent", "lower", "lower", "cannot tell", "not run"))
    assert said[2] == (
        "Of 4 comparisons of a published figure with our score on the paper's own patients, the verdict is consistent "
        "(not contradicted) for 1, lower for 2, higher for 0, and cannot tell for 1; not judged here: 1 figure."
    )


def test_a_figure_judged_on_two_cohorts_is_two_comparisons_and_one_judged_elsewhere_is_not_left_over():
    verdicts = judged("lower", "consistent", "not comparable: generated").assign(metric="auc")
    said = sentences(published_vs_reproduced=verdicts)[2]
    assert said.startswith("Of 2 comparisons of a published figure")
    assert said.endswith("not judged here: 0 figures.")


def test_controls_are_told_from_their_tables():
    head = {"control": "mean", "cohort_group": "no-signal", "metric": "auc", "phase": "final", "n": 10, "mean": 0.5,
            "low": 0.4, "high": 0.6, "family": 2, "statement": "."}  # fmt: skip
    ends = [(0.45, 0.55), (0.52, 0.6), (0.3, 0.4)]
    methods = [NETWORK | {"modality": modality} for modality in ("FLAIR", "T1w", "T2w")]
    verdicts = ["not shown", "above chance", "below chance"]
    intervals = [
        {"family_low": low, "family_high": high, "verdict": verdict}
        for (low, high), verdict in zip(ends, verdicts, strict=True)
    ]
    replicates = made("replicates", *(head | mine | ends for mine, ends in zip(methods, intervals, strict=True)))
    leak = {"cohort": "planted", "approach": "resnet18", "modality": "all", "protocol": "published", "phase": "final",
            "labels": "own", "unit": "slice", "n_cohorts": 1, "n_runs": 2, "n_train": 9, "n_scored": 9,
            "majority": 0.5}  # fmt: skip
    corners = [
        ("slice", "validation", 0.9),
        ("slice", "test", 0.8),
        ("patient", "validation", 0.6),
        ("patient", "test", 0.5),
    ]
    leakage = made(
        "leakage", *(leak | {"split": s, "part": p, "accuracy": value, "auc": value + 0.1} for s, p, value in corners)
    )
    said = sentences(replicates=replicates, leakage=leakage)[3]
    assert "the accuracy of slices is 0.80 (AUC 0.90); where they do not, 0.50 (AUC 0.60)" in said
    counts = "equivalent to chance for 0, above chance for 1, below chance for 1 and not shown for 1"
    assert f"of 3 methods the mean AUC is {counts}." in said
    bare = replicates.assign(variant="deep", family_low=np.nan, family_high=np.nan, mean=np.nan, n=0, verdict=None)
    said = sentences(replicates=pd.concat([replicates, bare.head(2)], ignore_index=True))[3]
    assert f"of 5 methods the mean AUC is {counts} (2 without an interval)." in said
    assert "neither replicated cohorts nor" in sentences()[3]
    phases = pd.concat([replicates.assign(phase="transfer"), replicates], ignore_index=True)
    assert "of 3 methods" in sentences(replicates=phases)[3], "a method of two phases is one"


def test_the_slice_leak_is_told_by_permuted_labels_where_there_are_any_and_by_methods_with_both_splits():
    row = {"cohort": "planted", "approach": "resnet18", "modality": "all", "protocol": "published", "phase": "final",
           "unit": "slice", "part": "test", "n_cohorts": 1, "n_train": 9, "n_scored": 9, "majority": 0.5}  # fmt: skip

    def corners(labels, free, apart, **changes):
        head = row | {"labels": labels, "n_runs": 4} | changes
        return [
            head | {"split": s, "accuracy": value, "auc": value} for s, value in (("slice", free), ("patient", apart))
        ]

    own, permuted = corners("own", 0.95, 0.8), corners("permutations", 0.9, 0.5)
    alone = corners("own", 0.2, 0.1, modality="T2w", n_runs=1)[:1]
    said = sentences(leakage=made("leakage", *own, *alone))[3]
    assert "Slice leak: where slices" in said
    assert "is 0.95 (AUC 0.95); where they do not, 0.80 (AUC 0.80), over 4 runs, without" in said
    more = corners("own", 0.95, 0.8, modality="T2w", n_runs=6)
    assert "over 4 to 6 runs, without" in sentences(leakage=made("leakage", *own, *more))[3]
    said = sentences(leakage=made("leakage", *own, *permuted, *alone))[3]
    assert "Slice leak: permuted labels, where slices" in said
    assert "is 0.90 (AUC 0.90); where they do not, 0.50 (AUC 0.50)" in said


def test_controls_without_a_result_are_not_said_to_be_absent_or_empty():
    assert sentences(groups={"no-signal": ["no-signal-01"]})[3] == "The controls of this study have no result yet."


def test_the_last_sentence_says_how_wide_intervals_are():
    said = sentences(score(0.5, 0.7), score(0.4, 0.8, modality="T2w"))
    assert said[4] == "The 95 % interval of a method's AUC has a median width of 0.30 (from 0.20 to 0.40)."
    assert sentences(score(0.6, 0.8))[4] == "The 95 % interval of the method's AUC has a width of 0.20."


def test_of_a_study_of_its_own_patients_nothing_is_said_about_the_papers():
    said = sentences(published_vs_reproduced=judged("not run"), own=True)
    about_papers = sentences(published_vs_reproduced=judged("not run"))
    assert said == [*about_papers[:2], *about_papers[3:]]
    assert "papers" in about_papers[2]
