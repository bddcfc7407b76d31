import re
from pathlib import Path

import pytest
import yaml
from snakemake.settings.types import RerunTrigger

ROOT = Path(__file__).parents[2]
PROFILES = {path.parent.name: yaml.safe_load(path.read_text()) for path in ROOT.glob("profiles/*/config.yaml")}
RULES = sorted(ROOT.glob("rules/*.smk"), key=lambda path: path.name)


@pytest.mark.parametrize("name", PROFILES)
def test_a_study_that_was_killed_goes_on_with_every_profile(name):
    profile = PROFILES[name]
    assert (profile["rerun-incomplete"], profile["nolock"]) == (True, True)


@pytest.mark.parametrize("name", PROFILES)
def test_no_profile_has_a_touched_script_run_again(name):
    assert set(PROFILES[name]["rerun-triggers"]) == set(RerunTrigger.choices()) - {"code"}


def test_only_snakemake_starts_a_job_of_a_dead_node_again():
    assert PROFILES["slurm"]["slurm-no-requeue"]
    assert PROFILES["slurm"]["retries"] > 0


def test_errors_are_shown_on_a_cluster_where_no_terminal_shows_the_scripts_own():
    assert "rules" not in PROFILES["slurm"]["quiet"], "Snakemake would not say which job failed"


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_memory_and_time_of_every_rule_grow_with_its_attempts(rules):
    stated = re.findall(r"^ +(mem_mb|runtime)=(.+)$", rules.read_text(encoding="utf-8"), flags=re.M)
    assert all(value.startswith({"mem_mb": "memory(", "runtime": "growing("}[name]) for name, value in stated), stated
