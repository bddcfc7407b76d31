"""In a virtual environment of each conda environment's pins, and of nothing else, inputs are made and folds trained."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from studies import ROOT, copy_project, finish

from gliobench import paths
from gliobench.cohorts import DECODED_KIND, FEATURES_KIND
from gliobench.files import read_json, read_table
from gliobench.plan import figure_names
from gliobench.predict.request import ENVIRONMENTS
from gliobench.settings.asked import KERAS
from gliobench.settings.inputs import environment
from gliobench.study import Cell, Study
from gliobench.terms import LESION

pytestmark = pytest.mark.envs
UV = str(Path(sys.executable).with_name("uv"))
SMOKE = yaml.safe_load((ROOT / "config/smoke.yaml").read_text(encoding="utf-8"))
APPROACHES = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "config/approaches").glob("*.yaml"))
}
CLINIC = {
    "kind": "table",
    "table": "clinic.tsv",
    "modalities": [],
    "features": {"clinical": {"table": "ages.tsv", "id": "patient_id", "numbers": ["age"]}},
}
STUDY: dict[str, Any] = {  # the smoke study's sizes, one cell an approach; a batch is a fold
    "study": "environments",
    "seed": 1,
    "device": "cpu",
    "cohorts": {"planted": SMOKE["cohorts"]["planted"], "clinic": CLINIC},
    "splits": {"kfold": SMOKE["splits"]["kfold"] | {"batches": 2}},
    "settings": SMOKE["settings"],
    "runs": [
        {
            "approach": name,
            "cohorts": ["planted"],
            "modalities": ["all"] if "all" in approach["modalities"] else ["FLAIR"],
        }
        for name, approach in APPROACHES.items()
        if name != "tabular"
    ]
    + [{"approach": "tabular", "cohorts": ["clinic"], "modalities": ["clinical"]}],
}


def toolchains(approach: str) -> list[str]:
    """Return what an approach is trained by: one of Keras, by both frameworks."""
    named = APPROACHES[approach]["toolchain"]
    return ["tensorflow", "torch"] if named == KERAS else [named]


def study(backend: str = "tensorflow") -> Study:
    return Study(STUDY | {"backend": backend}, ROOT)


def cell_of(approach: str) -> Cell:
    return next(cell for cell in study().cells if cell.approach == approach)


def shard(name: str, cohort: str, suffix: str) -> str:
    return f"{study().results}/{paths.INPUT.format(cohort=cohort, input_name=name, shard='1-of-1')}.{suffix}"


def split_of(cell: Cell) -> str:
    return f"{study().results}/{paths.SPLIT.format(cohort=cell.cohort, scheme=study().scheme_name(cell))}.tsv"


def field_of(cell: Cell) -> list[str] | str:
    """Return the field of view of a cell's input, if it has one."""
    name = study().input_name(cell)
    return f"{study().results}/{paths.FIELD.format(input_name=name)}" if study().field_cohorts(name) else []


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with inputs and splits, made by the environment of the tests."""
    project = copy_project(tmp_path_factory.mktemp("environments") / "project")
    (project / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    patients = pd.DataFrame({"patient_id": [f"p{number:02}" for number in range(12)], "label": [0, 1] * 6})
    patients.to_csv(project / "clinic.tsv", sep="\t", index=False)
    patients.assign(age=50 + 20 * patients.pop("label")).to_csv(project / "ages.tsv", sep="\t", index=False)
    cells = study().cells
    files = {split_of(cell) for cell in cells} | {shard(study().input_name(cell), cell.cohort, "npy") for cell in cells}
    finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1", "--", *sorted(files))
    return project


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python of an environment: removed again, because one with a framework takes gigabytes."""
    asked = yaml.safe_load((ROOT / "envs" / f"{request.param}.yaml").read_text(encoding="utf-8"))["dependencies"]
    folder = tmp_path_factory.mktemp(request.param)
    pins = folder / "pins.txt"
    pins.write_text("\n".join(next(part["pip"] for part in asked if isinstance(part, dict))), encoding="utf-8")
    number = next(part for part in asked if str(part).startswith("python=")).removeprefix("python=")
    subprocess.run([UV, "venv", "--quiet", "--python", number, str(folder / "venv")], check=True)
    made = folder / "venv" / "bin" / "python"
    subprocess.run([UV, "pip", "install", "--quiet", "--python", str(made), "--requirement", str(pins)], check=True)
    yield made
    shutil.rmtree(folder)


def run(python: Path, project: Path, folder: Path, script: str, job: dict[str, Any]) -> None:
    """Run a script of the project in an environment, with no package from anywhere else."""
    common = {"threads": 1, "resources": {}, "config": {}, "rule": "test", "log": [str(folder / "job.log")]}
    (folder / "job.json").write_text(json.dumps(common | job), encoding="utf-8")
    scripts = project / "workflow" / "scripts"
    done = subprocess.run(
        [str(python), str(Path(__file__).with_name("run_script.py")), str(scripts / script), str(folder / "job.json")],
        cwd=project,
        env={"PYTHONPATH": str(scripts), "PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    log = folder / "job.log"
    assert done.returncode == 0, f"{done.stderr}\n{log.read_text(encoding='utf-8') if log.is_file() else ''}"


def train_a_fold(python: Path, project: Path, approach: str, toolchain: str, folder: Path) -> None:
    """Train the first fold of an approach."""
    asked, cell = study(backend=toolchain if toolchain in ("tensorflow", "torch") else "auto"), cell_of(approach)
    outputs = {name: folder / name for name in ("predictions", "history", "record", "models")}
    job = {
        "input": {
            "patients": f"{asked.results}/{cell.cohort}/patients.tsv",
            "split": split_of(cell),
            "arrays": [shard(asked.input_name(cell), cell.cohort, "npy")],
            "field": field_of(cell),
            "tuned": [],
        },
        "output": {name: str(path) for name, path in outputs.items()},
        "params": {
            "job": asked.job(cell) | {"repeat": 0, "seed_index": 0, "batch": 0},
            "labels": asked.labels(cell, cell.cohort),
            "features": asked.feature_sources(cell.cohort),
            "machine": asked.machine,
            "library": "none",
        },
    }
    run(python, project, folder, "train.py", job)
    record = read_json(outputs["record"])
    assert [(fold["status"], fold["reason"]) for fold in record["folds"]] == [("ok", None)]
    assert record["toolchain"] == toolchain
    assert record["backend"] == (toolchain if APPROACHES[approach]["toolchain"] == KERAS else None)
    assert len(read_table(outputs["predictions"], "predictions"))
    assert len(list(outputs["models"].iterdir())) == 1
    other = {"tensorflow", "torch"} - {toolchain}
    assert not other & set(record["versions"]), "nothing of another environment"
    assert all(number == version(name) for name, number in record["versions"].items() if name != "python")


def make_an_input(python: Path, project: Path, approach: str, folder: Path) -> None:
    """Make the input of an approach, as the environment of the tests makes it."""
    asked, cell = study(), cell_of(approach)
    name = asked.input_name(cell)
    images = [f"{asked.results}/{paths.DECODED.format(cohort=cell.cohort, shard='1-of-1')}", DECODED_KIND]
    lesion = [LESION] * ("gradcam" in figure_names(asked, approach))
    tables = [asked.feature_sources(cell.cohort), FEATURES_KIND]
    job = {
        "input": {
            "patients": f"{asked.results}/{cell.cohort}/patients.tsv",
            "series": f"{asked.results}/{cell.cohort}/series.tsv",
            "field": field_of(cell),
        },
        "output": {"array": str(folder / "made.npy"), "index": str(folder / "made.tsv")},
        "params": {
            "images": tables if asked.reads_tables(approach) else images,
            "series": asked.made_series(name, cell.cohort) + lesion,
            "input": asked.named_input(name, cell.cohort),
        },
        "wildcards": {"shard": "1-of-1"},
    }
    run(python, project, folder, "preprocess.py", job)
    made, before = folder / "made.npy", project / shard(name, cell.cohort, "npy")
    assert made.read_bytes() == before.read_bytes()


INPUT = "input"
JOBS = [(environment(approach["input"]["kind"]), name, INPUT) for name, approach in APPROACHES.items()]
JOBS += [(ENVIRONMENTS[toolchain], name, toolchain) for name in APPROACHES for toolchain in toolchains(name)]


@pytest.mark.parametrize(
    ("python", "approach", "job"),
    [pytest.param(*job, id="-".join(job)) for job in sorted(JOBS)],
    indirect=["python"],
    scope="module",
)
def test_the_pins_of_an_environment_are_enough(
    python: Path, project: Path, approach: str, job: str, tmp_path: Path
) -> None:
    if job == INPUT:
        make_an_input(python, project, approach, tmp_path)
    else:
        train_a_fold(python, project, approach, job, tmp_path)
