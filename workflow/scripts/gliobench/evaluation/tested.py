"""The rows of the table ``comparison`` that show how methods perform on test patients."""

import pandas as pd

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN

VARIANT = CELL[1:]  # on any cohort


def tested_patients(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of test patients, scored by patient, of complete cells."""
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

    Only ``main`` counts, or all variants if the approach has no ``main`` here. Baselines are no methods.
    """
    tested = tested_patients(comparison)
    has_main = tested["approach"].isin(tested.loc[tested["variant"].eq(MAIN), "approach"])
    mains = tested["variant"].eq(MAIN) | ~has_main
    methods = tested[mains & tested["approach"].ne(BASELINE) & tested["protocol"].eq(HARMONISED)]
    return methods.drop_duplicates(CELL, keep="last")


def harmonised_baselines(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the test patients of every baseline under the harmonised protocol."""
    tested = tested_patients(comparison)
    return tested[tested["approach"].eq(BASELINE) & tested["protocol"].eq(HARMONISED)]
