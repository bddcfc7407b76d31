"""Folders in the layouts of three public collections run image approaches to the table, alone and as a union."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from studies import copy_project, edit, finish

from collections_on_disk import ucsf_rows, write_brats, write_ucsf, write_upenn
from gliobench.files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
N_PATIENTS = 12
COLLECTION = {"modalities": ["FLAIR", "T1wCE"], "segmentation": True}
STUDY = {
    "study": "collections",
    "seed": 1,
    "bootstrap": 100,
    "cohorts": {
        "upenn": {"kind": "upenn-gbm", "path": "upenn"} | COLLECTION,
        "ucsf": {"kind": "ucsf-pdgm", "path": "ucsf"} | COLLECTION,
        "brats": {"kind": "brats2021", "path": "brats"} | COLLECTION,
        "both": {"kind": "union", "members": ["upenn", "ucsf"]},
    },
    "splits": {
        "kfold": {"folds": 2, "repeats": 1, "validation": 0.34},
        "leave-one-site-out": {"validation": 0.34},
    },
    "settings": {
        "cnn3d": {"input": {"shape": [8, 8, 8]}, "parameters": {"epochs": 1, "batch_size": 2}},
        "stacked_cnn3d": {
            "input": {"shape": [12, 12, 12], "spacing": 16.0, "reference": "FLAIR"},
            "parameters": {"depth": 2, "filters": 2, "epochs": 1, "batch_size": 2},
        },
    },
    "runs": [
        {"approach": "cnn3d", "cohorts": ["upenn", "ucsf", "brats"], "modalities": ["FLAIR"]},
        {"approach": "stacked_cnn3d", "cohorts": ["upenn", "ucsf", "brats"]},
        {"approach": "baseline", "cohorts": ["both"], "variants": ["intensity"], "protocols": ["leave-one-site-out"]},
    ],
}


def tables(study):
    """The targets: the figures and the page are other tests' business."""
    return ["--", f"results/{study}/tables/comparison.tsv", f"results/{study}/tables/exclusions.tsv"]


COLLECTIONS = ["--configfile", "study.yaml", "--set-scatter", "shards=1", *tables("collections")]


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project with a finished study of three collections and a union, and what Snakemake printed."""
    project = copy_project(tmp_path_factory.mktemp("collections") / "project")
    write_upenn(project / "upenn", N_PATIENTS)
    write_ucsf(project / "ucsf", ucsf_rows(N_PATIENTS))
    write_brats(project / "brats", N_PATIENTS)
    (project / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    return project, finish(project, *COLLECTIONS)


@pytest.mark.xdist_group("collections")
def test_three_collections_run_two_image_approaches_to_the_table_and_their_union_is_external_validation(collections):
    project, printed = collections
    assert "upenn: 14 found, 13 before surgery, 12 with a label; 6 of 12 have label 1" in printed
    table = read_table(project / "results/collections/tables/comparison.tsv", "comparison")
    rows = table[(table["part"] == "test") & (table["phase"] == "final")]
    assert set(rows["status"]) == {"ok"}
    alone = rows[rows["cohort"] != "both"]
    assert set(zip(alone["cohort"], alone["approach"], alone["n_patients"], strict=True)) == {
        (cohort, approach, N_PATIENTS)
        for cohort in ("upenn", "ucsf", "brats")
        for approach in ("cnn3d", "stacked_cnn3d")
    }
    both = rows[rows["cohort"] == "both"].iloc[0]
    assert (both["n_patients"], both["n_runs"]) == (2 * N_PATIENTS, 2)  # a training per site left out
    assert "external validation" in both["caveat"]
    split = read_table(project / "results/collections/both/splits/leave-one-site-out.tsv", "split")
    for _, fold in split.groupby("fold"):
        tested = set(fold.loc[fold["role"] == "test", "patient_id"].str.partition("--")[0])
        others = set(fold.loc[fold["role"] != "test", "patient_id"].str.partition("--")[0])
        assert len(tested) == 1
        assert not tested & others
    excluded = read_table(project / "results/collections/tables/exclusions.tsv", "exclusions")
    upenn = excluded[(excluded["cohort"] == "upenn") & excluded["modality"].isna()]
    assert upenn["reason"].tolist() == ["the scan is from after surgery", "MGMT is Indeterminate"]


@pytest.mark.xdist_group("collections")
def test_an_edit_of_how_a_collection_is_read_reads_it_and_its_union_again_and_no_other(collections):
    project, _ = collections
    edit(project / "workflow/scripts/gliobench/cohorts/upenn_gbm.py")
    planned = finish(project, "--dry-run", "--quiet", "progress", *COLLECTIONS)
    assert set(re.findall(r"output: results/collections/([^/]+)/patients\.tsv", planned)) == {"upenn", "both"}
    assert set(re.findall(r"output: results/collections/([^/]+)/decoded/", planned)) == {"upenn", "both"}


def test_a_series_that_a_member_excludes_is_excluded_in_the_union(project):
    write_upenn(project / "upenn", 2)
    write_ucsf(project / "ucsf", ucsf_rows(2))
    cohorts = STUDY["cohorts"] | {
        "ucsf": STUDY["cohorts"]["ucsf"] | {"exclude": {"FLAIR": {"UCSF-PDGM-004": "blurred"}}}
    }
    (project / "study.yaml").write_text(yaml.safe_dump(STUDY | {"cohorts": cohorts}), encoding="utf-8")
    table = "results/collections/both/series.tsv"
    finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1", "--", table)
    series = read_table(project / table, "series")
    left_out = series[series["status"] == "excluded"]
    assert left_out[["patient_id", "modality", "reason"]].to_numpy().tolist() == [
        ["ucsf--UCSF-PDGM-004", "FLAIR", "blurred"]
    ]


def test_the_competitions_labels_and_a_crosswalk_with_gaps_run_without_an_image(project):
    write_brats(project / "data/rsna", 60, images=False)
    ids = [f"BraTS2021_{number:05}" for number in range(60)]
    site = "Site No (represents the originating institution)"
    name = "Cohort Name (if publicly available)"
    sites = ["18"] * 25 + ["1"] * 22 + ["4"] * 3 + [""] * 10
    crosswalk = pd.DataFrame({"BraTS2021": ids, name: "", site: sites})
    crosswalk.to_csv(project / "data/rsna/crosswalk.csv", index=False)
    runs = yaml.safe_load((project / "config/rsna-sites.yaml").read_text(encoding="utf-8"))["runs"]
    quick = {"bootstrap": 100, "splits": {"kfold": {"repeats": 1}}, "runs": [run | {"permutations": 1} for run in runs]}
    (project / "quick.yaml").write_text(yaml.safe_dump(quick), encoding="utf-8")
    finish(
        project,
        "--configfile",
        "config/rsna-sites.yaml",
        "quick.yaml",
        "--set-scatter",
        "shards=2",
        *tables("rsna-sites"),
    )
    table = read_table(project / "results/rsna-sites/tables/comparison.tsv", "comparison")
    assert set(table["status"]) == {"ok"}
    patients = read_table(project / "results/rsna-sites/rsna/patients.tsv", "patients")
    assert patients["site"].isna().sum() == 10
    assert patients["site"].value_counts().to_dict() == {"18": 25, "1": 22, "4": 3}
