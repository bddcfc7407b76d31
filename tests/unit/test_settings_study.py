import copy
import re
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import pytest
import yaml

from gliobench.approaches.baseline import FEATURES
from gliobench.belonging import made_input, made_runs
from gliobench.cohorts.lesion import TRAITS
from gliobench.errors import GlioBenchError, nearest
from gliobench.plan import page_figures
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.settings.generators import Trait
from gliobench.settings.inputs import KINDS as INPUTS
from gliobench.settings.models import merge
from gliobench.settings.study import Changes
from gliobench.study import Cell, Study
from gliobench.terms import MODALITIES

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "workflow/scripts/gliobench"
CONFIGS = sorted(path.name for path in (ROOT / "config").glob("*.yaml") if path.name != "splits.yaml")
APPROACHES = sorted(path.stem for path in (ROOT / "config" / "approaches").glob("*.yaml"))
BASE = {
    "study": "one",
    "seed": 3,
    "cohorts": {"clinic": {"kind": "rsna", "path": "data"}, "made": {"kind": "synthetic"}},
    "runs": [{"approach": "cnn3d"}],
}


def study(**changes):
    return Study(copy.deepcopy(BASE) | changes, ROOT)


def expand(**changes):
    made = study(**changes)
    return made.splits, made.approaches, made.cell_facts()


def refused(sentence, **changes):
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        expand(**changes)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_study_that_is_shipped_spans_a_grid(name):
    made = Study(yaml.safe_load((ROOT / "config" / name).read_text(encoding="utf-8")), ROOT)
    assert made.name == ("full" if name == "config.yaml" else Path(name).stem)
    assert made.cells
    assert all(made.run_folders(cell) for cell in made.cells)
    assert len(made.cell_facts()) == len(made.cells)


@pytest.mark.parametrize("name", APPROACHES)
def test_every_approach_is_a_yaml_and_a_module_whose_variants_resolve(name):
    features = {"clinical": {"table": "clinical.csv", "id": "ID", "numbers": ["Age"]}}
    clinic = {"kind": "ucsf-pdgm", "path": "data", "segmentation": True, "features": features}
    settings = study(runs=[{"approach": name}]).approaches[name].file
    assert (ROOT / "workflow/scripts/gliobench/approaches" / f"{name}.py").is_file()
    assert (ROOT / "workflow/scripts/gliobench/inputs" / f"{settings.input['kind']}.py").is_file()
    runs = [
        {
            "approach": name,
            "variants": [variant],
            "protocols": ["published"] if own.tuned else list(own.protocols or settings.protocols),
        }
        for variant, own in settings.variants.items()
    ]
    made = study(runs=runs, cohorts={"clinic": clinic})
    for record in made.cell_facts():
        assert set(made.approaches[name].parameters_of(record["variant"])) == set(settings.parameters)


def test_what_settings_offer_is_what_the_library_has():
    assert get_args(Trait) == TRAITS
    assert set(INPUTS) == {
        path.stem for path in (LIBRARY / "inputs").glob("*.py") if "def make_input(" in path.read_text()
    }
    features = StudyApproach(ROOT / "config/approaches/baseline.yaml").file.parameters["features"]
    assert features["choices"] == list(FEATURES)


FEATURES_OF_CLINIC = {
    "clinical": {"table": "clinical.csv", "id": "ID", "numbers": {"age": "Age at MRI"}, "categories": ["Sex"]},
    "radiomics": {"table": "r_*.csv", "id": "ID", "numbers": ["*"]},
}


def tabular(features=FEATURES_OF_CLINIC, runs=({"approach": "tabular"},), **changes):
    clinic = {"kind": "rsna", "path": "data/rsna", "modalities": [], "features": features} | changes
    return {"cohorts": {"clinic": clinic}, "runs": list(runs)}


def test_a_study_of_tables_has_groups_of_features_instead_of_modalities():
    made = study(**tabular(runs=[{"approach": "tabular", "modalities": ["radiomics", "all"]}]))
    assert [(cell.modality, made.series(cell)) for cell in made.cells] == [
        ("radiomics", ["radiomics"]),
        ("all", ["clinical", "radiomics"]),
    ]
    assert made.modalities("clinic") == made.cohort_series("clinic") == []
    assert made.made_series("tabular", "clinic") == ["clinical", "radiomics"]
    source = made.feature_sources("clinic")["radiomics"][0]
    assert (source["folder"], source["table"], source["prefix"]) == ("data/rsna", "r_*.csv", "")
    assert made.fidelity(made.cells[0]) is None, "no paper"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (tabular(features={}), "runs, tabular: cohort clinic has no features"),
        (
            tabular(runs=[{"approach": "tabular", "modalities": ["radiomic"]}]),
            "runs, tabular: cohort clinic has no features 'radiomic'; did you mean 'radiomics'?",
        ),
        (
            tabular(runs=[{"approach": "cnn3d"}]),
            "runs, cnn3d: cohort clinic has no modalities; leave it out under `cohorts`.",
        ),
        (
            tabular(features={"FLAIR": FEATURES_OF_CLINIC["clinical"]}),
            "cohorts.clinic.features: 'FLAIR' is the name of a series; call the group something else.",
        ),
        (
            tabular(features={"clinical": {"table": "a.csv", "id": "ID"}}),
            "cohorts.clinic.features.clinical: it names no column; list some under `numbers` or `categories`.",
        ),
    ],
)
def test_a_study_of_tables_that_does_not_fit_is_a_sentence(changes, sentence):
    refused(sentence, **changes)


def test_the_grid_crosses_the_lists_of_a_run_in_their_order():
    run = {"approach": "cnn3d", "variants": ["main", "deep"], "modalities": ["T2w", "FLAIR"]}
    run["protocols"] = ["published"]
    cells = study(runs=[run]).cells
    assert [asdict(cell) for cell in cells[:2]] == [
        {"cohort": "clinic", "approach": "cnn3d", "variant": "main", "modality": modality, "protocol": "published"}
        for modality in ("T2w", "FLAIR")
    ]
    assert [cell.variant for cell in cells] == ["main", "main", "deep", "deep"] * 2
    assert [cell.cohort for cell in cells] == ["clinic"] * 4 + ["made"] * 4


def test_what_a_run_leaves_out_is_the_papers():
    cells = study().cells
    assert cells[0] == Cell("clinic", "cnn3d", "main", "FLAIR", "harmonised")
    assert len(cells) == 2


def test_a_cell_named_twice_is_one_cell():
    runs = [{"approach": "cnn3d"}, {"approach": "cnn3d", "variants": ["deep", "main"]}]
    assert [cell.variant for cell in study(runs=runs).cells] == ["main", "main", "deep", "deep"]


def test_replicates_are_cohorts_with_seeds_of_their_own():
    cohorts = {"no-signal": {"kind": "synthetic", "replicates": 3}}
    made = study(cohorts=cohorts)
    assert made.replicates_of == {"no-signal": ["no-signal-01", "no-signal-02", "no-signal-03"]}
    assert list(made.cohorts) == made.replicates_of["no-signal"]
    assert len({settings["seed"] for settings in made.cohorts.values()}) == 3
    assert [cell.cohort for cell in made.cells] == made.replicates_of["no-signal"]
    more = study(cohorts={"no-signal": {"kind": "synthetic", "replicates": 4}})
    assert more.cohorts["no-signal-01"] == made.cohorts["no-signal-01"], "what is finished stays so as more are added"


def test_a_run_folder_names_the_run():
    made = study(seeds=2, splits={"kfold": {"repeats": 2, "batches": 2}})
    folders = made.run_folders(made.cells[0])
    assert folders[0] == "results/one/clinic/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0"
    assert len(folders) == len(set(folders)) == 8
    published = Cell("clinic", "cnn3d", "main", "FLAIR", "published")
    assert len(made.run_folders(published)) == 2, "a holdout has one repeat and one batch"


def test_a_study_changes_settings_and_splits_and_nothing_else():
    made = study(settings={"cnn3d": {"parameters": {"epochs": 2}}}, splits={"kfold": {"folds": 3}})
    assert made.approaches["cnn3d"].parameters_of("main") == study().approaches["cnn3d"].parameters_of("main") | {
        "epochs": 2
    }
    assert made.splits["kfold"] == study().splits["kfold"] | {"folds": 3}
    assert made.splits["holdout-80-10-10"] == study().splits["holdout-80-10-10"]
    assert made.approaches["cnn3d"].parameters_of("permuted")["labels"] == "permuted"


def test_a_caveat_goes_with_its_variant():
    made = study(runs=[{"approach": "cnn3d", "variants": ["main", "as_coded"]}])
    caveats = {record["variant"]: record["caveat"] for record in made.cell_facts("clinic")}
    assert caveats == {"main": None, "as_coded": "labels permuted after the first epoch"}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"cohort": {}}, "the study's config: unknown key 'cohort'; did you mean 'cohorts'?"),
        ({"seed": "one"}, "the study's config, seed: must be an integer, not 'one' (base seed"),
        (
            {"study": "a/b"},
            "the study's config, study: must be letters, digits, - and _, starting with a letter or digit, not",
        ),
        ({"cohorts": {}}, "the study's config, cohorts: needs 1 or more entries, not {}"),
        ({"runs": []}, "the study's config, runs: needs 1 or more entries, not []"),
        ({"cohorts": {"a": {"kind": "rsna"}}}, "the study's config, cohorts.a: the key 'path' is missing."),
        (
            {"cohorts": {"partial": {"kind": "rsna", "path": "x"}}},
            "cohorts: 'partial' cannot be a cohort, because the study's folder partial holds something else",
        ),
        (
            {"cohorts": {"a": {"kind": "nifty"}}},
            "the study's config, cohorts.a.kind: 'nifty' is not a choice; known are 'rsna'",
        ),
        (
            {"cohorts": {"a": {"kind": "rsna", "path": "x", "pth": 1}}},
            "cohorts.a: unknown key 'pth'; did you mean 'path'?",
        ),
        (
            {"cohorts": {"a": {"kind": "rsna", "path": "x", "exclude": {"T1": {}}}}},
            "cohorts.a.exclude.T1: 'T1' is not a choice; did you mean 'T1w'?",
        ),
        (
            {"cohorts": {"a": {"kind": "synthetic", "generator": {"patient": 3}}}},
            "the study's config, cohorts.a.generator: unknown key 'patient'; did you mean 'patients'?",
        ),
        ({"runs": [{"approach": "cnn3"}]}, "There is no approach 'cnn3' in config/approaches; did you mean 'cnn3d'?"),
        ({"runs": [{"approach": "cnn3d", "variant": ["main"]}]}, "unknown key 'variant'; did you mean 'variants'?"),
        ({"runs": [{"approach": "cnn3d", "variants": ["dep"]}]}, "runs, cnn3d: no variant 'dep'; did you mean 'deep'?"),
        (
            {"runs": [{"approach": "cnn3d", "cohorts": ["clinics"]}]},
            "runs, cnn3d: no cohort 'clinics'; did you mean 'clinic'?",
        ),
        (
            {"runs": [{"approach": "cnn3d", "protocols": ["loocv"]}]},
            "no protocol 'loocv'; known are 'leave-one-site-out', 'harmonised', 'published'",
        ),
        (
            {"runs": [{"approach": "cnn3d", "modalities": ["T1"]}]},
            "runs, cnn3d: cohort clinic has no modality 'T1'; did you mean 'T1w'?",
        ),
        (
            {"splits": {"kfolds": {}}},
            "splits: there is no scheme in config/splits.yaml called 'kfolds'; did you mean 'kfold'?",
        ),
        ({"splits": {"kfold": {"fold": 3}}}, "splits.kfold: unknown key 'fold'; did you mean 'folds'?"),
        ({"splits": {"kfold": {"folds": 1}}}, "splits.kfold.folds: must be 2 or more, not 1 (number of folds; at most"),
        (
            {"settings": {"cnn2d": {}}},
            "settings.cnn2d: the study runs no approach with this name; did you mean 'cnn3d'?",
        ),
        (
            {"settings": {"cnn3d": {"parameters": {"epoch": 3}}}},
            "settings.cnn3d.parameters: unknown key 'epoch'; did you mean 'epochs'?",
        ),
    ],
)
def test_a_wrong_study_is_answered_with_the_place_and_the_nearest_name(changes, sentence):
    refused(sentence, **changes)


def test_a_cohort_without_a_modality_refuses_runs_on_it():
    cohorts = {"made": {"kind": "synthetic", "generator": {"modalities": ["T2w"]}}}
    refused("no modality 'FLAIR'; known are 'T2w'", cohorts=cohorts)


def test_a_variant_of_another_approach_is_answered_with_its_owner():
    run = {"approach": "cnn3d", "variants": ["patient_split"]}
    refused("runs, cnn3d: no variant 'patient_split'; it is one of resnet18.", runs=[run])


def test_an_approach_that_reads_one_modality_refuses_all():
    run = {"approach": "cnn3d", "modalities": ["all"]}
    refused("runs, cnn3d: the approach reads one modality at a time; name modalities instead of `all`.", runs=[run])


def test_tuned_hyperparameters_are_refused_where_other_folds_test_whom_they_were_tuned_on():
    run = {"approach": "stacked_cnn3d", "variants": ["tuned"]}
    refused("run it under a protocol with one held-out set, not under harmonised.", runs=[run])
    repeated = {"holdout-70-15-15": {"repeats": 2}}
    refused("not under published.", runs=[run | {"protocols": ["published"]}], splits=repeated)
    assert study(runs=[run | {"protocols": ["published"]}]).cells[0].variant == "tuned"


def test_all_means_every_modality_of_the_cohort_in_one_order():
    made = study(runs=[{"approach": "stacked_cnn3d"}])
    assert made.series(made.cells[0]) == list(MODALITIES)
    two = {"made": {"kind": "synthetic", "generator": {"modalities": ["T2w", "T1w"]}}}
    changes = {"stacked_cnn3d": {"input": {"reference": "T2w"}}}
    made = study(cohorts=two, runs=[{"approach": "stacked_cnn3d"}], settings=changes)
    assert made.series(made.cells[0]) == ["T1w", "T2w"]
    sentence = "runs, stacked_cnn3d: the input places its grid by T1wCE, which cohort made lacks; set "
    refused(sentence, cohorts=two, runs=[{"approach": "stacked_cnn3d"}])


def test_a_brainstem_cohort_changes_the_input_and_brings_the_segmentation():
    cohorts = BASE["cohorts"] | {"stem": {"kind": "synthetic-brainstem"}}
    changes = {"densenet121": {"input_for": {"with_segmentation": {"shape": [40, 40, 40]}}}}
    made = study(cohorts=cohorts, runs=[{"approach": "densenet121"}], settings=changes)
    of = {cell.cohort: cell for cell in made.cells}
    assert made.series(of["stem"]) == [*MODALITIES, "segmentation"]
    assert made.series(of["made"]) == list(MODALITIES)
    assert made.input("densenet121", "stem")["around"] == "segmentation"
    assert made.input("densenet121", "stem")["shape"] == [40, 40, 40]
    assert made.input("densenet121", "made")["shape"] != [40, 40, 40]


OUTLINED = {"outlined": {"kind": "synthetic", "generator": {"segmentation": True}}, "made": {"kind": "synthetic"}}


def test_a_variant_may_have_an_input_of_its_own_which_leaves_that_of_the_others():
    runs = [{"approach": "cnn3d", "cohorts": ["made"], "variants": ["main", "deep", "slices_64"]}]
    made, before = study(runs=runs), study(runs=[runs[0] | {"variants": ["main"]}])
    assert [made.input_name(cell) for cell in made.cells] == ["cnn3d", "cnn3d", "cnn3d-slices_64"]
    assert [made.job(cell)["input"]["shape"] for cell in made.cells] == [[128, 128, 32]] * 2 + [[128, 128, 64]]
    assert made.input_names == ["cnn3d", "cnn3d-slices_64"]
    assert made_input(made, "cnn3d", "made") == made_input(before, "cnn3d", "made")
    own = made_input(made, "cnn3d-slices_64", "made")
    assert (own.key, own.files) == ("made/inputs/cnn3d-slices_64", "made/inputs/cnn3d-slices_64/*.npy")
    shown = [figure["file"] for figure in page_figures(made) if figure["kind"] == "montage"]
    assert shown == [f"figures/made/{name}/all-slices-FLAIR.png" for name in made.input_names]


def test_the_series_of_a_variants_input_are_its_own():
    main, cropped = (
        {"approach": "resnet10_3d", "cohorts": ["outlined"], "variants": [variant], "modalities": [modality]}
        for variant, modality in (("main", "T1w"), ("tumour_crop", "FLAIR"))
    )
    made = study(cohorts=OUTLINED, runs=[main, cropped])
    assert made.made_series("resnet10_3d", "outlined") == ["T1w", "T1wCE"]
    assert made.made_series("resnet10_3d-tumour_crop", "outlined") == ["FLAIR", "T1wCE"]


def test_variants_with_the_same_input_share_it_and_a_study_may_change_it_in_one(tmp_path):
    file = yaml.safe_load((ROOT / "config/approaches/stacked_cnn3d.yaml").read_text(encoding="utf-8"))
    file["variants"]["other"] = {"description": "Crops, too."} | {"input": file["variants"]["tumour_crop"]["input"]}
    path = tmp_path / "stacked_cnn3d.yaml"
    path.write_text(yaml.safe_dump(file, sort_keys=False), encoding="utf-8")
    names = [StudyApproach(path).input_name(variant) for variant in ("main", "tumour_crop", "other")]
    assert names == ["stacked_cnn3d", "stacked_cnn3d-tumour_crop", "stacked_cnn3d-tumour_crop"]
    changed = StudyApproach(path, Changes(input={"spacing": 4.0}, on_variant={"other": {"input": {"spacing": 2.5}}}))
    assert changed.input_name("other") == "stacked_cnn3d-other"
    spacings = [changed.input(True, variant=variant)["spacing"] for variant in (None, "main", "tumour_crop", "other")]
    assert spacings == [4.0, 4.0, 1.25, 2.5]


def test_a_segmentation_moves_the_grid_of_no_variant_but_the_crop_and_that_of_densenet121():
    variants = {"approach": "stacked_cnn3d", "cohorts": ["outlined"], "variants": ["main", "tumour_crop"]}
    made = study(cohorts=OUTLINED, runs=[variants, {"approach": "densenet121"}])
    around = {(cell.cohort, made.input_name(cell)): made.input_of(cell)["around"] for cell in made.cells}
    assert around == {
        ("outlined", "stacked_cnn3d"): "brain",
        ("outlined", "stacked_cnn3d-tumour_crop"): "segmentation",
        ("outlined", "densenet121"): "segmentation",
        ("made", "densenet121"): "brain",
    }
    assert made.series(made.cells[0]) == made.series(made.cells[1]) == list(MODALITIES)
    assert made.field_cohorts("stacked_cnn3d") == ["outlined"]
    assert made.field_cohorts("stacked_cnn3d-tumour_crop") == []


TWO = {"one": {"kind": "synthetic"}, "two": {"kind": "synthetic"}}


@pytest.mark.parametrize(
    ("key", "value", "usual"),
    [("spacing", 4.0, 2.0), ("shape", [48, 48, 48], [96, 96, 96]), ("field", "fixed", "study")],
)
def test_one_cohorts_own_grid_is_refused_where_cohorts_share_a_field_of_view(key, value, usual):
    settings = {"stacked_cnn3d": {"on_cohort": {"two": {"input": {key: value}}}}}
    refused(
        f"runs, stacked_cnn3d: cohorts one and two share a field of view, but `{key}` is {usual} on one and {value} on "
        "two; set it for all cohorts, in settings.stacked_cnn3d.input.",
        cohorts=TWO,
        runs=[{"approach": "stacked_cnn3d"}],
        settings=settings,
    )
    alone = study(cohorts=TWO, runs=[{"approach": "stacked_cnn3d", "cohorts": ["two"]}], settings=settings)
    assert alone.input_of(*alone.cells)[key] == value


def test_a_cohorts_own_reference_places_its_grid_in_a_shared_field_of_view():
    settings = {"stacked_cnn3d": {"on_cohort": {"two": {"input": {"reference": "FLAIR"}}}}}
    made = study(cohorts=TWO, runs=[{"approach": "stacked_cnn3d"}], settings=settings)
    assert made.field_cohorts("stacked_cnn3d") == ["one", "two"]
    assert [made.input_of(cell)["reference"] for cell in made.cells] == ["T1wCE", "FLAIR"]


@pytest.mark.parametrize("approach", ["stacked_cnn3d", "resnet10_3d"])
def test_a_crop_to_the_tumour_is_refused_on_a_cohort_without_a_segmentation(approach):
    run = {"approach": approach, "variants": ["main", "tumour_crop"]}
    refused(
        f"runs, {approach}: tumour_crop: the variant's input needs a segmentation, which cohort made lacks; run the "
        "variant on cohorts that have one",
        cohorts=OUTLINED,
        runs=[run],
    )


@pytest.mark.parametrize(
    ("on_variant", "sentence"),
    [
        ({"tumor_crop": {"input": {}}}, "on_variant: no variant 'tumor_crop'; did you mean 'tumour_crop'?"),
        ({"tumour_crop": {"input": {"margn": 3}}}, "on_variant.tumour_crop.input"),
        ({"tumour_crop": {"inptu": {}}}, "on_variant.tumour_crop"),
    ],
)
def test_a_mistake_in_what_a_study_changes_in_a_variant_is_named(on_variant, sentence):
    run = {"approach": "resnet10_3d", "cohorts": ["outlined"], "variants": ["tumour_crop"]}
    refused(sentence, cohorts=OUTLINED, runs=[run], settings={"resnet10_3d": {"on_variant": on_variant}})


def test_a_box_around_the_segmentation_needs_a_margin():
    changes = {"cnn3d": {"input": {"around": "segmentation"}}}
    refused("`around: segmentation` needs `margin`, which is missing.", settings=changes)


def test_a_study_may_change_an_approach_on_one_cohort_and_its_replicates():
    cohorts = {"far": {"kind": "synthetic"}, "near": {"kind": "synthetic", "replicates": 2}}
    run = {"approach": "resnet18", "modalities": ["FLAIR"]}
    near = {"input": {"choose": "central", "share": 0.1}, "parameters": {"step_size": 3}}
    changes = {"resnet18": {"parameters": {"epochs": 5, "step_size": 9}, "on_cohort": {"near": near}}}
    made = study(cohorts=cohorts, runs=[run], settings=changes)
    assert [cell.cohort for cell in made.cells] == ["far", "near-01", "near-02"]
    assert [made.input("resnet18", cell.cohort)["choose"] for cell in made.cells] == ["nonblank", "central", "central"]
    parameters = [made.job(cell)["parameters"] for cell in made.cells]
    assert [(one["epochs"], one["step_size"]) for one in parameters] == [(5, 9), (5, 3), (5, 3)]


def test_changes_on_a_cohort_are_checked_like_all_others():
    run = [{"approach": "resnet18", "cohorts": ["made"]}]
    for changes, sentence in (
        ({"mad": {}}, "settings.resnet18.on_cohort: no cohort 'mad'; did you mean 'made'?"),
        ({"made": {"weight": 1}}, "unknown key 'weight'"),
        ({"made": {"parameters": {"epoch": 1}}}, "settings.resnet18.on_cohort.made.parameters: unknown key 'epoch'"),
        ({"clinic": {"parameters": {"epochs": 0}}}, "on_cohort.clinic.parameters.epochs: must be 1 or more"),
    ):
        refused(sentence, runs=run, settings={"resnet18": {"on_cohort": changes}})


QUANTITY = {"modality": "FLAIR", "column": "p50", "oracle_auc": [0.7], "copies": 2}
SPIKED = {"made": {"kind": "synthetic", "spiked": QUANTITY}}
JUDGED = {"approach": "baseline", "variants": ["intensity"], "permutations": 19, "spiked": True}


def test_spiked_copies_are_counterparts_of_a_cell_with_seeds_of_their_own():
    made = study(cohorts=SPIKED, runs=[JUDGED, {"approach": "cnn3d"}])
    judged, other = made.cells[0], made.cells[-1]
    assert [copy.cohort for copy in made.spiked(judged)] == ["made/spiked-0.70/001-002"]
    assert [copy.cohort for copy in made.copies(judged)] == ["made/permutations/001-019", "made/spiked-0.70/001-002"]
    assert made.spiked(other) == []
    seeds = made.base_seeds("made") | made.base_seeds("made/spiked-0.70/001-002")
    assert list(seeds) == ["made", "made/spiked-0.70/001", "made/spiked-0.70/002"]
    assert len(set(seeds.values())) == 3


def test_another_quantity_remakes_the_spiked_copies_and_nothing_else():
    changed = copy.deepcopy(SPIKED)
    changed["made"]["spiked"]["column"] = "mean"
    one, other = (study(cohorts=cohorts, runs=[JUDGED]) for cohorts in (SPIKED, changed))
    cell = one.cells[0]
    assert made_runs(one, cell) == made_runs(other, cell)
    permuted, drawn = one.permuted(cell)[0].cohort, one.spiked(cell)[0].cohort
    assert made_runs(one, cell, permuted) == made_runs(other, cell, permuted)
    assert made_runs(one, cell, drawn) != made_runs(other, cell, drawn)


def test_where_tables_of_features_lie_is_no_setting_of_labels_drawn_from_one():
    size = {"table": "t.csv", "id": "ID", "numbers": ["ml"]}
    clinic = {"kind": "rsna", "features": {"size": size}, "spiked": {"features": "size", "column": "ml"}}
    here, there = (study(cohorts={"made": clinic | {"path": path}}, runs=[JUDGED]) for path in ("here", "there"))
    assert here.feature_sources("made") != there.feature_sources("made")
    for cell in here.copies(here.cells[0]):
        assert here.labels(here.cells[0], cell.cohort) == there.labels(there.cells[0], cell.cohort)


def test_copies_of_each_kind_have_what_their_labels_are_drawn_by():
    cohorts = {"made": SPIKED["made"] | {"sites": "s.tsv", "kind": "rsna", "path": "d"}}
    made = study(cohorts=cohorts, runs=[JUDGED | {"permutations_within_site": 1}])
    (cell,) = made.cells
    own, *of_copies = (made.labels(cell, cohort) for cohort in ("made", *(copy.cohort for copy in made.copies(cell))))
    assert own == {"kind": "own", "seeds": made.base_seeds("made")}
    assert [labels["kind"] for labels in of_copies] == ["permuted", "permuted", "spiked"]
    assert [labels.get("within_sites") for labels in of_copies] == [False, True, None]
    assert (of_copies[-1]["oracle_auc"], of_copies[-1]["quantity"]["column"]) == (0.7, "p50")
    assert all(labels["scheme"] == made.splits["kfold"] for labels in of_copies)


def test_spiked_copies_need_a_quantity_and_permutations():
    def spiked(**changes):
        return {"made": {"kind": "synthetic", "spiked": QUANTITY | changes}}

    refused("needs a cohort with the key `spiked`", runs=[JUDGED])
    refused("needs `permutations: 19` or more", cohorts=SPIKED, runs=[JUDGED | {"permutations": 18}])
    network = JUDGED | {"approach": "cnn3d", "variants": ["main"]}
    refused("which the approach baseline measures", cohorts=SPIKED, runs=[network])
    refused("'meen' is no statistic; did you mean 'mean'?", cohorts=spiked(column="meen"), runs=[JUDGED])
    refused("give either `features` or `modality`", cohorts=spiked(features="volumes"), runs=[JUDGED])
    clinic = {"kind": "rsna", "path": "d", "features": {"size": {"table": "t.csv", "id": "ID", "numbers": ["ml"]}}}
    sizes = {"features": "sizes", "column": "ml"}
    refused("features 'sizes'; did you mean 'size'?", cohorts={"made": clinic | {"spiked": sizes}}, runs=[JUDGED])
    refused("give two decimals at most", cohorts=spiked(oracle_auc=[0.755]), runs=[JUDGED])


OEDEMA = {"from": "segmentation", "region": "oedema", "above": "median"}
SEEN = {"made": {"kind": "synthetic", "generator": {"segmentation": True}, "visible": {"oedema": OEDEMA}}}
SEES = {"approach": "cnn3d", "visible": True}


def test_visible_labels_are_counterparts_of_a_cell_and_another_label_remakes_only_their_runs():
    changed = copy.deepcopy(SEEN)
    changed["made"]["visible"]["oedema"]["region"] = "core"
    one, other = (study(cohorts=cohorts, runs=[SEES]) for cohorts in (SEEN, changed))
    cell = one.cells[0]
    (seen,) = one.visible(cell)
    assert seen.cohort == "made/visible-oedema"
    assert one.copies(cell) == [seen]
    assert one.visible_schemes == ["kfold"]
    assert (one.measures("made"), other.measures("made")) == ([("oedema", None)], [("core", None)])
    assert made_runs(one, cell) == made_runs(other, cell)
    assert made_runs(one, cell, seen.cohort) != made_runs(other, cell, seen.cohort)


def test_visible_labels_need_what_they_are_made_from():
    def named(label, **changes):
        return {"made": SEEN["made"] | {"visible": {"oedema": label}} | changes}

    refused("needs a cohort with the key `visible`", runs=[SEES])
    refused("from a segmentation, which the cohort lacks", cohorts=named(OEDEMA, generator={}), runs=[SEES])
    refused("no features 'clinic'", cohorts=named({"from": "clinic", "column": "sex", "equals": "F"}), runs=[SEES])
    only_flair = {"segmentation": True, "modalities": ["FLAIR"]}
    refused("no modality 'T2w'", cohorts=named(OEDEMA | {"texture": "T2w"}, generator=only_flair), runs=[SEES])


def test_visible_labels_of_a_tuned_variant_are_refused():
    tuned = {"approach": "stacked_cnn3d", "variants": ["tuned"], "protocols": ["published"], "visible": True}
    refused("tuned cannot have visible labels: each would need a search of its own", cohorts=SEEN, runs=[tuned])


def test_two_protocols_may_score_the_same_trainings():
    protocols = ["published-holdout", "published-whole", "published-loocv"]
    made = study(runs=[{"approach": "densenet121", "cohorts": ["clinic"], "protocols": protocols}])
    holdout, whole, loocv = (made.job(cell) for cell in made.cells)
    assert holdout["scheme"] == whole["scheme"] != loocv["scheme"]
    assert (holdout["part"], whole["part"]) == (None, "whole")
    assert (holdout["parameters"]["patience"], loocv["parameters"]["patience"]) == (3, 2)
    assert made.caveat(made.cells[1]) == "training patients included"


def test_a_split_by_slice_is_a_caveat_once():
    made = study(runs=[{"approach": "resnet18", "variants": ["slice_split"], "protocols": ["published"]}])
    assert made.caveat(made.cells[0]) == "slice-level split"


@pytest.mark.parametrize("approach", ["efficientnet", "resnet18"])
def test_patients_split_apart_get_no_caveat_of_slices(approach):
    made = study(runs=[{"approach": approach, "variants": ["slice_split"], "protocols": ["harmonised"]}])
    assert {made.caveat(cell) for cell in made.cells} == {None}


@pytest.mark.parametrize(("value", "words"), [(0, "must be 1 or more"), (None, "must be an integer")])
@pytest.mark.parametrize("name", ["epochs", "batch_size"])
def test_counts_of_a_training_are_whole_numbers(name, value, words):
    refused(
        f"the study's config, settings.efficientnet.parameters.transfer.{name}: {words}, not {value!r}",
        runs=[{"approach": "efficientnet"}],
        settings={"efficientnet": {"parameters": {"transfer": {name: value}}}},
    )


def test_settings_reach_weights_tuning_and_what_is_nested(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "start.pt").touch()
    changes = {
        "stacked_cnn3d": {
            "weights": "start.pt",
            "tuning": {"trials": 3},
            "parameters": {"augmentation": {"rotation": 5}},
        }
    }
    made = study(runs=[{"approach": "stacked_cnn3d"}], settings=changes)
    assert made.approaches["stacked_cnn3d"].weights("main") == "start.pt"
    assert made.approaches["stacked_cnn3d"].tuning["trials"] == 3
    augmentation = made.approaches["stacked_cnn3d"].parameters_of("main")["augmentation"]
    assert augmentation["rotation"] == 5
    assert len(augmentation) > 1, "the other settings stay"


def test_the_device_is_one_switch_of_the_study():
    assert study().machine == {"device": "auto", "deterministic": False}
    assert study(device="cpu").machine["device"] == "cpu"
    refused("the study's config, device: 'gpu' is not a choice; did you mean 'cpu'?", device="gpu")


def test_nearest_lists_all_names_where_none_is_close():
    assert nearest("zzz", ["alpha", "beta"]) == "known are 'alpha', 'beta'."
    assert nearest("alpa", ["alpha", "beta"]) == "did you mean 'alpha'?"


def test_merge_changes_key_by_key_and_leaves_its_base_as_it_was():
    base = {"a": 1, "b": {"c": 2, "d": 3}}
    assert merge(base, {"b": {"c": 4}, "e": 5}) == {"a": 1, "b": {"c": 4, "d": 3}, "e": 5}
    assert base == {"a": 1, "b": {"c": 2, "d": 3}}


@pytest.mark.parametrize(
    ("cohort", "count"),
    [
        ({"kind": "rsna", "path": "data"}, "none"),
        ({"kind": "synthetic-brainstem"}, "none"),
        ({"kind": "synthetic", "generator": {"sites": [{"name": "north"}]}}, "one"),
    ],
)
def test_a_cohort_without_sites_cannot_be_left_out_site_by_site(cohort, count):
    run = {"approach": "baseline", "protocols": ["leave-one-site-out"]}
    sentence = f"needs patients of two or more known sites, and cohort one has {count}; name them under cohorts.one"
    refused(sentence, cohorts={"one": cohort}, runs=[run])
    assert study(cohorts={"one": {"kind": "synthetic"}}, runs=[run]).cells


def test_permutations_are_copies_of_the_cohort_with_seeds_of_their_own_and_no_cells():
    runs = [
        {"approach": "baseline", "cohorts": ["made"]},
        {"approach": "baseline", "cohorts": ["made"], "variants": ["header"], "permutations": 2},
    ]
    made = study(runs=runs)
    assert [cell.variant for cell in made.cells] == ["prior", "header", "intensity", "site", "id_order"]
    assert [len(made.permuted(cell)) for cell in made.cells] == [0, 1, 0, 0, 0]
    (copies,) = made.permuted(made.cells[1])
    assert copies.cohort == "made/permutations/001-002"
    assert made.run_folders(copies) == [
        f"results/one/made/permutations/001-002/runs/baseline/header/all/harmonised/repeat-{repeat}/seed-0/batch-0"
        for repeat in range(5)
    ]
    own, of_copies = made.job(made.cells[1]), made.job(made.cells[1], copies.cohort)
    assert (own.pop("cell")["cohort"], of_copies.pop("cell")["cohort"]) == ("made", copies.cohort)
    assert own == of_copies
    assert made.base_seeds("made") == {"made": made.cohorts["made"]["seed"]}
    assert list(made.base_seeds(copies.cohort)) == ["made/permutations/001", "made/permutations/002"]


def test_methods_in_scikit_learn_train_25_copies_a_job_and_networks_one():
    runs = [{"approach": name, "cohorts": ["made"], "permutations": 51} for name in ("baseline", "cnn3d")]
    made = study(runs=runs)
    ends = ["001-025", "026-050", "051"]
    assert [copy.cohort for copy in made.permuted(made.cells[0])] == [f"made/permutations/{end}" for end in ends]
    assert [copy.cohort for copy in made.permuted(made.cells[-1])] == [
        f"made/permutations/{number:03}" for number in range(1, 52)
    ]


def test_permutations_within_sites_are_copies_of_their_own():
    runs = [{"approach": "baseline", "cohorts": ["made"], "variants": ["header"], "permutations": 1,
             "permutations_within_site": 2}]  # fmt: skip
    made = study(runs=runs)
    names = ["made/permutations/001", "made/permutations-within-site/001-002"]
    assert [copy.cohort for copy in made.copies(made.cells[0])] == names
    assert [copy.cohort for copy in made.permuted(made.cells[0])] == names[:1]
    seeds = [seed for name in names for seed in made.base_seeds(name).values()]
    assert len(set(seeds)) == 3


def test_permutations_within_sites_need_sites():
    runs = [{"approach": "baseline", "cohorts": ["real"], "variants": ["prior"], "permutations_within_site": 2}]
    cohorts = {"real": {"kind": "rsna", "path": "data"}}
    with pytest.raises(GlioBenchError, match=r"needs patients of known sites, and cohort real has none; name them"):
        _ = study(cohorts=cohorts, runs=runs).cells
    cohorts["real"]["sites"] = "sites.tsv"
    assert len(study(cohorts=cohorts, runs=runs).cells) == 1


def test_the_most_permutations_that_a_cell_is_named_with_count():
    runs = [{"approach": "cnn3d", "permutations": number} for number in (3, 19, 5)]
    made = study(runs=runs)
    assert [len(made.permuted(cell)) for cell in made.cells] == [19, 19]


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"approach": "stacked_cnn3d", "variants": ["tuned"], "protocols": ["published"]}, "each would need a search"),
        ({"approach": "densenet121", "protocols": ["published-loocv"]}, "leave-one-out has no AUC to compare with"),
        ({"approach": "densenet121", "protocols": ["published-holdout"]}, "it has no test patients"),
        ({"approach": "densenet121", "protocols": ["published-whole"]}, "it has no test patients"),
    ],
)
def test_permutations_are_refused_where_they_would_say_nothing(run, sentence):
    with pytest.raises(GlioBenchError, match=f"cannot have permutations: {sentence}"):
        _ = study(runs=[run | {"cohorts": ["made"], "permutations": 9}]).cells


def test_sensitivity_names_replicated_cohorts_as_levels():
    levels = {name: {"kind": "synthetic", "replicates": 2} for name in ("weak", "strong")}
    made = study(cohorts=levels, sensitivity=["weak", "strong"])
    assert made.sensitivity == {"weak": ["weak-01", "weak-02"], "strong": ["strong-01", "strong-02"]}
    assert study().sensitivity == {}


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["wek", "strong"], "sensitivity: no cohort 'wek'; did you mean 'weak'?"),
        (
            ["weak", "single"],
            "sensitivity: cohort 'single' is a single cohort, but a level needs several: give it `replicates`",
        ),
    ],
)
def test_levels_that_are_no_replicated_cohorts_are_refused(names, sentence):
    levels = {name: {"kind": "synthetic", "replicates": 2} for name in ("weak", "strong")}
    made = study(cohorts=levels | {"single": {"kind": "synthetic"}}, sensitivity=names)
    with pytest.raises(GlioBenchError, match=re.escape(sentence)):
        _ = made.sensitivity
