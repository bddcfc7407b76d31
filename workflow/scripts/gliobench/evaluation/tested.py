"""The rows of the table ``comparison`` that show how methods perform on test patients."""

import pandas as pd

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN

VARIANT = CELL[1:]  # on any cohort


def tested_patients(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of test patients, scored by patient, of cells whose trainings all exist, ok or not."""
    tested = comparison["part"].eq("test") & comparison["unit"].eq("patient")
    return comparison[tested & comparison["status"].ne("missing")]


def tested_methods(comparison: pd.DataFrame) -> pd.DataFrame:
    """
    Choose the rows of test patients, and those of variants that have no scored row on any cohort.

    Parameters
    ----------
    comparison : pandas.DataFrame
        The table ``comparison`` (or ``metrics``). A cell whose runs all failed is one row without part and phase.

    Returns
    -------
    pandas.DataFrame
        Its rows; a failed cell's phase is ``final``.
    """
    tested = tested_patients(comparison)
    failed = comparison[comparison["part"].isna() & comparison["status"].ne("missing")]
    known = set(tested[VARIANT].itertuples(index=False, name=None))
    missed = [row not in known for row in failed[VARIANT].itertuples(index=False, name=None)]
    return pd.concat([tested, failed[missed].assign(phase="final")], ignore_index=True)


def harmonised_methods(comparison: pd.DataFrame) -> pd.DataFrame:
    """
    Choose the methods under the harmonised protocol: the test patients of the last phase, with or without an AUC.

    Only ``main`` counts, or all variants where an approach was not asked for ``main`` on the cohort under this
    protocol. Baselines are no methods.
    """
    asked = comparison[comparison["approach"].ne(BASELINE) & comparison["protocol"].eq(HARMONISED)]
    mains = asked["variant"].eq(MAIN)
    counts = mains | ~mains.groupby([asked["cohort"], asked["approach"]]).transform("any")
    return tested_patients(asked[counts]).drop_duplicates(CELL, keep="last")


def harmonised_baselines(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the test patients of every baseline under the harmonised protocol."""
    tested = tested_patients(comparison)
    return tested[tested["approach"].eq(BASELINE) & tested["protocol"].eq(HARMONISED)]
