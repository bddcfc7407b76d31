"""One job of a cohort: what an earlier, killed job with other settings left behind is none of its results."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from gliobench.approaches import baseline
from gliobench.files import read_json, table_schema, write_table
from gliobench.splits import draw_split
from gliobench.training import Job, Machine
from gliobench.training.job import UNFINISHED, run_job
from gliobench.training.labels import own

N = 24
CELL = {"cohort": "made", "approach": "baseline", "variant": "id_order", "modality": "all", "protocol": "harmonised"}
JOB = Job(
    CELL,
    scheme="kfold",
    phases=["final"],
    parameters={"features": "id_order", "C": 1},
    input={"kind": "facts"},
    series=[],
    toolchain="sklearn",
    cohort_kind="rsna",
    seed=0,
    repeat=0,
    seed_index=0,
    batch=0,
    batches=1,
    library="0" * 16,
)


def test_the_models_of_a_run_are_those_of_its_folds_whatever_a_killed_job_left(tmp_path):
    labels = np.arange(N) % 2
    patients = pd.DataFrame({"patient_id": [f"p{number:02}" for number in range(N)], "label": labels})
    patients = patients.assign(label_name=np.where(labels, "yes", "no"), site=None, oracle_probability=None)
    series = pd.DataFrame(columns=list(table_schema("series")["properties"]))
    split = draw_split(patients, series, {"method": "kfold", "folds": 2, "repeats": 1, "validation": 0.2}, 1)
    given = SimpleNamespace(patients=tmp_path / "patients.tsv", split=tmp_path / "split.tsv")
    write_table(patients, given.patients, "patients")
    write_table(split, given.split, "split")
    left = tmp_path / "run" / UNFINISHED / "fold-2" / f"model{baseline.SUFFIX}"  # of three folds or more
    left.parent.mkdir(parents=True)
    left.write_text("of another split")
    names = {"predictions": "predictions.tsv", "history": "history.tsv", "record": "run.json", "models": "models"}
    outputs = SimpleNamespace(**{output: tmp_path / "run" / name for output, name in names.items()})
    run_job(JOB, Machine(), own.labelled(given, {"seeds": {"made": 0}}), [], outputs)
    folds = [f"fold-{fold['fold']}{baseline.SUFFIX}" for fold in read_json(outputs.record)["folds"]]
    assert sorted(path.name for path in outputs.models.iterdir()) == folds
    assert len(folds) == 2
    assert not left.exists()
