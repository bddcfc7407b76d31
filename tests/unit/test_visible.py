"""Labels that the images show: made from a segmentation or a table, and what is said of the methods that see them."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from scipy import stats

from cell_files import make_cell
from gliobench.cohorts.regions import measure_regions
from gliobench.cohorts.spike import expected_auc
from gliobench.cohorts.visible import label_quantity, visible_labels
from gliobench.errors import GlioBenchError
from gliobench.evaluation.cells import as_metrics, score_cell
from gliobench.evaluation.visible import visible_table
from gliobench.figures.controls import visible_figure
from gliobench.files import check_table
from gliobench.imaging.volume import Volume
from gliobench.reporting.alternatives import text_alternative
from gliobench.reporting.layouts import show_visible
from gliobench.reporting.summary import visible_in_words
from gliobench.settings.cohorts import Visible
from gliobench.settings.models import check

OEDEMA = {"from": "segmentation", "region": "oedema", "above": "median"}
DRAWN = {"from": "segmentation", "region": "oedema", "oracle_auc": 0.8}


def label(**given):
    return check(Visible, given, "visible").model_dump(exclude_none=True)


def people(n):
    ids = [f"{number:05}" for number in range(n)]
    return pd.DataFrame({"patient_id": ids, "label": [0, 1] * (n // 2), "label_name": "x", "oracle_probability": 0.5})


def values_of(numbers):
    return pd.Series(numbers, [f"{number:05}" for number in range(len(numbers))], dtype="float64")


def measured(series, wanted, status="ok"):
    rows = [{"patient_id": "1", "modality": name, "status": status} for name in series]
    read = {("1", name): volume for name, volume in series.items()}
    return measure_regions(["1", "2"], pd.DataFrame(rows), wanted, lambda *key: read[key])


def test_a_region_is_measured_in_ml_and_its_texture_as_sd_over_mean():
    mask, image = np.zeros((4, 6, 5), np.uint8), np.arange(120.0).reshape(4, 6, 5)
    mask[1, :3], mask[2, :2], mask[3, 0, :2] = 2, 4, 1
    affine = np.diag([2.0, 1.0, 1.5, 1.0])
    wanted = [("oedema", None), ("core", None), ("whole", None), ("oedema", "T2w")]
    table = measured({"segmentation": Volume(mask, affine), "T2w": Volume(image, affine)}, wanted)
    check_table(table, "regions", "the test")
    inside = image[1, :3]
    assert table["value"].tolist() == pytest.approx([0.045, 0.036, 0.081, stats.variation(inside, axis=None)])
    assert table["patient_id"].unique().tolist() == ["1"], "a patient without a segmentation has no row"


def test_a_texture_is_measured_where_the_region_lies_in_a_series_on_another_grid():
    rng = np.random.default_rng(0)
    mask = np.zeros((10, 10, 10), np.uint8)
    mask[2:6, 2:6, 2:6] = 2
    fine = rng.uniform(50, 150, (20, 20, 20))
    placed = np.diag([0.5, 0.5, 0.5, 1.0])
    placed[:3, 3] = -0.25  # the same corner of the first voxel
    table = measured({"segmentation": Volume(mask, np.eye(4)), "T2w": Volume(fine, placed)}, [("oedema", "T2w")])
    assert table["value"].tolist() == pytest.approx([stats.variation(fine[4:12, 4:12, 4:12], axis=None)])


def test_labels_of_unequally_spaced_slices_are_not_mixed():
    mask = np.stack([np.full((2, 5), label, np.uint8) for label in (4, 1, 1)])
    places = np.array([0.0, 3.0, 4.0])  # halfway between 4 and 1 lies 2, which is oedema
    table = measured({"segmentation": Volume(mask, np.eye(4), places)}, [("oedema", None), ("core", None)])
    assert table["value"].tolist() == pytest.approx([0, 0.05])


def test_a_series_without_a_position_is_not_measured():
    volume = Volume(np.full((3, 3, 3), 2), np.eye(4))
    assert measured({"segmentation": volume}, [("oedema", None)], "voxels only").empty


def test_the_label_is_1_above_the_median_and_patients_without_the_quantity_are_left_out():
    quantity = values_of([5, 1, 3, 9, 7, 2]).drop("00004")
    made = visible_labels(people(6), quantity, label(**OEDEMA), "oedema", 1)
    assert made["patient_id"].tolist() == ["00000", "00001", "00002", "00003", "00005"]
    assert made["label"].tolist() == [1, 0, 0, 1, 0]
    assert made["label_name"].tolist()[:2] == ["above median", "median or below"]
    assert made["oracle_probability"].isna().all()


def test_a_quantity_that_most_patients_share_is_refused():
    with pytest.raises(GlioBenchError, match="oedema: of 6 patients with the quantity 1 have label 1 and 5 label 0"):
        visible_labels(people(6), values_of([0, 0, 0, 0, 0, 1]), label(**OEDEMA), "oedema", 1)


def test_a_label_with_an_oracle_auc_is_drawn_for_half_of_the_patients_and_the_same_again_with_the_same_seed():
    quantity = values_of(np.random.default_rng(0).lognormal(3, 1, 60)).drop("00004")
    made, again, other = (visible_labels(people(60), quantity, label(**DRAWN), "drawn", seed) for seed in (1, 1, 2))
    assert made["label"].sum() == 29, "as many as lie above the median of 59"
    assert "00004" not in set(made["patient_id"])
    assert made["label"].tolist() == again["label"].tolist() != other["label"].tolist()
    assert expected_auc(made["oracle_probability"].to_numpy()) == pytest.approx(0.8, abs=1e-4)
    assert set(made.loc[made["label"] == 1, "label_name"]) == {"drawn high"}


def test_sex_and_age_of_a_table_are_labels_too(tmp_path):
    rows = "ID\tsex\tage\n00000\tF\t40\n00001\tM\t60\n00002\tF\t70\n00003\tM\t50\n00004\tunknown\t\n"
    (tmp_path / "clinic.tsv").write_text(rows, encoding="utf-8")
    source = {"table": "clinic.tsv", "id": "ID", "numbers": ["age"], "categories": ["sex"]}
    features = {"clinic": [source | {"folder": str(tmp_path), "prefix": "", "label_columns": []}]}
    none = pd.DataFrame(columns=["patient_id", "region", "modality", "value"])
    sex, age = (
        label(**{"from": "clinic", "column": name}, **rule)
        for name, rule in (("sex", {"equals": "F"}), ("age", {"above": "median"}))
    )
    assert label_quantity(sex, none, features).to_dict() == {"00000": 1, "00001": 0, "00002": 1, "00003": 0}
    made = visible_labels(people(6), label_quantity(sex, none, features), sex, "sex", 1)
    assert made["label_name"].tolist() == ["F", "other", "F", "other"]
    older = visible_labels(people(6), label_quantity(age, none, features), age, "age", 1)
    assert older["label"].tolist() == [0, 1, 1, 0]
    with pytest.raises(GlioBenchError, match="the features clinic have no category 'age'"):
        label_quantity(sex | {"column": "age"}, none, features)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"from": "segmentation", "above": "median"}, "needs `region`"),
        ({"from": "segmentation", "region": "oedema", "equals": "F"}, "has neither `column` nor `equals`"),
        ({"from": "clinic", "above": "median"}, "needs `column`"),
        ({"from": "clinic", "column": "age"}, "give one of `above: median`, `oracle_auc`"),
        (OEDEMA | DRAWN, "give one of `above: median`, `oracle_auc`"),
        (DRAWN | {"oracle_auc": 0.5}, "oracle_auc"),
        (OEDEMA | {"region": "edema"}, "did you mean 'oedema'?"),
        (OEDEMA | {"source": "x"}, "unknown key 'source'"),
    ],
)
def test_a_wrong_visible_label_is_refused_in_a_sentence(given, words):
    with pytest.raises(GlioBenchError) as refused:
        label(**given)
    assert words in str(refused.value)


def runs_on(strength, labels="own", **settings):
    cohort = "brains" if labels == "own" else f"brains/visible-{labels}"
    tables, records, _ = make_cell(cohort=cohort, signal=strength, n=80, folds=5, **settings)
    return tables, records


def tabulated(*runs):
    tables, records = ([each for run in runs for each in run[part]] for part in (0, 1))
    own = [run for run in runs if run[1][0]["cohort"] == "brains"]
    scored = [score_cell(*run, base_seed=1, resamples=100) for run in own]
    metrics = pd.concat(scored, ignore_index=True) if own else as_metrics([])
    return visible_table(tables, records, metrics, base_seed=1, resamples=100)


@pytest.fixture(scope="module")
def table():
    good = [runs_on(2.0, "oedema"), runs_on(0.7, "texture", random_seed=1), runs_on(0.0, random_seed=2)]
    bad = [runs_on(0.0, name, approach="resnet18", random_seed=5) for name in ("oedema", "texture", "own")]
    return tabulated(*good, *bad)


def test_a_method_that_finds_the_easiest_label_sees_and_another_is_not_shown_to_see(table):
    assert table["labels"].tolist() == ["oedema", "texture", "own"] * 2
    assert table["place"].tolist()[:2] == [1, 2]
    assert table["place"].isna().tolist()[2]
    assert table.groupby("approach")["network"].unique().map(list).to_dict() == {
        "cnn3d": ["sees"],
        "resnet18": ["not shown to see"],
    }
    first = table.iloc[0]
    assert first["verdict"] == "seen"
    assert min(first["auc_low"], first["training_low"]) > 0.5


def test_the_own_labels_are_said_to_be_unread_where_the_easiest_label_is_not_seen(table):
    own = table[table["labels"] == "own"]["statement"].tolist()
    assert own[0].endswith("on its own labels, and sees oedema, the easiest label.")
    assert own[1].endswith("which says nothing of them: it was not shown to see oedema, the easiest label.")
    assert f"an AUC of {table['auc'].iloc[2]:.2f} (" in own[0]


def test_scores_that_some_trainings_turn_round_are_not_seen_however_well_they_follow_the_images():
    """As of random weights: each training follows the size of the lesion, up or down."""
    for turned in ([1, 1, 1, 1, -1], [1, 1, 1, -1, -1]):
        tables, records = runs_on(4.0, "oedema")
        sign = tables[0]["fold"].map(dict(enumerate(turned))).astype(float)
        log_odds = tables[0]["log_odds"] * sign
        turned_round = tables[0].assign(log_odds=log_odds, probability=1 / (1 + np.exp(-log_odds)))
        row = tabulated(([turned_round], records)).iloc[0]
        assert row["training_low"] < 0.5
        assert row["network"] == "not shown to see"


def test_trainings_that_all_reach_1_have_no_spread_and_are_seen():
    row = tabulated(runs_on(20.0, "oedema")).iloc[0]
    assert row[["auc", "training_low", "training_high"]].tolist() == [1, 1, 1]
    assert row["verdict"] == "seen"


def test_four_trainings_are_too_few_to_be_seen():
    tables, records, _ = make_cell(cohort="brains/visible-oedema", signal=1.5, n=80, folds=4)
    row = tabulated((tables, records)).iloc[0]
    assert min(row["auc_low"], row["training_low"]) > 0.5
    assert row["verdict"] == "not seen"


def test_a_label_not_called_seen_for_want_of_trainings_says_so():
    few = tabulated(make_cell(cohort="brains/visible-oedema", folds=4)[:2]).iloc[0]
    assert few["reason"] == "4 trainings, 5 or more are needed to call a label seen"
    assert few["statement"].endswith(f": not seen ({few['reason']}).")
    assert tabulated(runs_on(1.5, "oedema"))["reason"].isna().all()


def test_a_perfect_method_that_is_not_called_seen_for_want_of_trainings_says_that_alone():
    few = tabulated(make_cell(cohort="brains/visible-oedema", signal=20.0, n=80, folds=4)[:2]).iloc[0]
    assert (few["auc"], few["verdict"]) == (1, "not seen")
    assert few["reason"] == "4 trainings, 5 or more are needed to call a label seen"


def test_without_an_auc_the_reason_is_why_and_not_how_many_were_trained():
    tables, records, _ = make_cell(cohort="brains/visible-oedema", n=24, folds=24)
    row = tabulated((tables, records)).iloc[0]
    assert pd.isna(row["auc"])
    assert row["reason"] == "each run scores a single patient"


def test_folds_that_were_not_trained_are_said_beside_the_verdict():
    tables, records = runs_on(2.0, "oedema")
    lost = records[0] | {
        "folds": [records[0]["folds"][0] | {"status": "diverged", "reason": "loss is NaN"}, *records[0]["folds"][1:]]
    }
    assert tabulated((tables, [lost])).iloc[0]["reason"] == "1 of 5 folds diverged: loss is NaN"


def test_the_scores_on_a_cells_own_labels_are_those_of_the_main_table(table):
    tables, records = runs_on(0.7)
    metrics = score_cell(tables, records, base_seed=1, resamples=100)
    wider = metrics.assign(auc_low=0.3, auc_high=0.9)  # as with a factor from permutations
    own = visible_table(tables, records, wider, base_seed=1, resamples=100).iloc[0]
    assert (own["auc"], own["auc_low"], own["auc_high"]) == (metrics.loc[0, "auc"], 0.3, 0.9)


def test_no_title_of_the_figure_reaches_into_the_next_panel(table):
    variants = [
        table.assign(variant=name, modality="FLAIR", approach="stacked_cnn3d") for name in ("tumour_crop", "main")
    ]
    drawn = visible_figure(pd.concat(variants, ignore_index=True))
    drawn.canvas.draw()
    ends = [
        next(text for text in axes.findobj(Text) if text.get_text() == axes.get_title(loc="left"))
        for axes in drawn.axes
    ]
    first, second = (text.get_window_extent() for text in ends)
    assert first.x1 < second.x0


def test_the_figure_its_words_and_the_table_say_the_same(table):
    words = (
        "1 of 2 methods sees the easiest label, 0 of them the cohort's own labels. Not shown to see: resnet18 FLAIR."
    )
    assert visible_in_words(table) == words
    figure = {"kind": "visible", "label": ""}
    assert text_alternative(figure, "What each method reaches. More.", {"comparison": table, "visible": table}) == (
        f"What each method reaches: {words}"
    )
    drawn = visible_figure(table)
    named = [text.get_text() for text in drawn.legends[0].get_texts()]
    assert named == ["seen", "not seen", "own labels", "chance"]
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert ["not shown to see" in title for title in titles] == [False, True]
    heights = [line.get_ydata()[0] for line in drawn.axes[0].lines if line.get_marker() in ("o", "D")]
    assert heights == pytest.approx(table["auc"].tolist()[:3])
    assert show_visible(table).text["Method"].tolist() == ["sees"] * 3 + ["not shown to see"] * 3
