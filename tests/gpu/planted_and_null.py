"""A cohort with a planted signal and one without, studied as a user does: through Snakemake, on a device."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from studies import ROOT, finish

from gliobench.files import read_table

CONTROLS = yaml.safe_load((ROOT / "config" / "controls.yaml").read_text(encoding="utf-8"))
VISIBLE = yaml.safe_load((ROOT / "config" / "controls-visible.yaml").read_text(encoding="utf-8"))
# Of the network that only the visible labels have, and of the others.
SETTINGS = VISIBLE["settings"] | CONTROLS["settings"]
ON_FLAIR = ("efficientnet", "resnet18", "resnet10_3d")  # the controls read these there; the others choose by themselves
TABLES = "results/planted-and-null/tables"


def study_of(device: str, approaches: Sequence[str]) -> dict[str, Any]:
    """Return a study of the controls' planted cohort and their first without a signal, with their settings."""
    cohorts = {"planted": "planted", "null": "no-signal"}
    return {
        "study": "planted-and-null",
        "seed": CONTROLS["seed"],
        "device": device,
        "cohorts": {
            name: {"kind": "synthetic", "generator": CONTROLS["cohorts"][controls]["generator"]}
            for name, controls in cohorts.items()
        },
        "splits": {"kfold": CONTROLS["splits"]["kfold"]},
        "settings": {name: settings_of(name) for name in approaches},
        "runs": [{"approach": name} | ({"modalities": ["FLAIR"]} if name in ON_FLAIR else {}) for name in approaches],
    }


def settings_of(approach: str) -> dict[str, Any]:
    """Return the controls' settings of an approach, except for cohorts and variants that are not in this study."""
    return {name: value for name, value in SETTINGS[approach].items() if not name.startswith("on_")}


def tables_of(project: Path, device: str, approaches: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Run the study in a copy of the project; return the scores of test patients, and the cost of each training."""
    (project / "study.yaml").write_text(yaml.safe_dump(study_of(device, approaches)), encoding="utf-8")
    targets = [f"{TABLES}/{name}.tsv" for name in ("comparison", "cost")]
    finish(project, "--cores", "all", "--configfile", "study.yaml", "--", *targets)
    scores, cost = (read_table(project / TABLES / f"{name}.tsv", name) for name in ("comparison", "cost"))
    return scores[(scores["part"] == "test") & (scores["unit"] == "patient")], cost[cost["stage"] == "train"]


def of(scores: pd.DataFrame, cohort: str, approach: str) -> pd.DataFrame:
    """Return the rows of an approach on a cohort, one per phase of its training."""
    return scores[(scores["cohort"] == cohort) & (scores["approach"] == approach)]


def found(rows: pd.DataFrame) -> bool:
    """Whether in each row the interval of the AUC lies above 0.5."""
    return len(rows) > 0 and bool((rows["auc_low"] > 0.5).all())


def quiet(rows: pd.DataFrame) -> bool:
    """Whether in each row the interval of the AUC holds 0.5."""
    return len(rows) > 0 and bool(((rows["auc_low"] <= 0.5) & (rows["auc_high"] >= 0.5)).all())
