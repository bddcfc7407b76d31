"""What notebooks use, on a finished study."""

import json
import subprocess
import sys

import pytest
from matplotlib.text import Text
from studies import ROOT

import gliobench
from gliobench.errors import GlioBenchError
from gliobench.files import read_table

pytestmark = pytest.mark.workflow


@pytest.fixture
def results(finished_small):
    return gliobench.load(finished_small / "results/small")


def test_tables_come_with_the_types_of_their_schemas(results):
    assert "comparison" in results.names
    patients = results.patients("planted")
    assert patients["patient_id"].str.len().eq(5).all()  # leading zeros are kept
    assert str(patients["label"].dtype) == "Int64"
    assert results.series("planted")["patient_id"].isin(patients["patient_id"]).all()


def test_predictions_and_history_hold_every_run_with_its_cell(results):
    runs = sorted(results.folder.glob("planted/runs/**/run.json"))
    predictions, history = results.predictions("planted"), results.history("planted")
    names = ["approach", "variant", "modality", "protocol", "repeat", "seed_index"]
    assert len(predictions[names].drop_duplicates()) == len(history[names].drop_duplicates()) > 0
    written = sum(len(read_table(run.with_name("history.tsv"), "history")) for run in runs)
    assert len(history) == written


@pytest.mark.parametrize("draw", ["roc", "precision_recall", "calibration"])
def test_figures_of_a_cohort_show_its_approaches(results, draw):
    figure = getattr(results, draw)("planted")
    words = [text.get_text() for text in figure.findobj(Text)]
    assert any("cnn3d" in each for each in words)


def test_a_name_that_does_not_exist_is_met_by_the_nearest(results):
    with pytest.raises(GlioBenchError, match="has no table 'comparsion'; did you mean 'comparison'"):
        results.table("comparsion")
    with pytest.raises(GlioBenchError, match="has no cohort 'plantd'; did you mean 'planted'"):
        results.patients("plantd")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match="holds no results: name the folder of a study that has been run"):
        gliobench.load(tmp_path)


def test_the_notebook_of_the_documentation_runs_without_a_framework(finished_small):
    notebook = json.loads((ROOT / "docs/results.ipynb").read_text(encoding="utf-8"))
    code = "\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code")
    code = code.replace("results/demo", str(finished_small / "results/small"))
    code += "\nimport sys\nassert not {'torch', 'tensorflow', 'keras', 'SimpleITK', 'snakemake'} & set(sys.modules)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "workflow/scripts")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
