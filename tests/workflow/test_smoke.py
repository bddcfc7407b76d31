"""The smoke study: every approach from images to the table and the page."""

from html.parser import HTMLParser
from typing import get_args

import pytest
import yaml
from studies import ROOT, SMOKE, finish, planned_rules, result_bytes

from gliobench.files import read_json, read_table
from gliobench.paths import REPORT_SCRIPTS
from gliobench.plan import PAGES, page_figures, report_pages
from gliobench.reporting.patient_pages import probability_text
from gliobench.settings.approaches import Figure
from gliobench.study import Study

pytestmark = pytest.mark.workflow
RESULTS = "results/smoke"
TESTED = ["test", "validation"]
FOLD = "repeat-0/seed-0/batch-0"


def rows_of(cell: str, parts: list[str], unit: str = "patient") -> list[str]:
    return [f"{cell} {part} {unit}" for part in parts]


def rows_of_slices(cell: str) -> list[str]:
    return [f"{cell} {part} {unit}" for part in TESTED for unit in ("patient", "slice")]


EXPECTED = [
    *rows_of("planted baseline prior all harmonised final", TESTED),
    *rows_of("planted baseline header all harmonised final", TESTED),
    *rows_of("planted baseline intensity all harmonised final", TESTED),
    *rows_of("planted baseline site all harmonised final", TESTED),
    *rows_of("planted baseline id_order all harmonised final", TESTED),
    *rows_of("brainstem baseline prior all harmonised final", TESTED),
    *rows_of("planted cnn3d main FLAIR harmonised final", TESTED),
    *rows_of_slices("planted efficientnet main FLAIR harmonised transfer"),
    *rows_of_slices("planted efficientnet main FLAIR harmonised finetuned"),
    *rows_of_slices("planted resnet18 main all harmonised final"),
    *rows_of_slices("planted resnet18 slice_split all published final"),
    *rows_of_slices("planted resnet18 patient_split all published final"),
    *rows_of("planted stacked_cnn3d main all harmonised final", TESTED),
    *rows_of("planted stacked_cnn3d tuned all published final", TESTED),
    *rows_of("planted densenet121 main all harmonised final", TESTED),
    *rows_of("planted resnet10_3d main FLAIR harmonised final", TESTED),
    *rows_of("planted radiomics main all harmonised final", TESTED),
    *rows_of("brainstem densenet121 main all published-holdout final", ["validation"]),
    *rows_of("brainstem densenet121 main all published-whole final", ["whole"]),
    *rows_of("brainstem densenet121 main all published-loocv final", TESTED),
    *rows_of("brainstem densenet121 lr_1e-2 all published-holdout final", ["validation"]),
]


@pytest.fixture(scope="module")
def table(finished):
    return read_table(finished / RESULTS / "tables/comparison.tsv", "comparison")


@pytest.fixture(scope="module")
def study():
    return Study(yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8")), ROOT)


def patients_of(project, cohort: str, status: str) -> set[str]:
    """Return the patients of a cohort all of whose series are ok, or at least one of whose is not."""
    series = read_table(project / RESULTS / cohort / "series.tsv", "series")
    whole = series.groupby("patient_id")["status"].agg(lambda statuses: set(statuses) == {"ok"})
    return set(whole[whole == (status == "ok")].index)


def predictions_of(project, cell: str):
    return read_table(project / RESULTS / cell / FOLD / "predictions.tsv", "predictions")


def test_the_table_has_every_expected_row_and_all_are_ok(table):
    names = ["cohort", "approach", "variant", "modality", "protocol", "phase", "part", "unit"]
    assert table[names].agg(" ".join, axis=1).tolist() == EXPECTED
    assert set(table["status"]) == {"ok"}


def test_a_cohort_of_twelve_is_tested_whole_and_the_holdout_of_the_brainstems_has_no_test_part(table):
    harmonised = table[(table["protocol"] == "harmonised") & (table["part"] == "test")]
    assert set(harmonised.loc[harmonised["cohort"] == "planted", "n_patients"]) == {12}
    holdout = table[table["protocol"] == "published-holdout"]
    assert set(holdout["caveat"]) == {"scored on validation patients"}


def test_published_whole_scores_every_complete_patient_training_included(finished, table):
    complete = patients_of(finished, "brainstem", "ok")
    predictions = predictions_of(finished, "brainstem/runs/densenet121/main/all/published-whole")
    assert set(predictions["part"]) == {"whole"}
    assert sorted(predictions["patient_id"]) == sorted(complete)
    row = table[table["part"] == "whole"].iloc[0]
    assert (row["n_patients"], row["caveat"]) == (len(complete), "training patients included")


def test_leave_one_out_gives_one_prediction_a_patient_by_a_fold_of_its_own(finished):
    predictions = predictions_of(finished, "brainstem/runs/densenet121/main/all/published-loocv")
    tested = predictions[predictions["part"] == "test"]
    assert sorted(tested["patient_id"]) == sorted(patients_of(finished, "brainstem", "ok"))
    assert tested["fold"].is_unique
    trained = predictions[predictions["part"] == "train"].groupby("fold")["patient_id"].agg(set)
    assert not any(row["patient_id"] in trained[row["fold"]] for _, row in tested.iterrows())


def test_a_tuned_run_is_trained_with_the_best_trial(finished):
    tuning = finished / RESULTS / "planted/tuning/stacked_cnn3d/tuned/all/published"
    best = read_json(tuning / "best.json")
    run = read_json(finished / RESULTS / "planted/runs/stacked_cnn3d/tuned/all/published" / FOLD / "run.json")
    assert {name: run["parameters"][name] for name in best["parameters"]} == best["parameters"]
    trials = read_table(tuning / "trials.tsv", "trials").set_index("number")
    assert trials["value"].min() == trials.loc[best["number"], "value"] == pytest.approx(best["value"])


def test_incomplete_brainstem_patients_stand_among_the_exclusions_with_their_reasons(finished):
    incomplete = patients_of(finished, "brainstem", "not ok")
    assert len(incomplete) == 1
    exclusions = read_table(finished / RESULTS / "tables/exclusions.tsv", "exclusions")
    rows = exclusions[exclusions["cohort"] == "brainstem"]
    assert set(rows["patient_id"]) == incomplete
    for _, row in rows.iterrows():
        assert row["reason"].startswith(f"patient {row['patient_id']} has no {row['modality']} series: ")


def test_the_report_has_a_page_an_approach_and_every_figure_that_its_yaml_lists(finished, study):
    folder = finished / RESULTS / "report"
    pages = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    pages = {name: text for name, text in pages.items() if not name.startswith("patients/")}
    assert {*pages, REPORT_SCRIPTS} == set(report_pages(study))
    figures = page_figures(study)
    for name in study.approaches:
        drawn = [figure["file"] for figure in figures if figure["approach"] == name]
        assert all(f'src="../{file}"' in pages[f"approaches/{name}.html"] for file in drawn)
    others = "".join(pages[name] for name in PAGES)
    assert all(f'src="{figure["file"]}"' in others for figure in figures if not figure["approach"])
    assert {figure["kind"] for figure in figures} >= {*get_args(Figure), "montage", "audit"}


class Page(HTMLParser):
    """What a browser would load or follow, and the lines of the table of methods."""

    def __init__(self, path):
        super().__init__()
        self.addresses, self.lines = [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag == "tr":
            self.lines.append([])

    def handle_data(self, data):
        if self.lines and data.strip():
            self.lines[-1].append(data.strip())


def probabilities_of(project, cohort: str) -> dict[tuple[str, str], str]:
    """Return, by patient and method as the pages name it, the one probability of a test patient that was not seen."""
    found = {}
    for file in (project / RESULTS / cohort / "runs").rglob("predictions.tsv"):
        run = read_json(file.with_name("run.json"))
        rows = read_table(file, "predictions")
        rows = rows[rows["slice_index"].isna() & rows["phase"].eq(rows["phase"].iloc[-1])]
        variant = "" if run["variant"] == "main" else f" {run['variant']}"
        name = f"{run['approach']}{variant} {run['modality']}, {run['protocol']}"
        for row in rows[rows["part"] == "test"].to_dict("records"):
            found[row["patient_id"], name] = probability_text(row["probability"])
    return found


@pytest.mark.parametrize("cohort", ["planted", "brainstem"])
def test_every_patient_has_a_page_with_its_probabilities_and_loads_nothing_from_elsewhere(finished, cohort):
    home = finished / RESULTS / "report/patients" / cohort
    patients = read_table(finished / RESULTS / cohort / "patients.tsv", "patients")["patient_id"]
    assert {path.stem for path in home.glob("*.html")} == {"index", "mistakes", *patients}
    expected, shown = probabilities_of(finished, cohort), {}
    for path in home.glob("*.html"):
        page = Page(path)
        for address in page.addresses:
            file = address.partition("#")[0]
            assert (home / file).is_file() if file else True, f"{path.name} leads to {address}"
        for name, where, *line in page.lines if path.stem in set(patients) else ():
            protocol, *part = where.split(", ")
            if "test" in part:
                shown[path.stem, f"{name}, {protocol}"] = line[0]
    assert shown == expected
    pictures = {path.name for path in (home / "images").iterdir()}
    series = read_table(finished / RESULTS / cohort / "series.tsv", "series")
    used = series[series["status"] == "ok"]
    assert {f"{row.patient_id}-{row.modality}.webp" for row in used.itertuples()} <= pictures


def test_the_switch_leaves_no_image_of_a_patient_in_the_report(finished_copy):
    drawn = ("audit", "slices", "montage", "examples", "gradcam")
    planned = planned_rules(finished_copy, *SMOKE, "--config", "show_images=False")
    assert planned <= {"page", "page_patients"}, "nothing is trained again"
    finish(finished_copy, *SMOKE, "--config", "show_images=False")
    report = finished_copy / RESULTS / "report"
    suffixes = {path.suffix for path in report.rglob("*") if path.is_file() and path.name[0] != "."}
    assert suffixes == {".html", ".png", ".js", ".tsv"}
    assert not list((report / "patients").rglob("*.png"))
    figures = {path.stem for path in (report / "figures").rglob("*.png")}
    assert not [name for name in figures if name.removeprefix("all-").startswith(drawn)]
    assert {"forest", "roc"} <= figures
    assert "<img" not in "".join(path.read_text(encoding="utf-8") for path in (report / "patients").rglob("*.html"))


def test_the_models_of_every_approach_are_files_without_code(finished):
    suffixes = {path.suffix for path in finished.glob(f"{RESULTS}/*/runs/**/models/fold-*")}
    assert suffixes == {".json", ".keras", ".npz", ".pt"}


def test_a_finished_study_is_not_run_again(finished):
    assert planned_rules(finished, *SMOKE) == set()


TORCH = [
    "planted/runs/resnet18/main/all/harmonised",
    "planted/runs/stacked_cnn3d/main/all/harmonised",
    "planted/runs/densenet121/main/all/harmonised",
    "planted/runs/resnet10_3d/main/FLAIR/harmonised",
]


def test_torch_gives_the_same_bytes_in_another_folder_cut_into_other_shards(finished, project):
    targets = [f"{RESULTS}/{cell}/{FOLD}/predictions.tsv" for cell in TORCH]
    finish(project, "--configfile", "config/smoke.yaml", "--set-scatter", "shards=3", "--", *targets)
    again = result_bytes(project)
    assert len(again) == len(TORCH)
    assert again == {path: result_bytes(finished)[path] for path in again}
