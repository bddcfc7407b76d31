"""Two finished studies, or two versions of one: the differences of their cells, on the patients that are the same."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.evaluation.bootstrap import CONFIDENCE
from gliobench.evaluation.columns import CELL, PARTS, ROUNDING
from gliobench.evaluation.pairwise import Scored, independent_difference, paired_difference
from gliobench.evaluation.same_patients import OTHER_IMAGES, SAME, match_patients
from gliobench.files import check_table, table_schema

SCORE = ["phase", "part"]
ROW = [*CELL, *SCORE]
OF_TABLES = ["auc", "auc_low", "auc_high", "n_patients"]  # taken from each study's own comparison
SAME_FOLDS, OTHER_FOLDS, INDEPENDENT = "same folds", "other folds", "independent samples"
CHANGES = [*CELL, "phase", "patient_id", "label", "first", "second", "change"]


@dataclass(frozen=True, eq=False)
class Finished:
    """
    The tables of a finished study.

    Attributes
    ----------
    name : str
        What messages call it.
    comparison : pandas.DataFrame
        Table ``comparison``.
    patients, series : dict of str to pandas.DataFrame
        Tables ``patients`` and ``series`` of each cohort.
    predictions : dict of str to pandas.DataFrame
        Of each cohort, as `gliobench.results.Results.predictions` returns them.
    generated : collection of str
        The cohorts whose patients are generated.
    """

    name: str
    comparison: pd.DataFrame
    patients: Mapping[str, pd.DataFrame]
    series: Mapping[str, pd.DataFrame]
    predictions: Mapping[str, pd.DataFrame]
    generated: Collection[str]


@dataclass(frozen=True)
class Counts:
    """
    How many differences there are.

    Attributes
    ----------
    n : int
        Rows of the table.
    with_interval, excluding : int
        Rows with an interval; of them those whose interval excludes 0.
    equal : int
        Rows without an interval because the studies give exactly the same AUC, and no patient changes that.
    """

    n: int
    with_interval: int
    excluding: int
    equal: int

    @property
    def by_chance(self) -> float:
        """Expected number of intervals that exclude 0 where nothing differs."""
        return (1 - CONFIDENCE) * self.with_interval

    @property
    def without(self) -> int:
        """Rows without a difference that can be judged."""
        return self.n - self.with_interval - self.equal


def cells_of(study: Finished) -> pd.DataFrame:
    """Return the cells of a study, each once."""
    return study.comparison[CELL].drop_duplicates(ignore_index=True)


def cells_only_in(study: Finished, other: Finished) -> pd.DataFrame:
    """Return the cells of a study that another lacks."""
    return _marked(study, other).query("_merge == 'left_only'")[CELL].reset_index(drop=True)


def cells_in_both(first: Finished, second: Finished) -> pd.DataFrame:
    """Return the cells that both studies have, in the order of the first."""
    return _marked(first, second).query("_merge == 'both'")[CELL].reset_index(drop=True)


def _marked(study: Finished, other: Finished) -> pd.DataFrame:
    return cells_of(study).merge(cells_of(other), how="left", indicator=True)


def check_common(first: Finished, second: Finished) -> None:
    """
    Refuse two studies that have no cell in common.

    Raises
    ------
    GlioBenchError
        With the cohorts and approaches of each.
    """
    if len(cells_in_both(first, second)):
        return
    theirs = [
        f"{study.name} has {_listed(study, 'approach')} on {_listed(study, 'cohort')}" for study in (first, second)
    ]
    raise GlioBenchError(
        f"the two studies have no cell (cohort, approach, variant, modality and protocol) in common: "
        f"{' and '.join(theirs)}; name two studies that share one."
    )


def _listed(study: Finished, column: str) -> str:
    return ", ".join(map(str, study.comparison[column].unique()))


def match_cohorts(first: Finished, second: Finished) -> dict[str, pd.DataFrame]:
    """Match the patients of every cohort of either study, as `match_patients` does."""
    return {
        cohort: match_patients(
            both_tables(first.patients, second.patients, cohort), both_tables(first.series, second.series, cohort)
        )
        for cohort in dict.fromkeys([*first.patients, *second.patients])
    }


def both_tables(
    first: Mapping[str, pd.DataFrame], second: Mapping[str, pd.DataFrame], cohort: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of a cohort in two studies; that of a study without it has no rows."""
    nothing = next(tables[cohort] for tables in (first, second) if cohort in tables).iloc[:0]
    return first.get(cohort, nothing), second.get(cohort, nothing)


def is_redrawn(matches: pd.DataFrame, is_generated: bool) -> bool:
    """Whether a cohort was generated anew: ids occur in both studies, and no patient is the same."""
    kinds = set(matches["match"])
    return is_generated and OTHER_IMAGES in kinds and SAME not in kinds


def redrawn_cohorts(first: Finished, second: Finished, matches: Mapping[str, pd.DataFrame]) -> list[str]:
    """Return the cohorts whose patients were generated anew, so that the two studies are independent samples."""
    generated = set(first.generated) & set(second.generated)
    return [cohort for cohort, of_cohort in matches.items() if is_redrawn(of_cohort, cohort in generated)]


def differences_table(first: Finished, second: Finished, matches: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Compare the cells that two studies have in common, by AUC, score by score.

    Patients are paired by id, and count if they are the same in both (`gliobench.evaluation.same_patients`). Where the
    patients were generated anew, the samples are independent.

    Parameters
    ----------
    first, second : Finished
        The studies.
    matches : dict of str to pandas.DataFrame
        Of `match_cohorts`.

    Returns
    -------
    pandas.DataFrame
        Table ``differences``, one row per cell, phase and part of patients; one that cannot be compared has a reason.

    Raises
    ------
    GlioBenchError
        The studies have no cell in common.
    """
    check_common(first, second)
    redrawn = redrawn_cohorts(first, second, matches)
    ours, theirs = (_scored(study) for study in (first, second))
    rows = []
    for row in _rows_in_either(first, second).to_dict("records"):
        key, cohort = tuple(row[name] for name in ROW), row["cohort"]
        pair = ours.get(key), theirs.get(key)
        rows.append(row | _compare(row, pair, matches[cohort], cohort in redrawn))
    table = pd.DataFrame(rows, columns=list(table_schema("differences")["properties"]))
    return check_table(table, "differences", "the differences of two studies")


def _scored(study: Finished) -> dict[tuple[Any, ...], Scored]:
    """Return the predictions of every cell, phase and part."""
    return {
        key: Scored(dict(zip(ROW, key, strict=True)), is_last=True, rows=rows)
        for predictions in study.predictions.values()
        for key, rows in predictions.groupby(ROW, sort=False)
    }


def _rows_in_either(first: Finished, second: Finished) -> pd.DataFrame:
    """Return the scores of patients of the common cells, with what each study's own table says of them."""
    common = cells_in_both(first, second).sort_values("cohort", key=_order, kind="stable", ignore_index=True)
    sides = [_own_rows(study, common, side) for study, side in ((first, "first"), (second, "second"))]
    rows = sides[0].merge(sides[1], on=ROW, how="outer")
    # A cell that failed in one study has a row without a part, which stands for no score of the other study.
    alone = rows.groupby(CELL)["cohort"].transform("size").eq(1)
    rows = rows[rows["part"].notna() | alone]
    beside = [_why_silent(study, side) for study, side in ((first, "first"), (second, "second"))]
    for columns in (*beside, common.assign(cell=range(len(common))), _order_of_scores(first, second)):
        rows = rows.merge(columns, how="left")
    return rows.sort_values(["cell", "score"], kind="stable", ignore_index=True)


def _order(values: pd.Series) -> pd.Series:
    """Return keys that sort values by their first occurrence."""
    return pd.Series(pd.factorize(values)[0], values.index)


def _own_rows(study: Finished, cells: pd.DataFrame, side: str) -> pd.DataFrame:
    rows = study.comparison[study.comparison["unit"].ne("slice")].merge(cells)
    return rows[[*ROW, *OF_TABLES]].rename(columns={name: f"{side}_{name}" for name in OF_TABLES})


def _why_silent(study: Finished, side: str) -> pd.DataFrame:
    """Return what is wrong with the cells of a study whose status is not ok."""
    rows = study.comparison[study.comparison["status"].ne("ok")].drop_duplicates(CELL)
    return rows[CELL].assign(**{f"{side}_why": [_why(row) for row in rows.to_dict("records")]})


def _why(row: Mapping[Any, Any]) -> str:
    return str(row["status"]) if pd.isna(row["reason"]) else f"{row['status']}: {row['reason']}"


def _order_of_scores(first: Finished, second: Finished) -> pd.DataFrame:
    """Return the order of phases and parts: that of the first study, then what only the second has."""
    scores = pd.concat([first.comparison[SCORE], second.comparison[SCORE]]).drop_duplicates(ignore_index=True)
    return scores.assign(score=range(len(scores)))


def _compare(
    row: Mapping[Any, Any], pair: tuple[Scored | None, Scored | None], matches: pd.DataFrame, redrawn: bool
) -> dict[str, Any]:
    ours, theirs = pair
    if ours is None or theirs is None:
        return {"reason": "; ".join(_silent(row, side) for side, one in _sides(pair) if one is None)}
    if redrawn:
        return {"pairing": INDEPENDENT, "n_patients": 0, "n_positive": 0} | independent_difference(ours, theirs)
    same = matches.loc[matches["match"] == SAME, "patient_id"]
    kept = [Scored(one.name, one.is_last, one.rows[one.rows["patient_id"].isin(same)]) for one in (ours, theirs)]
    if not all(len(one.rows) for one in kept):
        return {"n_patients": 0, "n_positive": 0, "reason": "no patient that is the same in both studies is scored"}
    pairing = SAME_FOLDS if have_same_folds(*(one.rows for one in kept)) else OTHER_FOLDS
    return {"pairing": pairing} | paired_difference(*kept)


def _sides(pair: tuple[Scored | None, Scored | None]) -> list[tuple[str, Scored | None]]:
    return list(zip(("first", "second"), pair, strict=True))


def _silent(row: Mapping[Any, Any], side: str) -> str:
    """Say why a study has no predictions of a score."""
    why = row[f"{side}_why"]
    return f"not scored in the {side} study" + (f" ({why})" if isinstance(why, str) else "")


def have_same_folds(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """
    Whether two studies score their common patients together in the same folds, in the repeats that both have.

    Parameters
    ----------
    first, second : pandas.DataFrame
        repeat, fold and patient_id of the predictions.
    """
    names = ["repeat", "fold", "patient_id"]
    ours = first.loc[first["patient_id"].isin(second["patient_id"]) & first["repeat"].isin(second["repeat"]), names]
    theirs = second.loc[second["patient_id"].isin(first["patient_id"]) & second["repeat"].isin(first["repeat"]), names]
    return _as_set(ours) == _as_set(theirs)


def _as_set(rows: pd.DataFrame) -> set[tuple[Any, ...]]:
    return set(rows.itertuples(index=False, name=None))


def shown_differences(table: pd.DataFrame) -> pd.DataFrame:
    """Choose one row per cell and phase: the test patients, or the first other part it has; the figure draws these."""
    place = table["part"].map({part: place for place, part in enumerate(PARTS)}).fillna(len(PARTS))
    first = table.loc[place.sort_values(kind="stable").index].drop_duplicates([*CELL, "phase"])
    return first.sort_index().reset_index(drop=True)


def excludes_zero(table: pd.DataFrame) -> pd.Series:
    """Whether the interval of a difference excludes 0; not where there is none."""
    return (table["low"] > 0) | (table["high"] < 0)


def count_differences(table: pd.DataFrame) -> Counts:
    """Count the rows of a table ``differences``."""
    equal = table["low"].isna() & table["difference"].abs().lt(ROUNDING)
    return Counts(len(table), int(table["low"].notna().sum()), int(excludes_zero(table).sum()), int(equal.sum()))


def probability_changes(first: Finished, second: Finished, matches: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """
    Return how the out-of-fold probability of each patient that is the same in both studies changed.

    Parameters
    ----------
    first, second, matches
        As for `differences_table`.

    Returns
    -------
    pandas.DataFrame
        Columns `CHANGES`: one row per cell, phase and patient tested in both, the largest change first. ``first`` and
        ``second`` are means over repeats and seeds, ``change`` is first minus second.
    """
    tables = []
    for cohort, of_cohort in matches.items():
        if not all(cohort in study.predictions for study in (first, second)):
            continue
        same = of_cohort.loc[of_cohort["match"] == SAME, "patient_id"]
        ours, theirs = (_mean_probabilities(study.predictions[cohort], same) for study in (first, second))
        tables.append(ours.merge(theirs, on=[*CELL, "phase", "patient_id", "label"], suffixes=("_first", "_second")))
    changes = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=CHANGES)
    changes = changes.rename(columns={"probability_first": "first", "probability_second": "second"})
    changes = changes.assign(change=changes["first"] - changes["second"])
    largest_first = changes["change"].abs().sort_values(ascending=False, kind="stable").index
    return changes.loc[largest_first, CHANGES].reset_index(drop=True)


def _mean_probabilities(predictions: pd.DataFrame, patients: pd.Series) -> pd.DataFrame:
    tested = predictions[predictions["part"].eq("test") & predictions["patient_id"].isin(patients)]
    names = [*CELL, "phase", "patient_id", "label"]
    return tested.groupby(names, sort=False)["probability"].mean().reset_index()
