"""Whose each row of a table of patients is: rows are scans where patients have several."""

import pandas as pd


def whose(patients: pd.DataFrame) -> pd.Series:
    """Return the patient of each row of the table ``patients``: rows are scans where patients have several."""
    scan_of = patients["scan_of"] if "scan_of" in patients else pd.Series(None, index=patients.index, dtype="str")
    return scan_of.fillna(patients["patient_id"])
