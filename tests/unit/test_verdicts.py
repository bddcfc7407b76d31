"""Verdicts: the stated rule and nothing else, given only where a figure, its patients and our spread are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.evaluation.prediction import Expected, Ours, by_prediction, over_repeats
from gliobench.evaluation.verdicts import (
    ENOUGH_REPEATS,
    LARGEST_DETECTABLE,
    SEED,
    VERDICTS,
    Scores,
    counted,
    repeat_values,
    verdict,
    verdict_table,
)
from gliobench.files import check_table, read_table, table_schema
from gliobench.reporting.tables import write_formats
from gliobench.reporting.terminal import print_verdicts

PUBLISHED = Path(__file__).parents[2] / "config" / "published.tsv"
RSNA = {"rsna": {"kind": "rsna", "like": "rsna", "generated": False, "n_labelled": 585}}
PLANTED = {"planted": {"kind": "synthetic", "like": "rsna", "generated": True, "n_labelled": 40}}
METHOD = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR"}
SCORES = ("accuracy", "auc", "precision", "recall", "specificity", "f1", "balanced_accuracy")
RANK = {"lower": -1, "consistent": 0, "cannot tell": 0, "higher": 1}
ENDS = st.integers(-100, 100).map(lambda percent: percent / 100)


def table(schema, *rows):
    made = pd.DataFrame(rows, columns=list(table_schema(schema)["properties"]))
    return check_table(made, schema, "the test")


def figures(**changes):
    """One published figure: an accuracy of 0.6 of 100 patients, 50 positive."""
    row = METHOD | {"protocol": "published", "phase": "final", "part": "test", "cohort_kind": "rsna", "cohort_n": 585,
                    "n": 100, "n_positive": 50, "unit": "patient", "averaging": None, "selected_on": "no",
                    "metric": "accuracy", "value": 0.6, "decimals": 2, "source": "a paper, Table I"}  # fmt: skip
    return table("published", row | changes)


def scored(*rows, half=0.03):
    """Rows of the table comparison: every score 0.6 under the paper's protocol, with intervals of that half-width."""
    base = METHOD | {"cohort": "rsna", "protocol": "published", "weights": "none", "phase": "final", "part": "test",
                     "unit": "patient", "status": "ok", "interval_factor": 1.5}  # fmt: skip
    made = []
    for row in rows or [{}]:
        value = row.get("value", 0.6)
        base |= dict.fromkeys(SCORES, value)
        base |= {f"{name}_low": value - half for name in SCORES} | {f"{name}_high": value + half for name in SCORES}
        made.append(base | {name: cell for name, cell in row.items() if name != "value"})
    return table("comparison", *made)


def varied(sd=0.02, **changes):
    """Rows of the table variance: how much each score differs between trainings, under both protocols."""
    base = METHOD | {"cohort": "rsna", "phase": "final", "n_repeats": 2, "n_folds": 5, "n_seeds": 1} | changes
    rows = [
        base | {"protocol": protocol, "metric": metric, "sd_trainings": sd}
        for protocol in ("published", "harmonised")
        for metric in ("auc", "accuracy", "recall", "specificity")
    ]
    return table("variance", *rows)


def repeated(values, **changes):
    """Rows of the table repeats: the accuracy of each split."""
    base = METHOD | {"cohort": "rsna", "protocol": "published", "phase": "final", "part": "test", "unit": "patient",
                     "seed_index": 0, "metric": "accuracy"} | changes  # fmt: skip
    return table("repeats", *(base | {"repeat": place, "value": value} for place, value in enumerate(values)))


def judged(published, comparison=None, cohorts=RSNA, groups=None, variance=None, repeats=None):
    tables = Scores(
        scored() if comparison is None else comparison,
        varied() if variance is None else variance,
        repeated([]) if repeats is None else repeats,
    )
    return verdict_table(published, tables, cohorts, groups or {})


@pytest.mark.parametrize(
    ("figure", "sd", "expected"),
    [(0.71, 0.05, "lower"), (0.49, 0.05, "higher"), (0.7, 0.05, "consistent"), (0.5, 0.05, "consistent"),
     (0.6, 0.0715, "cannot tell"), (0.6, 0.0714, "consistent"), (0.9, 0.2, "lower")],
)  # fmt: skip
def test_the_verdict_follows_the_interval_and_what_it_could_have_found(figure, sd, expected):
    assert verdict(figure, Expected(0.5, 0.7, sd)) == expected
    assert LARGEST_DETECTABLE == 0.2


@given(st.floats(0, 1), ENDS, ENDS, st.floats(0, 0.2), st.floats(0, 1))
def test_a_higher_figure_never_gives_a_higher_verdict(figure, one, other, sd, shift):
    expected = Expected(*sorted((one, other)), sd)
    assert RANK[verdict(figure, expected)] >= RANK[verdict(figure + shift, expected)]


@pytest.mark.parametrize(("value", "expected"), [(0.6, "consistent"), (0.9, "higher"), (0.3, "lower")])
def test_a_figure_is_judged_by_the_figures_that_our_interval_predicts(value, expected):
    row = judged(figures(), scored({"value": value})).iloc[0]
    predicted = by_prediction("accuracy", {"accuracy": Ours(value - 0.03, value + 0.03, 0.02)}, 100, None, 2, SEED)
    assert row["verdict"] == expected
    assert row["rule"] == "prediction, paper's protocol"
    assert (row["expected_low"], row["expected_high"]) == (predicted.low, predicted.high)
    assert row["detectable_difference"] == pytest.approx(predicted.detectable, abs=1e-6)
    assert row["difference"] == pytest.approx(value - 0.6)
    assert pd.isna(row["reason"])


def test_the_harmonised_interval_predicts_where_it_is_there():
    both = scored({}, {"protocol": "harmonised", "value": 0.55})
    row = judged(figures(), both).iloc[0]
    assert row["rule"] == "prediction, harmonised"
    assert (row["reproduced"], row["harmonised"]) == (0.6, 0.55)
    assert row["difference"] == pytest.approx(-0.05)


def test_a_figure_inside_a_wide_interval_says_what_could_not_be_found():
    row = judged(figures(n=20)).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert row["expected_low"] <= 0.6 <= row["expected_high"]
    assert row["reason"] == (
        "the figure lies among the expected ones, but only a difference of "
        f"{row['detectable_difference']:.2f} would be found, and not one of 0.20"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"n": None}, "the paper does not state how many patients its figure counts"),
        ({"n": None, "shares": "0.1", "decimals": 4, "value": 0.6001},
         "does not state how many patients its figure counts, and no n near its shares gives its accuracy"),
        ({"metric": "auc", "n_positive": None}, "does not state how many of its patients are positive"),
        ({"metric": "recall"}, "does not state which average its recall is"),
        ({"metric": "precision", "averaging": "macro"}, "precision is a macro average, ours of the positive class"),
        ({"metric": "f1", "averaging": "negative class"}, "the paper's f1 is of the negative class, ours of the"),
        ({"subgroup": "grade: none"}, "figures of a subgroup (grade: none) are not judged"),
        ({"value": None, "decimals": None}, "the paper printed NaN, which is no number to compare with"),
    ],
)  # fmt: skip
def test_a_figure_that_does_not_say_what_it_counts_cannot_be_judged_and_says_why(changes, reason):
    row = judged(figures(**changes)).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert reason in row["reason"]
    assert np.isnan([row["expected_low"], row["detectable_difference"]]).all()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"unit": "slice"}, "slices of a patient are not independent"),
        ({"selected_on": "yes"}, "the model was selected or trained on these patients"),
        ({"part": "validation"}, "the model was selected or trained on these patients"),
        ({"part": "whole"}, "the model was selected or trained on these patients"),
    ],
)
def test_figures_that_no_interval_predicts_are_judged_over_20_repeats_and_not_over_fewer(changes, why):
    ours = scored({name: changes[name] for name in ("unit", "part") if name in changes})
    values = np.random.default_rng(1).normal(0.55, 0.02, 20)
    place = {"part": changes.get("part", "test"), "unit": changes.get("unit", "patient")}
    row = judged(figures(**changes), ours, repeats=repeated(values, **place)).iloc[0]
    expected = over_repeats(values)
    assert (row["rule"], row["n_repeats"]) == ("repeats", 20)
    assert [row["expected_low"], row["expected_high"]] == pytest.approx([expected.low, expected.high], abs=1e-6)
    assert row["difference"] == pytest.approx(values.mean() - 0.6, abs=1e-6)
    assert row["verdict"] == verdict(0.6, expected)
    few = judged(figures(**changes), ours, repeats=repeated(values[:19], **place)).iloc[0]
    assert few["verdict"] == "cannot tell"
    assert few["reason"] == f"{why}: 20 repeats with splits of their own are needed, and there are 19"


@pytest.mark.parametrize(("centre", "expected"), [(0.5, "lower"), (0.6, "consistent"), (0.7, "higher")])
def test_each_verdict_over_repeats(centre, expected):
    values = np.random.default_rng(2).normal(centre, 0.02, ENOUGH_REPEATS)
    row = judged(figures(unit="slice"), scored({"unit": "slice"}), repeats=repeated(values, unit="slice")).iloc[0]
    assert row["verdict"] == expected


def test_repeats_of_patients_assume_that_a_figure_of_unstated_unit_counts_them():
    values = np.random.default_rng(2).normal(0.6, 0.02, ENOUGH_REPEATS)
    row = judged(figures(unit="unstated", n=None), repeats=repeated(values)).iloc[0]
    assert (row["verdict"], row["rule"]) == ("consistent", "repeats")
    assert row["reason"] == "if the paper's cases are patients, which it does not state"


def test_repeats_that_scatter_widely_cannot_tell():
    values = np.random.default_rng(3).normal(0.6, 0.1, ENOUGH_REPEATS)
    row = judged(figures(selected_on="yes"), repeats=repeated(values)).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert "would be found, and not one of 0.20" in row["reason"]


def test_repeats_without_any_spread_cannot_tell():
    row = judged(figures(selected_on="yes"), repeats=repeated([0.5] * 20)).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert row["reason"] == "all 20 repeats give the same score, so their spread is unknown"


def test_seeds_of_one_split_do_not_count_as_repeats():
    rows = pd.concat([repeated([0.5 + place / 100] * 2, seed_index=place) for place in range(20)])
    values = repeat_values(figures().to_dict("records")[0] | {"epoch": None}, rows)
    assert values.tolist() == [0.5, 0.5]


def test_repeats_of_another_part_unit_phase_protocol_or_epoch_do_not_count():
    others = [{"part": "validation"}, {"unit": "slice"}, {"phase": "transfer"}, {"protocol": "other"},
              {"epoch": "last"}, {"metric": "auc"}]  # fmt: skip
    rows = pd.concat([repeated([0.5] * 20, **other) for other in others])
    assert not len(repeat_values(figures().to_dict("records")[0] | {"epoch": None}, rows))


def test_a_figure_of_the_training_history_is_compared_with_that_epoch():
    published = figures(part="train", unit="slice", epoch="last", value=0.9, selected_on="yes")
    values = np.random.default_rng(4).normal(0.9, 0.01, 20)
    repeats = repeated(values, part="train", unit=None, epoch="last")
    row = judged(published, scored({"unit": "slice", "part": "validation"}), repeats=repeats).iloc[0]
    assert row["reproduced"] == pytest.approx(values.mean(), abs=1e-6)
    assert (row["verdict"], row["rule"], row["epoch"]) == ("consistent", "repeats", "last")
    loss = figures(part="validation", epoch="lowest", metric="loss", value=1.5)
    lower = judged(loss, repeats=repeated(values, part="validation", unit=None, epoch="lowest", metric="loss")).iloc[0]
    assert (lower["verdict"], lower["published"]) == ("lower", 1.5)


def test_a_verdict_must_hold_for_every_n_that_the_shares_allow():
    shares = {"n": None, "n_positive": None, "shares": "0.09 0.1 0.135 0.15", "unit": "unstated"}
    one = judged(figures(value=0.5568, decimals=4, **shares), scored({"value": 0.56})).iloc[0]
    assert (one["possible_n"], one["grim"], one["verdict"]) == ("88", "49/88", "consistent")
    assert one["reason"] == "if the paper's cases are patients, which it does not state"
    several = judged(figures(value=0.52, **shares), scored({"value": 0.56})).iloc[0]
    assert several["possible_n"].startswith("51, 52")
    assert several["verdict"] == "cannot tell"
    assert "the verdict depends on n, which the paper does not state (51: cannot tell" in several["reason"]
    assert "88: consistent" in several["reason"]
    far = judged(figures(value=0.52, **shares), scored({"value": 0.9})).iloc[0]
    assert far["verdict"] == "higher"


def test_without_an_interval_or_the_spread_of_trainings_a_prediction_cannot_be_made():
    bare = judged(figures(), scored({"accuracy_low": None})).iloc[0]
    assert bare["reason"] == "under the protocol published our accuracy has no interval"
    unknown = judged(figures(), variance=varied(sd=None)).iloc[0]
    assert unknown["verdict"] == "cannot tell"
    assert unknown["reason"] == (
        "under the protocol published it is not known how much accuracy differs between trainings"
    )
    fitted = judged(figures(), scored({"interval_factor": None})).iloc[0]
    assert fitted["verdict"] == "cannot tell"
    assert fitted["reason"] == (
        "under the protocol published our interval is for the fitted models of one training part, and says nothing of "
        "other trainings"
    )


def test_a_recall_of_the_negative_class_is_our_specificity_and_a_macro_recall_our_balanced_accuracy():
    ours = scored({"specificity": 0.8, "balanced_accuracy": 0.7})
    for averaging, value in (("negative class", 0.8), ("macro", 0.7), ("positive class", 0.6)):
        row = judged(figures(metric="recall", averaging=averaging), ours).iloc[0]
        assert row["reproduced"] == value
        assert row["difference"] == pytest.approx(value - 0.6)


@pytest.mark.parametrize("metric", ["auc", "precision", "recall", "specificity", "f1"])
@pytest.mark.parametrize(("value", "expected"), [(0.6, "consistent"), (0.95, "lower"), (0.3, "higher")])
def test_every_score_can_be_judged(metric, value, expected):
    row = judged(figures(metric=metric, averaging="positive class", n=200, n_positive=100, value=value)).iloc[0]
    assert row["verdict"] == expected


def test_only_the_same_phase_part_unit_and_protocol_reproduce_a_figure():
    others = [{"phase": "transfer"}, {"part": "validation"}, {"unit": "slice"}]
    row = judged(figures(), scored(*others, {"protocol": "harmonised", "value": 0.9})).iloc[0]
    assert np.isnan(row["reproduced"])
    assert row["harmonised"] == 0.9
    assert (row["verdict"], row["reason"]) == ("not run", "the test part of phase final is not scored here")


def test_a_study_without_the_papers_protocol_does_not_run_the_figure():
    row = judged(figures(), scored({"protocol": "harmonised"})).iloc[0]
    assert row["reason"] == "this study does not run the paper's protocol published"


def test_a_generated_cohort_is_shown_and_not_compared():
    row = judged(figures(), scored({"cohort": "planted"}), PLANTED).iloc[0]
    assert row["verdict"] == "not comparable: generated"
    assert row["reproduced"] == 0.6
    assert np.isnan(row["difference"])


def test_other_patients_than_the_papers_are_shown_and_not_compared():
    mine = {"rsna": RSNA["rsna"] | {"n_labelled": 120}}
    row = judged(figures(), scored({"n_patients": 24}), mine).iloc[0]
    assert (row["verdict"], row["reproduced"]) == ("not comparable: other patients", 0.6)
    assert row["reason"] == "rsna has 120 labelled patients, the paper's cohort 585"
    complete = judged(figures(cohort_n=24), scored({"n_patients": 24}), mine).iloc[0]
    assert complete["verdict"] == "consistent", "all complete patients are the paper's"


def test_a_cohort_whose_patients_have_not_been_read_is_not_taken_for_others():
    unread = {"rsna": RSNA["rsna"] | {"n_labelled": 0}}
    row = judged(figures(), scored({"status": "missing", "n_patients": None}), unread).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not run", "the patients of rsna have not been read yet")


def test_a_figure_beside_a_cohort_of_another_kind_is_not_run():
    stem = {"rsna": RSNA["rsna"] | {"kind": "brainstem", "like": "brainstem"}}
    row = judged(figures(), cohorts=stem).iloc[0]
    assert row["verdict"] == "not run"
    assert pd.isna(row["cohort"])
    assert row["cohort_kind"] == "rsna"


def test_replicated_cohorts_are_one_row():
    names = ["no-signal-01", "no-signal-02", "no-signal-03"]
    cohorts = dict.fromkeys(names, PLANTED["planted"])
    made = judged(figures(), scored(*({"cohort": name} for name in names)), cohorts, groups={"no-signal": names})
    assert made[["cohort", "verdict"]].to_numpy().tolist() == [["no-signal", "not comparable: generated"]]


def test_a_training_that_failed_cannot_tell():
    gone = dict.fromkeys(["phase", "part", "unit"]) | {"status": "failed", "reason": "no memory"}
    row = judged(figures(), scored(gone)).iloc[0]
    assert (row["verdict"], row["reason"]) == ("cannot tell", "no memory")


def test_a_printed_nan_says_how_our_trainings_ended():
    diverged = scored({"status": "diverged", "reason": "1 of 1 folds diverged: loss is NaN"})
    row = judged(figures(metric="loss", epoch="lowest", value=None, decimals=None), diverged).iloc[0]
    assert row["verdict"] == "cannot tell"
    assert row["reason"].endswith("no number to compare with; 1 of 1 folds diverged: loss is NaN")


@pytest.mark.parametrize(
    ("changes", "grim"),
    [
        ({"n": 53, "value": 0.7192, "decimals": 4}, "no k/53"),
        ({"n": 53, "value": 0.7}, "37/53"),
        ({"metric": "specificity", "n": 24, "n_positive": 15, "value": 0.78}, "7/9"),
        ({"metric": "recall", "averaging": "negative class", "n": 53, "n_positive": 26, "value": 0.81}, "22/27"),
        ({"metric": "precision", "averaging": "macro", "n": 53, "n_positive": 26, "value": 0.71},
         "14 confusion tables of 26 and 27"),
        ({"metric": "recall", "averaging": "macro", "n": 4, "n_positive": 2, "value": 0.6},
         "no confusion tables of 2 and 2"),
        ({"metric": "auc"}, None),
        ({"metric": "recall"}, None),
        ({"unit": "slice"}, None),
        ({"n": None}, None),
        ({"n": None, "shares": "0.1", "value": 0.524, "decimals": 4}, "no k/n, n = 57, 58, 59, 60"),
    ],
)  # fmt: skip
def test_grim_names_the_fractions_that_print_as_the_figure(changes, grim):
    found = judged(figures(**changes)).iloc[0]["grim"]
    assert found == grim if grim else pd.isna(found)


def test_every_published_figure_has_its_row_in_every_study():
    published = read_table(PUBLISHED, "published")
    made = judged(published, scored({"cohort": "planted"}), PLANTED)
    assert len(made) == len(published)
    assert set(made["verdict"]) == {"not comparable: generated", "not run"}
    printed = [
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
    ]
    assert len(counted(made)) == len(published.drop_duplicates(printed)) < len(published)


def test_a_figure_beside_two_variants_counts_once_and_as_the_one_that_runs():
    figure = figures().iloc[0].to_dict()
    both = pd.DataFrame([figure, figure | {"variant": "as_coded"}])
    for order in (both, both.iloc[::-1]):
        found = counted(judged(order, scored({"cohort": "planted"}), PLANTED))
        assert found["verdict"].tolist() == ["not comparable: generated"]


def test_the_shares_of_the_papers_leave_the_sizes_that_the_documents_figures_allow():
    published = read_table(PUBLISHED, "published")
    made = judged(published, scored({"cohort": "planted"}), PLANTED)
    accuracies = made[made["metric"].eq("accuracy")].drop_duplicates(
        ["variant", "modality", "phase", "part", "published"]
    )
    found = accuracies.set_index(["variant", "modality", "phase", "published"])["grim"]
    assert found["alexnet", "T1w", "finetuned", 0.5568] == "49/88"
    assert "46/88" in found["mobilenet", "T1w", "finetuned", 0.52].split(" or ")
    assert found["main", "T1w", "finetuned", 0.7] == "37/53"
    assert found["main", "T1w", "finetuned", 0.7192] == "41/57"
    assert found["main", "FLAIR", "final", 0.621] == "36/58"
    assert found["main", "FLAIR", "final", 0.535] == "no k/59"
    assert found["resnet50", "T1w", "finetuned", 0.5681] == "50/88"
    assert found["efficientnetb3", "T1w", "finetuned", 0.6692].startswith("no k/n")
    table_ii = made[made["published_source"].str.startswith("Spoorthy et al., Table II;") & made["variant"].eq("main")]
    impossible = table_ii.loc[table_ii["grim"].fillna("").str.startswith("no k/n"), "published"]
    assert sorted(impossible) == [0.4673, 0.4861, 0.524, 0.536, 0.5397, 0.6151, 0.642]
    assert table_ii.loc[table_ii["metric"].eq("accuracy"), "grim"].notna().sum() == 8
    sizes = accuracies.set_index("variant")["possible_n"]
    for variant in ("mobilenet", "resnet10"):
        assert sizes[variant] == "51, 52, 53, 54, 57, 58, 59, 60, 77, 78, 79, 80, 86, 87, 88, 89"


def test_a_figure_counts_once_or_where_it_is_judged():
    made = judged(figures(), scored({}, {"cohort": "planted"}), RSNA | PLANTED)
    assert len(made) == 2
    assert counted(made)["cohort"].tolist() == ["rsna"]
    generated = judged(
        figures(), scored({"cohort": "planted"}, {"cohort": "other"}), PLANTED | {"other": PLANTED["planted"]}
    )
    assert len(counted(generated)) == 1


def test_every_verdict_of_the_schema_has_a_name_here():
    assert set(table_schema("published_vs_reproduced")["properties"]["verdict"]["enum"]) == set(VERDICTS)


def test_the_verdicts_stand_in_every_format(tmp_path):
    made = judged(read_table(PUBLISHED, "published"))
    write_formats(made, tmp_path / "verdicts", "published_vs_reproduced")
    back = read_table(tmp_path / "verdicts.tsv", "published_vs_reproduced")
    pd.testing.assert_frame_equal(back, made, check_dtype=False)
    assert "swapped" in (tmp_path / "verdicts.md").read_text(encoding="utf-8")


def test_a_terminal_shows_a_line_a_judged_figure():
    printed = print_verdicts(judged(read_table(PUBLISHED, "published"), scored({}, {"part": "validation"})))
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 120
    assert sum(line.endswith(("consistent", "lower", "higher", "cannot tell")) for line in lines) == 4
    assert "not run" in lines[-1]


def test_the_longest_names_of_figures_fit_a_terminal():
    published = read_table(PUBLISHED, "published")
    methods = published[["approach", "variant", "modality", "protocol", "phase", "part"]].drop_duplicates()
    rows = [
        row | {"unit": "slice" if row["variant"] == "slice_split" else "patient"} for row in methods.to_dict("records")
    ]
    stem = {"stem": {"kind": "brainstem", "like": "brainstem", "generated": False, "n_labelled": 24}}
    made = judged(
        published, scored(*rows, *(row | {"cohort": "stem"} for row in rows)), RSNA | stem,
        variance=pd.concat([varied(**method) for method in methods[["approach", "variant", "modality", "phase"]]
                            .drop_duplicates().to_dict("records")]),
    )  # fmt: skip
    lines = print_verdicts(made).splitlines()
    assert max(map(len, lines)) <= 120
    assert any("Specificity (" in line for line in lines)
    heads = {line.index("Verdict") for line in lines if "Verdict" in line}
    names = (*VERDICTS, "not comparable")
    ends = [line for line in lines if line.endswith(names) and not line.startswith("Published")]
    assert {max(line.rfind(f" {name}") for name in names) + 1 for line in ends} == heads


def test_a_terminal_only_counts_figures_where_every_cohort_is_generated_and_none_can_be_judged():
    printed = print_verdicts(judged(read_table(PUBLISHED, "published"), scored({"cohort": "planted"}), PLANTED))
    assert "this study can judge none of them" in " ".join(printed.split())
    assert "4 not comparable: generated" in " ".join(printed.split())
    assert len(printed.splitlines()) <= 3
