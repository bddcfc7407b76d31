"""What a study makes has a digest of the settings it depends on, and of no others."""

import json
from pathlib import Path

import pytest

from gliobench import belonging
from gliobench.belonging import everything, rows, strange_rows
from gliobench.errors import GlioBenchError
from gliobench.files import write_text
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
CONFIG = {
    "study": "one",
    "seed": 1,
    "cohorts": {
        "mine": {"kind": "table", "table": "here/patients.tsv", "modalities": ["FLAIR"]},
        "made": {"kind": "synthetic"},
    },
    "runs": [{"approach": "baseline", "variants": ["prior"]}, {"approach": "cnn3d", "cohorts": ["made"]}],
}
MINE = {"kind": "table", "table": "elsewhere/table.tsv", "modalities": ["FLAIR"]}


def study(**changes):
    return Study(CONFIG | changes, ROOT)


def changed(**changes):
    """Return the keys whose digests a change of the config changes, of those that both have."""
    before = {made.key: made.digest for made in everything(study())}
    after = {made.key: made.digest for made in everything(study(**changes))}
    return {key for key in before.keys() & after.keys() if before[key] != after[key]}


def test_where_the_files_lie_does_not_change_what_they_hold():
    assert changed(cohorts=CONFIG["cohorts"] | {"mine": MINE}) == set()


def test_where_the_tables_of_features_lie_does_not_change_what_they_hold_but_their_columns_do():
    def with_features(table, column):
        mine = MINE | {"features": {"clinical": {"table": table, "id": "ID", "numbers": {"age": column}}}}
        return {made.key: made.digest for made in everything(study(cohorts=CONFIG["cohorts"] | {"mine": mine}))}

    here = with_features("here/clinical.csv", "Age")
    assert with_features("elsewhere/clinical.csv", "Age") == here
    assert with_features("here/clinical.csv", "Years")["mine"] != here["mine"]


def test_another_seed_changes_everything_and_an_approach_more_nothing():
    assert changed(seed=2) == {made.key for made in everything(study())}
    assert changed(runs=[*CONFIG["runs"], {"approach": "resnet18"}]) == set()
    mine = rows(study())
    more = rows(study(runs=[*CONFIG["runs"], {"approach": "resnet18"}]))
    assert mine.items() <= more.items()


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"settings": {"cnn3d": {"input": {"shape": [8, 8, 8]}}}}, {"made/inputs/cnn3d", "made/runs/cnn3d/main"}),
        ({"settings": {"cnn3d": {"parameters": {"epochs": 3}}}}, {"made/runs/cnn3d/main"}),
        (
            {"splits": {"kfold": {"folds": 3}}},
            {
                "made/splits/kfold",
                "mine/splits/kfold",
                "made/runs/cnn3d/main",
                "made/runs/baseline",
                "mine/runs/baseline",
            },
        ),
    ],
)
def test_a_change_reaches_what_depends_on_it_and_nothing_else(changes, keys):
    found = changed(**changes)
    assert found
    assert all(any(key.startswith(start) for start in keys) for key in found)
    assert all(any(key.startswith(start) for key in found) for start in keys)


def test_rows_of_the_comparison_know_what_scores_them():
    before = rows(study())
    for changes in ({"bootstrap": 200}, {"seeds": 2}, {"device": "cpu"}):
        after = rows(study(**changes))
        assert before.keys() == after.keys()
        assert all(before[key] != after[key] for key in before)


def test_a_comparison_is_strange_where_its_note_is_anothers_or_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert strange_rows(study()) == list(rows(study()))
    ((path, text),) = belonging.note_of_comparison(study()).items()
    write_text(text, path)
    assert strange_rows(study()) == []
    assert strange_rows(study(runs=[*CONFIG["runs"], {"approach": "resnet18"}])) == []
    assert strange_rows(study(runs=CONFIG["runs"][:1])) == [
        key for key in rows(study()) if key.startswith("made/cnn3d/")
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 2},
        {"cohorts": CONFIG["cohorts"] | {"made": {"kind": "synthetic", "generator": {"signal": 6.0}}}},
        {"seeds": 2},
        {"bootstrap": 200},
        {"device": "cpu"},
        {"deterministic": True},
        {"portable": False},
        {"splits": {"kfold": {"folds": 3}}},
        {"settings": {"baseline": {"parameters": {"C": 2.0}}}},
        {"runs": [run | {"permutations": 2} for run in CONFIG["runs"]]},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_comparison_is_strange_after_a_change_of_any_key_that_its_scores_depend_on(tmp_path, monkeypatch, changes):
    monkeypatch.chdir(tmp_path)
    ((path, text),) = belonging.note_of_comparison(study()).items()
    write_text(text, path)
    assert strange_rows(study(**changes))


def test_what_snakemake_knows_it_may_make_anew_and_what_it_does_not_know_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = study()
    belonging.check_belonging(mine)
    write_text("patients", "results/one/made/patients.tsv")
    with pytest.raises(GlioBenchError, match=r"results/one holds results of another config \(made\), and Snakemake's"):
        belonging.check_belonging(mine)
    old = f"{belonging.FORMAT}-0123456789abcdef"
    write_text(json.dumps(old), "results/one/.settings/made.json")
    name = "cmVzdWx0cy9vbmUvbWFkZS9wYXRpZW50cy50c3Y="
    write_text(json.dumps({"params": ["another"]}), f".snakemake/metadata/{name}")
    with pytest.raises(GlioBenchError, match="another config"):
        belonging.check_belonging(mine)
    write_text(json.dumps({"params": [old]}), f".snakemake/metadata/{name}")
    belonging.check_belonging(mine)


def test_what_a_killed_job_left_half_written_is_nobodys_result(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = study()
    inputs = Path(mine.results, "made/inputs/cnn3d")
    write_text("half", inputs / ".1-of-2.0123456789abcdef.npy")
    belonging.check_belonging(mine)
    write_text("whole", inputs / "1-of-2.npy")
    with pytest.raises(GlioBenchError, match="made/inputs/cnn3d"):
        belonging.check_belonging(mine)


def test_a_comparison_is_strange_where_it_was_read_by_other_levels_of_signal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    levels = {name: {"kind": "synthetic", "replicates": 2} for name in ("weak", "strong")}
    plain = {"cohorts": levels, "runs": [{"approach": "baseline"}]}
    ((path, text),) = belonging.note_of_comparison(study(**plain, sensitivity=["weak", "strong"])).items()
    write_text(text, path)
    assert strange_rows(study(**plain, sensitivity=["weak", "strong"])) == []
    assert strange_rows(study(**plain, sensitivity=["strong", "weak"])) == ["sensitivity"]
    assert strange_rows(study(**plain)) == ["sensitivity"]


def test_results_of_another_format_are_said_to_be_of_another_version(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(belonging, "FORMAT", 1)
    ((path, text),) = belonging.note_of_comparison(study()).items()
    write_text(text, path)
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    said = belonging.not_shown(study(), strange_rows(study()))
    assert said.startswith("results/one/tables and results/one/report are from another version of GlioBench (made/")
    write_text("{}", path)
    assert "are from another config (made/" in belonging.not_shown(study(), ["made/cell"])
