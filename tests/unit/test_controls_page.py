"""The page of the graded controls says what its stored tables hold, and so does the README."""

import re
from pathlib import Path

import pandas as pd
import pytest

from gliobench.reporting.display import ends

ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs/controls/visible"
PAGE = (STORED / "README.md").read_text(encoding="utf-8")
OWN = "own (random)"


def stored(name: str) -> pd.DataFrame:
    return pd.read_csv(STORED / f"{name}.tsv", sep="\t")


def page_table(first_heading: str) -> pd.DataFrame:
    """Return a table of the page as text, with the method as index."""
    lines = PAGE[PAGE.index(first_heading) :].split("\n\n")[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("| ---")]
    return pd.DataFrame(rows[1:], columns=rows[0]).set_index("method")


def method_name(row: pd.Series) -> str:
    variant = "" if row["variant"] == "main" else f" {row['variant']}"
    return f"`{row['approach']}`{variant}" + (", FLAIR" if row["modality"] == "FLAIR" else "")


def auc_text(row: pd.Series) -> str:
    return f"{row['auc']:.2f}{ends(row['auc_low'], row['auc_high'])}"


def test_every_auc_of_a_visible_label_is_that_of_the_stored_table():
    table, page = stored("visible"), page_table("| method | oedema |")
    assert set(page.index) == set(table.apply(method_name, axis=1))
    for _, row in table.iterrows():
        label = OWN if row["labels"] == "own" else row["labels"]
        not_seen = "" if row["verdict"] == "seen" else r" \*"
        assert page.loc[method_name(row), label] == auc_text(row) + not_seen


def test_every_auc_of_the_planted_signal_is_that_of_the_stored_table():
    table, page = stored("comparison"), page_table("| method | planted")
    rows = table[table["cohort"].eq("planted") & table["part"].eq("test") & table["unit"].eq("patient")]
    assert set(page.index) == set(rows.apply(method_name, axis=1))
    for _, row in rows.iterrows():
        assert page.loc[method_name(row), "planted: AUC (95 % interval)"] == auc_text(row)
        assert row["auc_low"] > 0.5, "the page says that every method finds the signal"


def test_every_null_control_is_that_of_the_stored_table():
    table, page = stored("copies"), page_table("| method | planted")
    rows = table[table["labels"].eq("permutations")]
    assert (page["verdict"] != "").sum() == len(rows)
    for _, row in rows.iterrows():
        ninety = f"({row['equivalence_low']:.3f} to {row['equivalence_high']:.3f})"
        said = page.loc[method_name(row)]
        assert said.iloc[1] == f"{row['mean']:.3f} {ninety}, {row['n']} permutations"
        assert said["verdict"] == row["verdict"]


@pytest.mark.parametrize("end", ["min", "max"])
def test_the_readme_gives_the_range_of_the_main_methods_on_the_easiest_label(end):
    low, high = re.search(
        r"reach\s+(\d\.\d\d) to (\d\.\d\d) for the easiest", (ROOT / "README.md").read_text()
    ).groups()
    table = stored("visible")
    easiest = table[table["place"].eq(1) & table["variant"].eq("main")]["auc"]
    assert {"min": low, "max": high}[end] == f"{easiest.agg(end):.2f}"
