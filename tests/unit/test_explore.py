"""The interactive figures of a cohort: the same numbers as the tables, and specifications that Vega-Lite can draw."""

import json

import numpy as np
import pandas as pd
import pytest
import vl_convert
from sklearn.metrics import confusion_matrix

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.runs import cell_rows
from gliobench.evaluation.thresholds import COUNTS, THRESHOLDS
from gliobench.reporting.explore import AT_THRESHOLD, explore, methods_of, scripts

CELLS = [("baseline", "prior"), ("baseline", "intensity"), ("cnn3d", "main"), ("cnn3d", "<deep>"), ("toy", "main")]
PAGES = {
    "baseline": "../approaches/baseline.html",
    "cnn3d": "../approaches/cnn3d.html",
    "toy": "../approaches/toy.html",
}


@pytest.fixture(scope="module")
def study():
    """Predictions and scores of five cells of one cohort."""
    predictions, metrics = [], []
    for place, (approach, variant) in enumerate(CELLS):
        made = {"approach": approach, "variant": variant, "repeats": 2, "signal": 0.2 * place, "random_seed": place}
        tables, records = make_cell(**made)[:2]
        predictions.append(cell_rows(tables, records))
        metrics.append(score_cell(tables, records, base_seed=1, resamples=20))
    return pd.concat(predictions, ignore_index=True), pd.concat(metrics, ignore_index=True)


@pytest.fixture(scope="module")
def methods(study):
    return methods_of(*study, "planted")


@pytest.fixture(scope="module")
def shown(methods):
    links = {patient: f"../patients/planted/{patient}.html" for patient in methods[0].rows["patient_id"].unique()}
    return explore(methods, PAGES, links)


def test_networks_come_first_and_the_page_opens_with_main_ones_and_the_best_baseline(shown, study):
    names = [look["name"] for look in shown["methods"]]
    assert names[-2:] == ["baseline prior FLAIR", "baseline intensity FLAIR"]
    scores = study[1][study[1]["part"] == "test"].set_index(["approach", "variant"])["auc"]
    best = max(("prior", "intensity"), key=lambda variant: scores["baseline", variant])
    opens = {look["name"] for look in shown["methods"] if look["shown"]}
    assert opens == {"cnn3d FLAIR", "toy FLAIR", f"baseline {best} FLAIR"}


def test_without_a_main_network_the_page_opens_with_the_first_networks_and_the_best_baseline(study):
    predictions, metrics = study
    kept = [table[table["variant"] != "main"] for table in (predictions, metrics)]
    opens = [look["name"] for look in explore(methods_of(*kept, "planted"), PAGES, {})["methods"] if look["shown"]]
    assert opens[0] == "cnn3d <deep> FLAIR"
    assert len(opens) == 2


def test_the_areas_under_the_curves_are_those_of_the_table(shown, study):
    curves = pd.DataFrame(shown["data"]["figures"]["roc"]["datasets"]["curves"])
    rows = study[1][study[1]["part"] == "test"]
    ordered = pd.concat([rows[rows["approach"] != "baseline"], rows[rows["approach"] == "baseline"]])
    for row, look in zip(ordered.to_dict("records"), shown["methods"], strict=True):
        mine = curves[curves["method"] == look["name"]]
        assert np.trapezoid(mine["y"], mine["x"]) == pytest.approx(row["auc"], abs=0.01)
        assert look["auc"].startswith(f"{row['auc']:.2f}")


def test_a_method_that_lost_folds_says_so_in_its_name(study):
    predictions, metrics = study
    lost = metrics.assign(status=metrics["status"].mask(metrics["approach"].eq("toy"), "failed"))
    names = [method.name for method in methods_of(predictions, lost, "planted")]
    assert [name for name in names if "failed" in name] == ["toy FLAIR, failed"]


def test_counts_at_a_threshold_are_those_of_scikit_learn(shown, methods):
    place = THRESHOLDS.tolist().index(0.4)
    for method, thresholds in zip(methods, shown["data"]["thresholds"], strict=True):
        rounds = len(method.rows[["repeat", "seed_index"]].drop_duplicates())
        tn, fp, fn, tp = confusion_matrix(method.rows["label"], method.rows["probability"] >= 0.4).ravel() / rounds
        values = dict(zip(AT_THRESHOLD, thresholds[place], strict=True))
        assert [values[name] for name in COUNTS] == pytest.approx([tp, fp, fn, tn], abs=1e-4)


def test_every_figure_is_drawn_by_vega_lite_and_names_methods_of_the_page(shown):
    names = {look["name"] for look in shown["methods"]}
    for figure in shown["data"]["figures"].values():
        drawn = vl_convert.vegalite_to_svg(figure | {"width": 300})
        assert drawn.count("<path") > 3
        for rows in figure["datasets"].values():
            assert {row["method"] for row in rows if "method" in row} <= names


def test_captions_say_that_points_pool_the_runs_which_curves_average(shown):
    for name in ("roc", "precision_recall"):
        caption = shown["figures"][name].caption
        assert "Averaged over runs" in caption
        assert "all runs pooled" in caption


def test_text_alternatives_name_the_ends_of_the_table(shown, study):
    scores = study[1][study[1]["part"] == "test"]["auc"]
    words = shown["figures"]["roc"].words
    assert f"highest AUC is {scores.max():.2f}" in words
    assert f"lowest AUC is {scores.min():.2f}" in words


def test_a_patient_leads_to_its_page_and_a_method_to_its_approach(shown, methods):
    figures = shown["data"]["figures"]
    links = {row["patient"]: row["page"] for row in figures["patients"]["datasets"]["links"]}
    assert set(links) == set(methods[0].rows["patient_id"])
    assert {row["page"] for row in figures["forest"]["datasets"]["methods"]} == set(PAGES.values())


def test_a_cell_without_predictions_is_named_without_curves(study):
    predictions, metrics = study
    gone = predictions["approach"] == "toy"
    shown = explore(methods_of(predictions[~gone], metrics, "planted"), PAGES, {})
    place = [look["name"] for look in shown["methods"]].index("toy FLAIR")
    assert shown["data"]["thresholds"][place] == []
    assert "toy FLAIR" not in json.dumps(shown["data"]["figures"]["roc"]["datasets"]["curves"])


def test_the_script_is_a_classic_one_that_leaves_only_vega_embed_behind():
    text = scripts()
    assert text.startswith("(() => {")
    assert text.rstrip().endswith("})();")
    assert "window.vegaEmbed" in text
    assert "</script" not in text
