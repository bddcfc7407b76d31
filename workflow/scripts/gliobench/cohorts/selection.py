"""Who of a collection is in a cohort: each patient left out keeps a row with the step and the reason."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import table_schema

LABEL_NAMES = {"mgmt": {0: "unmethylated", 1: "methylated"}, "idh": {0: "IDH wildtype", 1: "IDH mutated"}}
IDH = {"wildtype": 0, "mutated": 1}  # as a label
LEFT_OUT = ["step", "reason"]  # columns that a reader may add to the patients: of those who are not in the cohort
NUMBERS = 5  # digits of a patient's number in BraTS 2021


class Selection:
    """
    The patients of a collection, narrowed step by step.

    Parameters
    ----------
    rows : DataFrame
        One row per scan, with patient_id, label, label_name (or `keep_labelled` adds it) and brats_id.
    """

    def __init__(self, rows: pd.DataFrame):
        self.rows = rows.assign(step=None, reason=None).astype(dict.fromkeys(LEFT_OUT, object))
        self._steps: list[str] = []

    def keep(self, which: pd.Series, step: str, reason: pd.Series | str) -> None:
        """
        Leave out those of the remaining patients for whom `which` is false.

        Parameters
        ----------
        which : Series of bool
            Aligned with the rows.
        step : str
            What those who remain are, for example ``before surgery``.
        reason : str or Series of str
            Why the others are left out.
        """
        out = self.rows["step"].isna() & ~which.astype(bool)
        reasons = pd.Series(reason, index=self.rows.index)
        self.rows.loc[out, LEFT_OUT] = pd.DataFrame({"step": step, "reason": reasons[out]})
        self._steps.append(step)

    @property
    def remaining(self) -> pd.DataFrame:
        """The rows that are still in."""
        return self.rows[self.rows["step"].isna()]

    def result(self) -> pd.DataFrame:
        """Return the patients with label, step and reason: who is in by id, then who is out by step and id."""
        order = {step: place for place, step in enumerate([None, *self._steps])}
        place = self.rows["step"].map(lambda step: order[step if isinstance(step, str) else None])
        ordered = self.rows.assign(place=place).sort_values(["place", "patient_id"], kind="stable", ignore_index=True)
        return ordered[["patient_id", "label", "label_name", "brats_id", *LEFT_OUT]]


def keep_labelled(chosen: Selection, settings: Mapping[str, Any], unlabelled: pd.Series) -> None:
    """
    Keep the patients with a label, and those whose IDH status the config names.

    Parameters
    ----------
    chosen : Selection
        With ``label`` (0, 1 or missing) and ``idh`` (wildtype, mutated or unknown) of each row; gets ``label_name``.
    settings : mapping
        ``label`` and ``idh`` of the cohort.
    unlabelled : Series of str
        Why each row would have no label.
    """
    rows = chosen.rows
    if settings["label"] == "idh":
        rows["label"], unlabelled = rows["idh"].map(IDH), "IDH is " + rows["idh"]
    rows["label_name"] = rows["label"].map(LABEL_NAMES[settings["label"]])
    chosen.keep(rows["label"].notna(), "with a label", unlabelled)
    chosen.keep(rows["idh"].isin(settings["idh"]), f"IDH {' or '.join(settings['idh'])}", "IDH is " + rows["idh"])


def divide(found: pd.DataFrame, cohort: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """
    Divide what a reader found into the patients of the cohort and those left out.

    Returns
    -------
    patients, left_out : DataFrame
        As in the schemas ``patients`` and ``left_out``, without columns that are not in them.

    Raises
    ------
    GlioBenchError
        Nobody is left.
    """
    found = found if "step" in found else found.assign(step=None, reason=None)
    inside = found["step"].isna()
    if not len(found):
        raise GlioBenchError(f"cohort {cohort} has no patients: its table of labels has no row.")
    if not inside.any():
        counts = ", ".join(f"{count} not {step}" for step, count in steps_of(found[~inside]).items())
        raise GlioBenchError(
            f"cohort {cohort}: none of the {len(found)} found is left ({counts}); change its keys in the config."
        )
    patients = found[inside].reset_index(drop=True)
    wanted = list(table_schema("patients")["properties"])
    return patients.reindex(columns=wanted), found.loc[~inside, ["patient_id", *LEFT_OUT]].reset_index(drop=True)


def steps_of(left_out: pd.DataFrame) -> dict[str, int]:
    """Return how many patients each step left out, in the order of the steps."""
    return {str(step): len(rows) for step, rows in left_out.groupby("step", sort=False)}


def flow_sentence(cohort: str, patients: pd.DataFrame, left_out: pd.DataFrame) -> str:
    """Say how many remain after each step: ``671 found, 611 before surgery, 262 with a label``."""
    remaining = len(patients) + len(left_out)
    parts = [f"{remaining} found"]
    for step, count in steps_of(left_out).items():
        remaining -= count
        parts.append(f"{remaining} {step}")
    positive = int((patients["label"] == 1).sum())
    return f"{cohort}: {', '.join(parts)}; {positive} of {len(patients)} have label 1"


def check_apart(patients: pd.DataFrame) -> None:
    """
    Raise an error if one patient is in a union under two collections.

    Parameters
    ----------
    patients : DataFrame
        patient_id, site (the collection) and brats_id (in BraTS 2021; None if not known).
    """
    known = patients.dropna(subset="brats_id")
    twice = known[known["brats_id"].duplicated(keep=False)].sort_values(["brats_id", "patient_id"])
    if len(twice):
        first, second = twice[twice["brats_id"] == twice["brats_id"].iloc[0]].iloc[:2].to_dict("records")
        count = twice["brats_id"].nunique()
        raise GlioBenchError(
            f"{count} patients are in two members of the union: {first['brats_id']} is {first['patient_id']} and "
            f"{second['patient_id']}, so one would be tested with models trained on the other; leave one of the "
            "collections out, or set `in_brats: false` for `ucsf-pdgm`."
        )


def brats_id(text: str) -> str:
    """Return an id in the form of BraTS 2021: 97, 00097 and BraTS2021_00097 are one patient."""
    return f"BraTS2021_{text.strip().removeprefix('BraTS2021_').zfill(NUMBERS)}"
