"""The rows of the table ``comparison`` that show how methods perform on test patients."""

import numpy as np
import pandas as pd

from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, representatives

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

    As of `asked_methods`.
    """
    return tested_patients(asked_methods(comparison)).drop_duplicates(CELL, keep="last")


def asked_methods(comparison: pd.DataFrame) -> pd.DataFrame:
    """
    Choose all rows of the methods that were asked for under the harmonised protocol, whatever came out.

    Of each approach those of the variants that stand for it on the cohort
    (`gliobench.evaluation.columns.representatives`). Baselines are no methods.
    """
    asked = comparison[comparison["protocol"].eq(HARMONISED)]
    names = list(asked[["cohort", "approach", "variant"]].itertuples(index=False, name=None))
    variants: dict[str, list[tuple[str, str]]] = {}
    for cohort, approach, variant in names:
        variants.setdefault(cohort, []).append((approach, variant))
    chosen = {cohort: representatives(of_cohort) for cohort, of_cohort in variants.items()}
    counts = [(approach, variant) in chosen[cohort] for cohort, approach, variant in names]
    return asked[np.array(counts, dtype=bool)]


def best_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Choose the row with the highest AUC, the first of equals; none of none."""
    return rows.dropna(subset="auc").sort_values("auc", ascending=False, kind="stable").head(1)


def harmonised_baselines(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the test patients of every baseline under the harmonised protocol."""
    tested = tested_patients(comparison)
    return tested[tested["approach"].eq(BASELINE) & tested["protocol"].eq(HARMONISED)]
