"""The result table: every cell of the study with the published figures that are comparable to it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import CELL, NOT_COMPARABLE, PUBLISHED
from gliobench.evaluation.grim import POSITIVE
from gliobench.evaluation.published import as_figures, our_unit
from gliobench.files import check_table, table_schema
from gliobench.terms import GENERATED

DIGITS = 6  # of every number in a table's TSV: finer than any interval, coarser than a machine's rounding noise
MUST_AGREE = [*CELL[1:], "phase", "part", "unit"]  # must be equal in a row and a published figure

Row = Mapping[Any, Any]


def comparison_table(
    metrics: pd.DataFrame,
    cells: Sequence[Row],
    published: pd.DataFrame,
    cohort_kinds: Mapping[str, str],
) -> pd.DataFrame:
    """
    Join the scores of every expected cell with the published figures.

    Parameters
    ----------
    metrics : pandas.DataFrame
        Table ``metrics`` of all scored cells.
    cells : sequence of dict
        The grid of the study, in the order of the table: cohort, approach, variant, modality, protocol, weights and
        optionally caveat.
    published : pandas.DataFrame
        Table ``published``.
    cohort_kinds : dict of str to str
        Kind of each cohort, as in the config.

    Returns
    -------
    pandas.DataFrame
        Table ``comparison``, numbers rounded to `DIGITS` digits. A cell that has no scores is a row with status
        ``missing``. Published figures are given only for the paper's own kind of cohort.

    Raises
    ------
    GlioBenchError
        Scores belong to a cell that the study does not have.
    """
    scored = {cell: rows.to_dict("records") for cell, rows in metrics.groupby(CELL, sort=False)}
    expected = {tuple(cell[name] for name in CELL): cell for cell in cells}
    unknown = [cell for cell in scored if cell not in expected]
    if unknown:
        raise GlioBenchError(
            f"the scores hold {' / '.join(map(str, unknown[0]))}, which is not a cell of this study; "
            "remove its metrics or add it to the config."
        )
    figures = _by_key(published)
    rows = [
        {**row, "settings": cell.get("settings"), **_published(row, figures, cohort_kinds[row["cohort"]])}
        for key, cell in expected.items()
        for row in scored.get(key, [_missing(cell)])
    ]
    table = pd.DataFrame(rows, columns=list(table_schema("comparison")["properties"]))
    return check_table(table, "comparison", "the comparison").round(DIGITS)


def _missing(cell: Row) -> dict[str, Any]:
    head = {name: cell[name] for name in [*CELL, "weights"]}
    why = "this cell has not been scored"
    return head | {"caveat": cell.get("caveat"), "status": "missing", "reason": why, "auc_reason": why}


def _by_key(published: pd.DataFrame) -> dict[tuple[Any, ...], dict[str, Row]]:
    """
    Return the figures by place and metric: of the kept weights and all patients, and of the positive class.

    Where a paper prints two in the same place, the first of the file stands in the table.
    """
    names = ["cohort_kind", *MUST_AGREE]
    shown: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in as_figures(published):
        whole = row["epoch"] is None and row["subgroup"] is None and row["averaging"] in (None, POSITIVE)
        if whole and row["metric"] in PUBLISHED:
            # A figure with an unstated unit is taken to count patients; its row says that the unit is unstated.
            alike = row | {"unit": our_unit(row)}
            shown.setdefault(tuple(alike[name] for name in names), {}).setdefault(row["metric"], row)
    return shown


def _published(row: Row, figures: Mapping[tuple[Any, ...], Mapping[str, Row]], kind: str) -> dict[str, Any]:
    kinds = table_schema("published")["properties"]["cohort_kind"]["enum"]
    if kind not in kinds:
        other = "generated cohort" if kind in GENERATED else "another cohort"
        return _nothing_published(NOT_COMPARABLE, f"not comparable: {other}")
    method = tuple(row.get(name) for name in MUST_AGREE)
    figure = figures.get((kind, *method))
    if figure is not None:
        sources = dict.fromkeys(_source(one) for one in figure.values())
        about = {"published_status": "published", "published_source": "; ".join(sources)}
        return {f"published_{name}": one["value"] for name, one in figure.items()} | about
    elsewhere = [other for other in kinds if (other, *method) in figures]
    if elsewhere:
        return _nothing_published(NOT_COMPARABLE, f"not comparable: the paper's cohort is {elsewhere[0]}")
    return _nothing_published(None, "no published figure for this row")


def _nothing_published(status: str | None, why: str) -> dict[str, Any]:
    return {"published_status": status, "published_source": why}


def _source(figure: Row) -> str:
    facts = [figure["source"]]
    if figure["n"] is not None:
        facts.append(f"n = {figure['n']} ({figure['unit']})")
    if figure["selected_on"] == "yes":
        facts.append("the model was selected on this part")
    return "; ".join(facts + ([figure["note"]] if figure["note"] else []))
