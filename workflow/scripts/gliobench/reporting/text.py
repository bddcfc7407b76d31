"""Numbers in words, for tables and figures alike."""

import pandas as pd

DASH = "\N{EN DASH}"
EMPTY = DASH
CHANGED, MARK = "changed", "*"  # of rows whose settings are not those of their paper


def interval(value: float, low: float, high: float, digits: int = 2) -> str:
    """Format a value with its interval, for example 0.71 (0.55 to 0.84) with a dash between the ends."""
    if pd.isna(value):
        return EMPTY
    if pd.isna(low) or pd.isna(high):
        return f"{value:.{digits}f}"
    dash = DASH if low >= 0 else " to "  # a dash before or after a minus sign misleads
    return f"{value:.{digits}f} ({low:.{digits}f}{dash}{high:.{digits}f})"
