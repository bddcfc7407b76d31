"""The page of a study: one HTML file that holds all of it and opens offline."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from gliobench.files import table_schema, write_text
from gliobench.reporting.html import render
from gliobench.reporting.tables import SHOW, Display

AUDIT, CONTROLS, LEAKAGE = "audit", "controls", "leakage"  # categories with a section of their own
WIDE = 960  # a figure of more pixels across takes the whole line


@dataclass(frozen=True)
class Picture:
    """A figure as the page holds it: a PNG inside an address of its own, its size in pixels, and its words."""

    source: str
    width: int
    height: int
    label: str
    caption: str

    @property
    def wide(self) -> bool:
        """Whether it takes the whole line."""
        return self.width > WIDE


def write_page(
    path: str | Path,
    study: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    figures: Sequence[Mapping[str, str]],
    versions: Mapping[str, str],
) -> None:
    """
    Write the page of a study.

    Parameters
    ----------
    path : str or Path
        The HTML file.
    study : dict
        ``name``; ``base_seed``; ``cohort_kinds`` (cohort -> kind, as for the comparison); ``config``, the text of the
        config file; optionally ``about``, a sentence on this study.
    tables : dict of str to pandas.DataFrame
        ``comparison`` and, where there are such tables, ``cohorts``, ``exclusions``, ``replicates`` and ``leakage``.
    figures : sequence of dict
        Each with ``path`` (PNG), ``caption``, ``label``, and ``category``: ``audit``, ``controls``, ``leakage`` or
        any other heading (cohort and approach), under which the figures stand in the order given.
    versions : dict of str to str
        Name of a package -> its version.
    """
    pictures: dict[str, list[Picture]] = {}
    for figure in figures:
        pictures.setdefault(figure["category"], []).append(_picture(figure))
    page = render(
        "index.html.j2",
        name=study["name"],
        about=study.get("about", ""),
        status=status_sentence(study["cohort_kinds"]),
        counts=count_sentence(tables["comparison"]),
        displays=_displays(tables),
        audit=pictures.pop(AUDIT, []),
        controls=pictures.pop(CONTROLS, []),
        leakage=pictures.pop(LEAKAGE, []),
        pictures=pictures,
        base_seed=study["base_seed"],
        methods=_methods(tables["comparison"]),
        config=study["config"],
        versions=versions,
    )
    write_text(page, path)


def status_sentence(cohort_kinds: Mapping[str, str]) -> str:
    """Say plainly whether the study says anything about the papers yet."""
    kinds = table_schema("published")["properties"]["cohort_kind"]["enum"]
    real = [name for name, kind in cohort_kinds.items() if kind in kinds]
    generated = [name for name in cohort_kinds if name not in real]
    if not real:
        return (
            f"Nothing about the papers has been found yet: every cohort here ({', '.join(generated)}) is generated. "
            "These results show whether the methods find a planted signal, and stay quiet where there is none."
        )
    rest = f" Generated cohorts stand beside them as controls: {', '.join(generated)}." if generated else ""
    return f"Cohorts of real patients: {', '.join(real)}.{rest}"


def count_sentence(comparison: pd.DataFrame) -> str:
    """Count the cells of the study by status."""
    cells = comparison.drop_duplicates(["cohort", "approach", "variant", "modality", "protocol"])
    counts = cells["status"].value_counts()
    shares = [f"{counts[name]} {name}" for name in ("ok", "diverged", "failed", "missing") if name in counts]
    return f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} in the table: {', '.join(shares)}."


def _displays(tables: Mapping[str, pd.DataFrame]) -> dict[str, Display | None]:
    return {name: show(tables[name]) if len(tables.get(name, [])) else None for name, show in SHOW.items()}


def _methods(comparison: pd.DataFrame) -> list[str]:
    """Collect the ways in which intervals were made, as the table names them."""
    return sorted(comparison["interval_method"].dropna().unique())


def _picture(figure: Mapping[str, str]) -> Picture:
    data = Path(figure["path"]).read_bytes()
    # The first chunk of every PNG holds its width and height, four bytes each.
    width, height = (int.from_bytes(data[start : start + 4], "big") for start in (16, 20))
    source = "data:image/png;base64," + base64.b64encode(data).decode("ascii")
    return Picture(source, width, height, figure["label"], figure["caption"])
