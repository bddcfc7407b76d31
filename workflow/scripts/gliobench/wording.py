"""Numbers with their intervals, counts, and names of methods and figures as text."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from gliobench.terms import MAIN

DASH = "\N{EN DASH}"
EMPTY = DASH
NAMES = {
    "auc": "AUC",
    "pr_auc": "PR AUC",
    "mcc": "MCC",
    "f1": "F1",
    "brier": "Brier score",
    "auc_within_site": "AUC within sites",
}


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """Format a value with its interval, for example 0.71 (0.55 to 0.84) with a dash between the ends."""
    if pd.isna(value):
        return EMPTY
    return f"{value:.{digits}f}{ends(low, high, digits)}"


def ends(low: float, high: float, digits: int = 2) -> str:
    """Format the ends of an interval to follow its value, after a space; empty if one is unknown."""
    if pd.isna(low) or pd.isna(high):
        return ""
    dash = DASH if low >= 0 else " to "  # a dash before or after a minus sign misleads
    return f" ({low:.{digits}f}{dash}{high:.{digits}f})"


def plural(number: int, word: str, ending: str = "s") -> str:
    """Count things: 1 cell, 2 cells."""
    return f"{number} {word}" if number == 1 else f"{number} {word}{ending}"


def title(name: str) -> str:
    """Turn a column's name into its heading."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def reason(row: Mapping[Any, Any], otherwise: str) -> str:
    """Return the reason of a row, or another where it has none."""
    return otherwise if pd.isna(row.get("reason")) else str(row["reason"])


def method_name(row: Mapping[Hashable, Any]) -> str:
    """Name a method by its approach, its variant unless that is the main one, and what it reads."""
    variant = "" if row["variant"] == MAIN else f" {row['variant']}"
    return f"{row['approach']}{variant} {row['modality']}"


def published_name(row: Mapping[Hashable, Any]) -> str:
    """Name a published figure by its score and, where it has them, its class, epoch and subgroup."""
    epoch = None if pd.isna(row["epoch"]) else f"{row['epoch']} epoch"
    averaging = None if row["averaging"] == "positive class" else row["averaging"]
    facts = [averaging, epoch, row["subgroup"]]
    told = ", ".join(fact.removesuffix(" class") for fact in facts if pd.notna(fact))
    return title(row["metric"]) + (f" ({told})" if told else "")


def interval_texts(table: pd.DataFrame, names: Sequence[str], digits: int = 2) -> list[str]:
    """Format three columns (value, low, high) as one."""
    value, low, high = (table[name] for name in names)
    return [interval(*row, digits=digits) for row in zip(value, low, high, strict=True)]


def texts(values: pd.Series) -> list[str]:
    """Return every value as text, an empty one as a dash."""
    return [EMPTY if pd.isna(value) else str(value) for value in values]


def p_texts(values: Iterable[float]) -> list[str]:
    """Format p values, those below 0.001 as such: none is 0."""
    return [EMPTY if pd.isna(p) else "<0.001" if p < 0.001 else f"{p:.3f}" for p in values]


def decimals(values: Iterable[float], digits: int = 2) -> list[str]:
    """Format numbers that have no interval."""
    return [EMPTY if pd.isna(value) else f"{value:.{digits}f}" for value in values]
