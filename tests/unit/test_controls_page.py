"""The pages of the controls and the README say what the stored tables of the controls hold."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest

from gliobench.marked import MARKED, fill
from gliobench.wording import DASH

ROOT = Path(__file__).parents[2]
HOME = ROOT / "docs/controls"
SPEC = importlib.util.spec_from_file_location("controls", HOME / "write.py")
write = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(write)
NUMBER = rf"\d\.\d+ \(\d\.\d+(?:{DASH}| to )\d\.\d+\)"  # with its interval
each_study = pytest.mark.parametrize("study", list(write.FOLDERS))


def page(study: str) -> str:
    return (write.folder_of(study) / "README.md").read_text(encoding="utf-8")


@each_study
def test_the_tables_of_a_page_are_those_of_its_stored_tables(study):
    assert fill(page(study), write.page_tables(study)) == page(study), "run `make controls`"


@each_study
def test_every_number_with_an_interval_in_a_sentence_stands_in_a_table_of_the_page(study):
    text = page(study)
    tables = "".join(re.findall(r"<!-- table: .*?<!-- end of table -->", text, re.DOTALL))
    assert [number for number in re.findall(NUMBER, MARKED.sub("", text)) if number not in tables] == []


@each_study
def test_every_training_of_a_stored_run_is_ok(study):
    assert set(write.stored(study)["comparison"]["status"]) == {"ok"}, "the pages say that none diverged or failed"


@pytest.mark.parametrize("study", ["controls", "controls-visible"])
def test_every_network_finds_the_planted_signal(study):
    """By every phase that the page's sentence speaks of, `intensity` among them."""
    rows = write.planted_rows(write.stored(study))
    networks = rows[~rows["approach"].eq("baseline")]
    assert len(networks)
    assert (networks["auc_low"] > 0.5).all()


def means_of_sites(group: str, protocol: str, metric: str) -> pd.Series:
    """Return the verdicts on a group of cohorts, by approach and variant, without methods whose score cannot vary."""
    rows = write.stored("controls-sites")["replicates"].dropna(subset="low")
    rows = rows[rows["cohort_group"].eq(group) & rows["protocol"].eq(protocol) & rows["metric"].eq(metric)]
    return rows.set_index(rows["approach"] + " " + rows["variant"])["verdict"]


def test_networks_and_intensity_are_above_chance_only_where_images_reveal_the_hospital():
    images = ["baseline intensity", "stacked_cnn3d main"]
    above = means_of_sites("images", "harmonised", "auc")
    assert set(above[[*images, "resnet18 main", "baseline header"]]) == {"above chance"}
    headers = means_of_sites("headers", "harmonised", "auc")
    assert headers["baseline header"] == "above chance"
    assert "above chance" not in set(headers[images])


@pytest.mark.parametrize("group", ["images", "headers"])
def test_no_method_is_above_chance_within_sites_or_with_a_site_left_out(group):
    assert "above chance" not in set(means_of_sites(group, "harmonised", "auc_within_site"))
    assert "above chance" not in set(means_of_sites(group, "leave-one-site-out", "auc"))


def test_permuted_labels_cost_cnn3d_its_result():
    means = write.stored("controls-labels")["replicates"].query("metric == 'auc'")
    alone = means[means["contrast"].isna()].set_index("variant")["verdict"]
    assert alone.to_dict() == {"main": "above chance", "as_coded": "above chance", "permuted": "not shown"}
    values = means[means["contrast"].isna()].set_index("variant")["mean"]
    assert values["permuted"] < values["as_coded"] < values["main"], "an epoch of right labels leaves a trace"
    assert (means[means["contrast"].notna()]["low"] > 0).all()


def test_the_page_of_sites_says_what_the_first_cohorts_gave_before_others_were_added():
    rows = write.stored("controls-sites")["comparison"]
    rows = rows.query("part == 'test' and unit == 'patient' and protocol == 'harmonised' and approach == 'resnet18'")
    first = rows[rows["variant"].eq("main") & rows["cohort"].isin([f"images-{number:02}" for number in range(1, 5)])]
    assert len(first) == 4
    assert f"{first['auc'].mean():.3f}" in page("controls-sites").partition("first run with")[2]


def test_every_method_sees_the_easiest_label_and_its_auc_falls_in_the_order_of_difficulty():
    visible = write.stored("controls-visible")["visible"].query("labels != 'own'")
    for _, rows in visible.groupby(["approach", "variant"]):
        by_place = rows.sort_values("place")
        assert by_place["auc"].is_monotonic_decreasing
        assert by_place["verdict"].iloc[0] == "seen"


def test_permuted_labels_of_the_planted_patients_are_equivalent_to_chance():
    assert set(write.stored("controls-visible")["copies"]["verdict"]) == {"equivalent to chance"}


def test_the_readme_gives_the_means_of_the_controls_of_sites_and_labels():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = re.search(r"reach (\d\.\d\d) and (\d\.\d\d); within hospitals, (\d\.\d\d)\.", text).groups()
    means = write.stored("controls-sites")["replicates"]
    means = means.query("cohort_group == 'images' and protocol == 'harmonised'").set_index(["approach", "metric"])[
        "mean"
    ]
    networks = ["resnet18", "stacked_cnn3d"]
    assert [f"{means[name, 'auc']:.2f}" for name in networks] == list(said[:2])
    assert {f"{means[name, 'auc_within_site']:.2f}" for name in networks} == {said[2]}
    lost = write.stored("controls-labels")["replicates"].query("metric == 'auc' and contrast == 'as_coded'")["mean"]
    assert f"cost `cnn3d` {lost.item():.2f} of AUC" in text


@pytest.mark.parametrize("end", ["min", "max"])
def test_the_readme_gives_the_range_of_the_main_methods_on_the_easiest_label(end):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    low, high = re.search(r"reach\s+(\d\.\d\d) to (\d\.\d\d) for the easiest", text).groups()
    table = pd.read_csv(HOME / "visible/visible.tsv", sep="\t")
    easiest = table[table["place"].eq(1) & table["variant"].eq("main")]["auc"]
    assert {"min": low, "max": high}[end] == f"{easiest.agg(end):.2f}"
