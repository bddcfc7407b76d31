"""Which figures a study has: an approach names them, and each stands where its rule draws it."""

from pathlib import Path
from typing import get_args

import pytest
import yaml

from gliobench import plan
from gliobench.errors import GlioBenchError
from gliobench.paths import REPORT_SCRIPTS
from gliobench.settings.approaches import Figure
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
CAPTIONS = {path.stem for path in (ROOT / "workflow" / "report").glob("*.rst")}
VARIANTS = {
    name: {"description": "A variant."} | ({"tuned": True} if name == "tuned" else {})
    for name in ("main", "lr_1e-2", "other", "slice_split", "patient_split", "tuned")
}


@pytest.fixture
def study(tmp_path):
    """Make a study of one approach with the figures asked for."""

    def make(figures, variants=("main",), protocol="harmonised", **more):
        approach = {
            "title": "Toy",
            "source": "none",
            "toolchain": "torch",
            "modalities": ["FLAIR"],
            "input": {"kind": "volume", "shape": [8, 8, 8]},
            "protocols": {"harmonised": {"split": "kfold"}, "published": {"split": "holdout-80-10-10"}},
            "parameters": {"learning_rate": {"default": 0.1, "type": "number", "above": 0, "meaning": "a rate"}},
            "variants": VARIANTS,
            "tuning": {"trials": 2, "workers": 1, "space": {"learning_rate": {"low": 0.1, "high": 0.2}}},
        }
        replicates = {"replicates": more.pop("replicates")} if "replicates" in more else {}
        levels = {"sensitivity": more.pop("sensitivity")} if "sensitivity" in more else {}
        approach |= more | ({"figures": figures} if figures is not None else {})
        (tmp_path / "config" / "approaches").mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / "approaches" / "toy.yaml").write_text(yaml.safe_dump(approach))
        (tmp_path / "config" / "splits.yaml").write_text((ROOT / "config" / "splits.yaml").read_text())
        cohorts = {name: {"kind": "synthetic"} | replicates for name in levels.get("sensitivity", ["planted"])}
        runs = [{"approach": "toy", "variants": list(variants), "protocols": [protocol]}]
        return Study({"study": "s", "seed": 1, "cohorts": cohorts, "runs": runs} | levels, tmp_path)

    return make


def stems(study):
    """Figures but for those that compare approaches, which have tests of their own."""
    return [stem for stem in all_stems(study) if stem not in COMPARING]


def all_stems(study):
    return [shown["path"].removeprefix("results/s/figures/").removesuffix(".png") for shown in plan.page_figures(study)]


CELL = "planted/toy/main/FLAIR/harmonised"
COMPARING = ("forest", "cost", "planted/roc", "planted/precision_recall", "planted/calibration")


def test_an_approach_that_names_no_figures_has_the_usual_ones(study):
    assert stems(study(None)) == [
        "planted/audit",
        *(f"{CELL}/{name}" for name in ("roc-final", "confusion-final", "curves")),
    ]


def test_a_new_patient_is_predicted_with_the_first_run_of_a_network(study):
    run = "repeat-0/seed-0/batch-0"
    assert (
        plan.run_to_predict_with(study(None, ("main", "other")))
        == f"results/s/planted/runs/toy/main/FLAIR/harmonised/{run}"
    )


def test_an_approach_of_scikit_learn_has_no_curves_unless_it_names_them(study):
    usual = stems(study(None, toolchain="sklearn"))[1:]
    assert usual == [f"{CELL}/roc-final", f"{CELL}/confusion-final"]
    assert stems(study(["curves"], toolchain="sklearn"))[1:] == [f"{CELL}/curves"]


@pytest.mark.parametrize("figure", ["slices", "examples", "gradcam"])
@pytest.mark.parametrize("kind", ["facts", "table"])
def test_a_figure_of_images_is_refused_where_an_approach_reads_numbers(study, figure, kind):
    with pytest.raises(GlioBenchError, match=f"figure '{figure}' shows images, .* kind {kind} holds none"):
        plan.page_figures(study([figure], input={"kind": kind}))


def test_an_approach_has_the_figures_it_names_in_their_order(study):
    shown = stems(study(["classification", "roc"], phases=["transfer", "finetuned"]))
    assert shown[1:] == [
        f"{CELL}/{name}-{phase}" for name in ("classification", "roc") for phase in ("transfer", "finetuned")
    ]


def test_an_unknown_figure_is_a_sentence(study):
    with pytest.raises(GlioBenchError, match=r"toy.yaml, figures.0: 'rock' is not a choice; did you mean 'roc'"):
        plan.page_figures(study(["rock"]))


def test_an_input_is_shown_by_modality_even_where_one_training_reads_all(study):
    shown = stems(
        study(
            ["slices"], input={"kind": "slices", "shape": [8, 8], "choose": "central", "share": 0.5}, modalities=["all"]
        )
    )
    assert shown[1:] == [f"planted/toy/slices-{name}" for name in ("FLAIR", "T1w", "T1wCE", "T2w")]


def test_a_volume_is_shown_by_one_figure_of_its_longest_and_shortest_series(study):
    assert stems(study(["slices"]))[1:] == ["planted/toy/all-slices-FLAIR"]


def test_a_sweep_is_one_figure_of_the_learning_rates(study):
    made = study(["sweep"], variants=("main", "lr_1e-2", "other"))
    assert stems(made)[1:] == ["planted/toy/sweep-FLAIR-harmonised"]
    cells = plan.sweep_cells(made.cells, {"cohort": "planted", "modality": "FLAIR", "protocol": "harmonised"})
    assert [cell.variant for cell in cells] == ["main", "lr_1e-2"]


def test_a_single_learning_rate_is_no_sweep(study):
    assert stems(study(["sweep"], variants=("main", "other"))) == ["planted/audit"]


def test_leakage_needs_both_splits(study):
    both = study(["leakage"], variants=("main", "slice_split", "patient_split"))
    assert [cell.variant for cell in plan.leakage_cells(both)] == ["slice_split", "patient_split"]
    assert stems(both)[0] == "leakage"
    assert not plan.leakage_cells(study(["leakage"], variants=("main", "slice_split")))
    many = study(["leakage"], variants=("slice_split", "patient_split"), replicates=2)
    assert [cell.cohort for cell in plan.leakage_cells(many)] == ["planted-01"] * 2 + ["planted-02"] * 2
    assert "leakage" in stems(many)


def test_only_a_tuned_variant_shows_its_trials(study):
    shown = stems(study(["tuning"], variants=("main", "tuned"), protocol="published"))
    assert shown[1:] == ["planted/toy/tuned/FLAIR/published/tuning"]


def test_modalities_stand_beside_each_other_before_and_after_fine_tuning(study):
    shown = stems(study(["phase_curves"], modalities=["FLAIR", "T2w"], phases=["transfer", "finetuned"]))
    assert shown[1:] == ["planted/toy/main/phase-curves-harmonised"]


def test_the_report_names_replicated_cohorts_once(study):
    assert plan.report_facts(study([], replicates=3))["cohort_kinds"] == {"planted": "synthetic"}


def test_a_report_has_a_page_per_approach_and_one_of_interactive_figures_per_cohort_drawn_alone(study):
    pages = [*plan.PAGES, plan.PATIENTS_PAGE, "approaches/toy.html", "explore/planted.html", REPORT_SCRIPTS]
    assert plan.report_pages(study([])) == pages
    assert plan.report_pages(study([], replicates=3)) == [*plan.PAGES, "approaches/toy.html"]


def test_patients_of_replicated_cohorts_and_of_a_partial_report_have_no_pages(study):
    assert plan.patient_cohorts(study([])) == ["planted"]
    many, part = study([], replicates=3), study([])
    part.in_part = True
    for made in (many, part):
        assert plan.patient_cohorts(made) == []
        assert plan.PATIENTS_PAGE not in plan.report_pages(made)


def test_methods_on_a_patients_page_name_their_cell_last_phase_and_series(study):
    made = study([], phases=["transfer", "finetuned"])
    (method,) = plan.patient_methods(made, "planted")
    assert method == vars(made.cells[0]) | {"phase": "finetuned", "caveat": None, "series": ["FLAIR"]}


def test_without_images_of_patients_no_figure_is_drawn_from_them(study):
    made = study(["roc", "slices", "gradcam", "examples"])
    with_images = plan.page_figures(made)
    assert {"audit", "montage", "gradcam", "examples"} <= {figure["kind"] for figure in with_images}
    assert plan.explained_cells(made, "planted") == made.cells
    made.show_images = False
    shown = [figure for figure in with_images if figure["kind"] not in plan.DRAWN_FROM_IMAGES]
    assert plan.page_figures(made) == shown
    assert shown
    assert plan.explained_cells(made, "planted") == []


def test_replicated_cohorts_are_shown_by_their_joint_figure_alone(study):
    assert stems(study(["roc", "slices"], replicates=3)) == ["replicates"]


def test_every_study_has_its_forest_and_cost_first_and_overlays_by_cohort(study):
    made = study(["roc"])
    assert all_stems(made)[:2] == ["forest", "cost"]
    assert [stem for stem in all_stems(made) if stem in COMPARING] == list(COMPARING)
    shown = {figure["kind"]: figure["category"] for figure in plan.page_figures(made)}
    assert (shown["forest"], shown["overlay_roc"]) == ("overview", "planted")


def test_replicated_cohorts_have_no_overlays(study):
    assert [stem for stem in all_stems(study(["roc"], replicates=3)) if stem in COMPARING] == ["forest", "cost"]


def test_overlays_draw_harmonised_mains_alone(study):
    made = study(["roc"], variants=("main", "other"))
    assert [cell.variant for cell in plan.overlay_cells(made, "planted")] == ["main"]
    published = study(["roc"], protocol="published")
    assert not plan.overlay_cells(published, "planted")
    assert "planted/roc" not in all_stems(published)


def test_a_study_of_sensitivity_has_its_figure(study):
    made = study(["roc"], replicates=2, sensitivity=["planted", "other"])
    assert all_stems(made)[:3] == ["forest", "cost", "sensitivity"]


COMPARED = (*plan.OVERVIEW, *(f"overlay_{name}" for name in plan.OVERLAYS), "sensitivity")


@pytest.mark.parametrize("name", [*get_args(Figure), *COMPARED])
def test_every_figure_has_a_caption(name):
    assert name in CAPTIONS
