"""The union of cohorts, each of them a site: leaving one out is external validation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.cohorts import layout
from gliobench.cohorts.names import MEMBER_END
from gliobench.cohorts.selection import check_apart
from gliobench.errors import GlioBenchError

Members = Mapping[str, Mapping[str, Any]]  # by name: folder, sites and settings (with their kind)


def read_patients(members: Members, sites: None = None, settings: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """
    Read the patients of all members.

    Parameters
    ----------
    members : mapping
        By name ``folder``, ``sites`` and ``settings`` of each, as its own reader takes them.
    sites, settings : optional
        Not used: a patient's site is its member.

    Returns
    -------
    DataFrame
        As the members' readers return them; ids begin with the member's name and two hyphens.

    Raises
    ------
    GlioBenchError
        As the members' readers; or labels mean different things, or one patient is in two members.
    """
    found = [_read_member(name, member) for name, member in members.items()]
    everybody = pd.concat(found, ignore_index=True)
    everybody = everybody.reindex(columns=[*everybody.columns, *({"brats_id", "step", "reason"} - set(everybody))])
    inside = everybody[everybody["step"].isna()]
    for label, names in inside.groupby("label")["label_name"].unique().items():
        if len(names) > 1:
            raise GlioBenchError(
                f"the members of the union call label {label:g} {' and '.join(map(repr, names))}: unite cohorts whose "
                "labels mean the same."
            )
    check_apart(inside)
    return everybody


def _read_member(name: str, member: Mapping[str, Any]) -> pd.DataFrame:
    settings = member["settings"]
    found: pd.DataFrame = layout(settings["kind"]).read_patients(member["folder"], member["sites"], settings)
    ids = [column for column in ("patient_id", "scan_of") if column in found]
    return found.assign(site=name, **{column: f"{name}{MEMBER_END}" + found[column] for column in ids})


def locate(members: Members, patient_id: str, name: str) -> Path:
    """Find one series of a patient, as the layout of the patient's member does."""
    member, _, own = patient_id.partition(MEMBER_END)
    place: Path = layout(members[member]["settings"]["kind"]).locate(members[member]["folder"], own, name)
    return place
