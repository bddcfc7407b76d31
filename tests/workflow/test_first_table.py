"""The baselines come first, and their table is shown before a network is trained."""

import re

import pytest
import yaml
from studies import finish

pytestmark = pytest.mark.workflow
STUDY = ["--configfile", "study.yaml", "--set-scatter", "shards=2", "--cores", "1"]
FIRST = "results/small/planted/baselines.txt"
NETWORK = "results/small/planted/runs/cnn3d/main/FLAIR/harmonised/repeat-0/seed-0/batch-0/run.json"
COPY = "results/small/planted/permutations/001/runs/baseline/header/all/harmonised/repeat-0/seed-0/batch-0/run.json"


@pytest.fixture
def study(audited_copy):
    """A project with a study of two baselines, of copies with permuted labels, and of one network."""
    config = yaml.safe_load((audited_copy / "small.yaml").read_text(encoding="utf-8"))
    config["runs"].append({"approach": "baseline", "variants": ["prior", "header"], "permutations": 1})
    (audited_copy / "study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return audited_copy


def ended(project):
    """Return the rules of the last run's jobs in the order in which they ended."""
    log = max((project / ".snakemake/log").glob("*.snakemake.log"))  # their names begin with the time
    return re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", log.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_baselines_are_trained_and_shown_before_any_network(study):
    printed = finish(study, *STUDY, "--", FIRST, NETWORK, COPY)
    order = ended(study)
    shown, network = order.index("tabulate_baselines"), order.index("train_tensorflow")
    assert shown < network
    assert order[:shown].count("train_baselines") == order.count("train_baselines") == 2
    assert order[:shown].count("train_sklearn_copies") == 0, "permuted labels are in no hurry"
    assert order.count("train_sklearn_copies") == 1
    assert order[:shown].count("preprocess") == 2, "the network's inputs, in two shards, are made afterwards"
    table = (study / FIRST).read_text(encoding="utf-8")
    assert re.search(r"^  prior +all +harmonised +test +12  0.50", table, re.MULTILINE)
    assert re.search(r"^  header +all +harmonised +test +12  ", table, re.MULTILINE)
    assert f"First table: the baselines; all others follow.\n\n{table.rstrip()}" in printed


def test_the_first_table_is_part_of_the_study_where_other_methods_follow(study):
    planned = finish(study, "--dry-run", *STUDY)
    summed = planned[planned.index("GlioBench: jobs by stage and approach") :]
    assert re.search(r"^  baselines +3  baseline 2$", summed, re.MULTILINE), summed
    assert re.search(r"^  copies +2  baseline 2$", summed, re.MULTILINE), summed
    assert re.search(r"^  training +1  cnn3d 1$", summed, re.MULTILINE), summed


def test_a_study_of_baselines_alone_has_one_table(study):
    config = yaml.safe_load((study / "study.yaml").read_text(encoding="utf-8"))
    config["runs"] = [run for run in config["runs"] if run["approach"] == "baseline"]
    del config["settings"]
    (study / "study.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    assert "tabulate_baselines" not in finish(study, "--dry-run", *STUDY)
