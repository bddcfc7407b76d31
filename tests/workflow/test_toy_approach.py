"""One file and one YAML entry add an approach: no rule, table or figure is touched. Both are those of the page."""

import pytest
from studies import ROOT, finish

from gliobench.files import read_json, read_table
from markdown_blocks import blocks

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
PAGE = ROOT / "docs/adding-an-approach.md"
MODULE, *_ = blocks(PAGE, "python")
SETTINGS, STUDY = blocks(PAGE, "yaml")
RUN = "results/toy/made/runs/intensities/main/all/harmonised/repeat-0/seed-0/batch-0"


def test_the_approach_of_the_page_is_in_the_table_and_the_report_and_predicts_a_patient(project):
    (project / "workflow/scripts/gliobench/approaches/intensities.py").write_text(MODULE, encoding="utf-8")
    (project / "config/approaches/intensities.yaml").write_text(SETTINGS, encoding="utf-8")
    (project / "study.yaml").write_text(STUDY, encoding="utf-8")
    printed = finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1")
    table = read_table(project / "results/toy/tables/comparison.tsv", "comparison")
    row = table[(table["part"] == "test") & (table["approach"] == "intensities")].iloc[0]
    assert (row["modality"], row["status"], row["n_patients"]) == ("all", "ok", 24)
    assert "intensities" in printed
    assert "Intensities" in (project / "results/toy/report/approaches/intensities.html").read_text(encoding="utf-8")
    figures = (project / "results/toy/figures/made/intensities").rglob("*.png")
    assert {path.stem for path in figures} == {"roc-final", "confusion-final"}, "nothing by epoch: there are none"

    finish(project, "predict", "--config", "patient=results/toy/made/images/train/00003", f"model={RUN}")
    (answer,) = project.glob("results/predictions/00003/*/prediction.json")
    by_fold = {fold["fold"]: fold["probability"] for fold in read_json(answer)["folds"]}
    kept = read_table(project / RUN / "predictions.tsv", "predictions")
    tested = kept[(kept["patient_id"] == "00003") & (kept["part"] == "test")].iloc[0]
    assert by_fold[tested["fold"]] == pytest.approx(tested["probability"], abs=1e-9)
