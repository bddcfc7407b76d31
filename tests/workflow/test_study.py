import re
import shutil
import time
from pathlib import Path

import pytest
from studies import SMALL, Running, finish, planned_rules, result_bytes, sentence

from gliobench.files import read_json, read_table

pytestmark = pytest.mark.workflow
COMPARISON = "results/small/tables/comparison.tsv"


def test_the_table_has_every_expected_row_and_all_are_ok(finished_small):
    table = read_table(finished_small / COMPARISON, "comparison")
    cell = table[["cohort", "approach", "variant", "modality", "protocol", "phase"]].drop_duplicates()
    assert cell.to_numpy().tolist() == [["planted", "cnn3d", "main", "FLAIR", "harmonised", "final"]]
    assert table["part"].tolist() == ["test", "validation"]
    assert table["status"].tolist() == ["ok", "ok"]
    assert table["n_patients"].iloc[0] == 12


def test_every_patient_is_tested_once_and_every_fold_leaves_its_record(finished_small):
    run = next(finished_small.glob("results/small/planted/runs/**/run.json")).parent
    predictions = read_table(run / "predictions.tsv", "predictions")
    tested = predictions.loc[predictions["part"] == "test", "patient_id"]
    assert sorted(tested) == sorted(
        read_table(finished_small / "results/small/planted/patients.tsv", "patients")["patient_id"]
    )
    record = read_json(run / "run.json")
    assert [(fold["fold"], fold["status"]) for fold in record["folds"]] == [(0, "ok"), (1, "ok")]
    assert sorted(path.name for path in (run / "models").glob("fold-*")) == ["fold-0.keras", "fold-1.keras"]
    assert not list(run.glob(".*")), "what an unfinished job keeps is cleared away"


def test_the_report_is_there_and_refers_to_nothing_outside_its_folder(finished_small):
    folder = finished_small / "results/small/report"
    pages = list(folder.rglob("*.html"))
    assert {"index.html", "method.html", "cnn3d.html"} <= {path.name for path in pages}
    for path in pages:
        page = path.read_text(encoding="utf-8")
        references = re.findall(r"""(?:src|href)\s*=\s*["']([^"'#]+)["']""", page)
        assert references
        assert all((path.parent / each).resolve().is_relative_to(folder.resolve()) for each in references)
        assert all((path.parent / each).is_file() for each in references)
        assert not re.search(r"@import|url\(", page)
    assert list(folder.glob("figures/planted/cnn3d/**/*.png"))


def test_the_end_of_a_study_shows_its_table_and_where_its_page_is(finished_small):
    printed = (finished_small.parent / "printed").read_text(encoding="utf-8")
    assert "planted  cnn3d" in printed
    assert f"Report: {finished_small / 'results/small/report/index.html'}" in printed
    command = printed.partition("A new patient: ")[2].splitlines()[0]
    assert command.startswith("snakemake predict --config patient=<folder> model=")
    assert (finished_small / command.partition("model=")[2] / "models").is_dir()


@pytest.mark.own_study
def test_the_same_config_gives_the_same_bytes_in_another_folder_cut_into_other_shards(finished_small, project):
    finish(project, "--configfile", "small.yaml", "--set-scatter", "shards=3", "--", COMPARISON)
    assert len(result_bytes(finished_small)) == 2
    assert result_bytes(project) == result_bytes(finished_small)


def test_a_second_run_does_nothing_and_says_so(small_copy):
    start = time.perf_counter()
    printed = finish(small_copy, *SMALL)
    print(f"second run: {time.perf_counter() - start:.1f} s")
    assert "Nothing to be done" in printed
    assert "planted  cnn3d" in printed  # the result is shown again


def test_a_study_that_moves_with_its_project_stays_finished(finished_small, tmp_path):
    moved = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(finished_small, moved, ignore=shutil.ignore_patterns("results", ".snakemake"))
    for name in ("results", ".snakemake"):
        (moved / name).symlink_to(finished_small / name)
    assert planned_rules(moved, *SMALL) == set()


def test_one_key_can_be_changed_on_the_command_line(small_copy):
    assert "generate" in planned_rules(small_copy, *SMALL, "--config", "seed=2")
    assert planned_rules(small_copy, *SMALL, "--config", "bootstrap=300") >= {"score", "tabulate_comparison"}
    assert "train_tensorflow" not in planned_rules(small_copy, *SMALL, "--config", "bootstrap=300")


def test_a_study_file_stands_alone(project):
    study = "study: alone\nseed: 1\ncohorts: {mine: {kind: rsna, path: nowhere}}\nruns: [{approach: cnn3d}]\n"
    (project / "alone.yaml").write_text(study, encoding="utf-8")
    shown = finish(project, "--dry-run", "--quiet", "progress", "--configfile", "alone.yaml")
    assert "results/alone/mine/patients.tsv" in shown
    for foreign in ("results/full", "/rsna/", "as_coded", "/published/"):
        assert foreign not in shown, f"{foreign} leaks in from config/config.yaml"


def test_two_at_once_on_the_same_results_are_refused(project):
    lock = project / "results/small/.lock"
    with Running(project, *SMALL) as first:
        first.wait_for("results/small/planted/logs/generate.log")
        assert lock.read_text() == str(first.main.pid)
        said = sentence(project, *SMALL)
    expected = f"another run (process {first.main.pid}) is working on results/small: wait for it, or stop it first."
    assert expected in said


@pytest.mark.parametrize(("target", "blocked"), [("all", ".lock/in the way"), ("partial", "partial")])
def test_results_that_cannot_be_written_are_a_sentence(project, target, blocked):
    path = project / "results/small" / blocked
    path.parent.mkdir(parents=True)
    path.write_text("not ours", encoding="utf-8")
    said = sentence(project, *SMALL, "--", target)
    assert re.search(
        r"GlioBench: .* in the folder \S*results/small\S*: check the path, and who may write there\.", said
    )


def test_the_full_study_plans_without_its_data(project):
    planned = planned_rules(project)
    assert {"read_cohort", "audit_series", "preprocess", "split", "train_tensorflow", "score", "page"} <= planned
    assert "generate" not in planned


def test_the_full_study_lints_without_its_data(project):
    assert "in a good condition" in finish(project, "--lint")


def test_a_study_may_be_kept_in_another_folder_than_the_project(project, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    arguments = [
        "--snakefile",
        str(project / "Snakefile"),
        "--directory",
        str(elsewhere),
        "--",
        "results/small/planted/patients.tsv",
    ]
    finish(project, "--configfile", str(project / "small.yaml"), *arguments)
    assert (elsewhere / "results/small/planted/patients.tsv").is_file()
    assert not Path(project / "results").exists()
