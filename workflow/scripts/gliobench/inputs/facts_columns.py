"""The columns of the input ``facts`` in words: a table of docs/adding-an-approach.md."""

from gliobench.inputs.facts import HEADER, INTENSITY, PERCENTILES, PLANES
from gliobench.inputs.patient_facts import NAMES
from gliobench.marked import markdown

COLUMNS = (*HEADER, *INTENSITY, *NAMES)
RANGE = "of the range"  # of a whole series: its smallest value is 0, its largest 1
CATEGORY = "category"
MEANINGS = {  # column -> unit, meaning
    "n_slices": ("slices", "slices of the volume"),
    "rows": ("pixels", "rows of a slice"),
    "columns": ("pixels", "columns of a slice"),
    "spacing": ("mm", "distance of neighbouring pixel rows"),
    "slice_spacing": ("mm", "distance of neighbouring slices; of unequal ones the median"),
    "plane": (CATEGORY, ", ".join(f"{code} {plane}" for code, plane in enumerate(PLANES))),
    "manufacturer": (CATEGORY, "CRC-32 of the manufacturer's name in `series.tsv`"),
    "mean": (RANGE, "mean of the foreground"),
    "sd": (RANGE, "standard deviation of the foreground, with n as the divisor"),
    "skewness": ("none", "third standardised moment of the foreground; 0 if it is constant"),
    **{f"p{percentile:02}": (RANGE, f"{percentile}th percentile of the foreground") for percentile in PERCENTILES},
    "foreground_fraction": ("share", "foreground voxels among all of the series"),
    "site": (CATEGORY, "CRC-32 of the patient's site; the same in every channel"),
    "id_rank": ("place, from 0", "place of the patient's id among all of the cohort; the same in every channel"),
}


def columns_table() -> str:
    """Return the table of all columns, in their order."""
    rows = [(str(place), f"`{name}`", *MEANINGS[name]) for place, name in enumerate(COLUMNS)]
    return markdown(("place", "column", "unit", "meaning"), rows)
