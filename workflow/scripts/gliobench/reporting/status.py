"""What a study says of itself in a sentence: whether it tells anything about the papers, and how far it has come."""

from collections.abc import Mapping

import pandas as pd

from gliobench.evaluation.columns import CELL
from gliobench.files import table_schema
from gliobench.terms import GENERATED


def status_sentence(cohort_kinds: Mapping[str, str]) -> str:
    """Say plainly whether the study says anything about the papers yet."""
    kinds = table_schema("published")["properties"]["cohort_kind"]["enum"]
    papers = [name for name, kind in cohort_kinds.items() if kind in kinds]
    generated = [name for name, kind in cohort_kinds.items() if kind in GENERATED]
    others = [name for name in cohort_kinds if name not in [*papers, *generated]]
    controls = f" Generated cohorts stand beside them as controls: {', '.join(generated)}." if generated else ""
    if papers:
        own = f" Further cohorts: {', '.join(others)}." if others else ""
        return f"Cohorts of real patients: {', '.join(papers)}.{own}{controls}"
    if others:
        return (
            f"Nothing about the papers has been found yet: no cohort here ({', '.join(others)}) is a paper's own. "
            f"These results say how the methods do on these patients.{controls}"
        )
    return (
        f"Nothing about the papers has been found yet: every cohort here ({', '.join(generated)}) is generated. "
        "These results show whether the methods find a planted signal, and stay quiet where there is none."
    )


def count_sentence(comparison: pd.DataFrame) -> str:
    """Count the cells of the study by status."""
    cells = comparison.drop_duplicates(CELL)
    counts = cells["status"].value_counts()
    shares = [f"{counts[name]} {name}" for name in ("ok", "diverged", "failed", "missing") if name in counts]
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} in the table: {', '.join(shares)}."
