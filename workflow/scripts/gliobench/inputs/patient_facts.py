"""What is known of patients without their images: the site, and the place in the order of ids. For the baselines."""

import re
import zlib

import numpy as np
import pandas as pd

KIND = "facts"  # the kind of input that these stand beside
NAMES = ("site", "id_rank")  # the last two features of each channel


def patient_facts(patients: pd.DataFrame) -> pd.DataFrame:
    """
    Return `NAMES` by patient_id.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.

    Returns
    -------
    DataFrame
        ``site``: CRC-32 of the site, NaN where unknown. ``id_rank``: place of the patient's id among all, from 0; the
        numbers in ids are compared as numbers.
    """
    codes = [np.nan if pd.isna(site) else float(zlib.crc32(str(site).encode())) for site in patients["site"]]
    ids = patients["patient_id"]
    order = {patient_id: rank for rank, patient_id in enumerate(sorted(ids, key=_natural))}
    return pd.DataFrame({"site": codes, "id_rank": ids.map(order).to_numpy(float)}, index=ids.to_numpy())


def _natural(patient_id: str) -> list[tuple[int, int, str]]:
    """Return a key by which p10 follows p2."""
    parts = re.split(r"(\d+)", patient_id)
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts if part]


def with_patient_facts(facts: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """
    Append what is known of patients to the facts of their series.

    Parameters
    ----------
    facts : ndarray
        Shape (n, channels, features); without a channel, one is made for it.
    known : ndarray, optional
        Shape (n, 2), in the order of `NAMES`; NaN without it, as for a patient of no cohort.

    Returns
    -------
    ndarray
        Shape (n, channels, features + 2).
    """
    facts = facts if facts.shape[1] else np.empty((len(facts), 1, 0))
    known = np.full((len(facts), len(NAMES)), np.nan) if known is None else known
    return np.concatenate([facts, np.repeat(known[:, None], facts.shape[1], axis=1)], axis=2)
