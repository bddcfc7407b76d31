"""Which rows of the inputs a fold trains on, and their predictions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from gliobench.errors import GlioBenchError
from gliobench.training import Part
from gliobench.training.scores import choose_threshold, mean_log_odds, rounded

ROLES = ("test", "validation", "train")
SLICE = ["patient_id", "modality", "slice_index"]


def rows_of(index: pd.DataFrame, roles: pd.DataFrame, role: str) -> np.ndarray:
    """
    Return which rows of the inputs have a role in a fold.

    Parameters
    ----------
    index : DataFrame
        patient_id, modality and slice_index of each row of the inputs.
    roles : DataFrame
        Rows of one fold of the table ``split``; if they name slices, only those.
    role : str
        train, validation or test.

    Returns
    -------
    ndarray of bool
        Shape (rows of `index`,).
    """
    mine = roles[roles["role"] == role]
    if mine["slice_index"].notna().any():
        return pd.MultiIndex.from_frame(index[SLICE]).isin(pd.MultiIndex.from_frame(mine[SLICE]))
    return index["patient_id"].isin(mine["patient_id"]).to_numpy()


def part_of(inputs: np.ndarray, index: pd.DataFrame, rows: np.ndarray, settings: Mapping[str, Any]) -> Part:
    """Return the chosen rows of inputs made with some settings, with their labels, patients and spacing."""
    chosen, spacing = index[rows], np.broadcast_to(settings.get("spacing", 1.0), 3)
    return Part(
        inputs[rows], chosen["label"].to_numpy(int), chosen["patient_id"].to_numpy(str), tuple(spacing.tolist())
    )


def check_parts(parts: Mapping[str, Part], tested: bool) -> None:
    """
    Check that a fold can be trained and scored.

    Parameters
    ----------
    parts : dict of str to Part
        By role.
    tested : bool
        Whether the split scheme has a test part.

    Raises
    ------
    GlioBenchError
        The training part lacks a label, or another part is empty.
    """
    if len(np.unique(parts["train"].labels)) < 2:
        n_patients = len(np.unique(parts["train"].patient_ids))
        raise GlioBenchError(f"the train part has {n_patients} patients and lacks one of the labels")
    if not len(parts["validation"]):
        raise GlioBenchError("no validation patient has a usable series")
    if tested and not len(parts["test"]):
        raise GlioBenchError("no test patient has a usable series")


def check_batch_sizes(parameters: Mapping[str, object], n_rows: int) -> None:
    """Raise an error if a ``batch_size`` of the parameters, or of a phase, exceeds the training part."""
    largest = max(_batch_sizes(parameters), default=0)
    if largest > n_rows:
        raise GlioBenchError(
            f"`batch_size` is {largest}, but the training part has {n_rows} rows: "
            "lower it in the config under `settings` or add patients"
        )


def _batch_sizes(parameters: Mapping[str, object]) -> list[int]:
    sizes = []
    for name, value in parameters.items():
        if name == "batch_size" and isinstance(value, int):
            sizes.append(value)
        elif isinstance(value, Mapping):
            sizes.extend(_batch_sizes(value))
    return sizes


def prediction_rows(
    index: Mapping[str, pd.DataFrame], log_odds: Mapping[str, np.ndarray], fold: int, phase: str
) -> pd.DataFrame:
    """
    Make rows of the table ``predictions``.

    A patient's probability is the mean over its slices, and its log odds are those of this mean. Slices have their own
    rows in the test and validation parts.

    Parameters
    ----------
    index : dict of str to DataFrame
        By role, the index of the rows that were predicted, with their label.
    log_odds : dict of str to ndarray
        By role, the log odds of label 1, one per row of the index.
    fold, phase
        As in the table.
    """
    tables = []
    for role in ROLES:
        rows = index[role].assign(log_odds=log_odds[role], part=role)[[*SLICE, "label", "log_odds", "part"]]
        is_slice = rows["slice_index"].notna()
        patients = rows.groupby("patient_id", sort=False, as_index=False).agg(
            label=("label", "first"), log_odds=("log_odds", mean_log_odds), part=("part", "first")
        )
        tables.append(patients)
        if role != "train":
            tables.append(rows[is_slice])
    table = pd.concat([table for table in tables if len(table)], ignore_index=True)
    table = table.reindex(columns=[*SLICE, "label", "log_odds", "part"]).assign(fold=fold, phase=phase)
    table["log_odds"] = rounded(table["log_odds"].to_numpy(float))
    table["probability"] = expit(table["log_odds"])
    chooses = table[(table["part"] == "validation") & table["slice_index"].isna()]
    threshold = choose_threshold(chooses["label"].to_numpy(int), chooses["probability"].to_numpy(float))
    return table.assign(threshold=threshold)
