"""One value broken anywhere in a valid study is one sentence that names its place, before anything runs."""

import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.settings.generators import BrainstemGenerator, SyntheticGenerator
from gliobench.study import Study

ROOT = Path(__file__).parents[2]
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
FREE_KEYS = ("exclude", "FLAIR")  # mappings whose keys are anybody's: reasons by patient
MAY_BE_EMPTY = ("traits", "flips")


def everything():
    """A study that states every key there is: all defaults of generators and approaches are written out."""
    study = copy.deepcopy(SMOKE) | {"seeds": 2, "device": "cpu", "deterministic": True}
    cohorts = study["cohorts"]
    cohorts["planted"]["generator"] = SyntheticGenerator(**cohorts["planted"]["generator"]).model_dump()
    cohorts["planted"]["exclude"] = {"FLAIR": {"00003": "a reason"}}
    cohorts["brainstem"]["generator"] = BrainstemGenerator(**cohorts["brainstem"]["generator"]).model_dump()
    cohorts["mine"] = {"kind": "table", "table": "mine.tsv", "segmentation": False, "modalities": ["FLAIR"]}
    cohorts["low"] = {"kind": "synthetic", "replicates": 2}
    cohorts["high"] = {"kind": "synthetic", "replicates": 3}
    study["sensitivity"] = ["low", "high"]
    study["runs"] += [{"approach": "baseline", "cohorts": ["mine", "low", "high"]}]
    made = Study(study, ROOT)
    for name, approach in made.approaches.items():
        changes = study["settings"].setdefault(name, {})
        changes["parameters"] = approach.parameters
        changes["input"] = approach.input(segmented=False)
        if approach.tuning:
            changes["tuning"] = approach.tuning
    study["splits"] = {
        name: {key: value for key, value in scheme.items() if key not in ("source", "caveat")}
        for name, scheme in made.splits.items()
    }
    return study


STUDY = everything()


def places(value, path=()):
    """Every place of a value below the root, mappings and lists themselves included."""
    if path:
        yield path
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def at(study, path):
    for key in path:
        study = study[key]
    return study


def breakages(path):
    """What makes the value at a place wrong, whatever it is."""
    value = at(STUDY, path)
    others = {bool: 7, int: "many", float: "much", str: 7, list: "one", dict: "one"}
    yield others[type(value)]
    yield {"broken": 1} if not isinstance(value, dict) else ["broken"]
    if isinstance(value, int) and not isinstance(value, bool) and value:  # where 0 is no test part, 0.5 is a share
        yield value + 0.5
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from (-1.0e9, float("nan"), True)
    if isinstance(value, list) and path[-1] not in MAY_BE_EMPTY:
        yield []


BROKEN = [(path, wrong) for path in places(STUDY) for wrong in breakages(path)]
MISSPELT = [path for path in places(STUDY) if isinstance(path[-1], str) and not {"exclude", "FLAIR"} <= set(path[:-1])]


def check(study):
    made = Study(study, ROOT)
    assert made.cells
    assert made.sensitivity


def sentence_of(study):
    with pytest.raises(GlioBenchError) as caught:
        check(study)
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_the_study_that_states_every_key_is_a_good_one():
    check(STUDY)
    assert len(BROKEN) > 1500


@given(st.sampled_from(BROKEN))
def test_a_broken_value_is_one_sentence_that_names_its_key(broken):
    path, wrong = broken
    study = copy.deepcopy(STUDY)
    at(study, path[:-1])[path[-1]] = wrong
    key = next(part for part in reversed(path) if isinstance(part, str))
    said = sentence_of(study)
    assert key in said or repr(wrong) in said


@given(st.sampled_from(MISSPELT))
def test_a_misspelt_key_is_one_sentence_that_names_it(path):
    study = copy.deepcopy(STUDY)
    mapping = at(study, path[:-1])
    mapping[f"{path[-1]}x"] = mapping.pop(path[-1])
    assert str(path[-1]) in sentence_of(study)
