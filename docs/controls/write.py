"""Write the pages of the controls from the results of their studies, tables and figures: `make controls`."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd

import gliobench
from gliobench.files import write_text
from gliobench.marked import fill, markdown
from gliobench.results import Results
from gliobench.terms import PERMUTATIONS
from gliobench.wording import interval, method_name

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDERS = {"controls": ".", "controls-labels": "labels", "controls-sites": "sites", "controls-visible": "visible"}
STORED = {  # by study the tables that its page is made from
    "controls": ["comparison", "replicates", "copies", "leakage"],
    "controls-labels": ["comparison", "replicates"],
    "controls-sites": ["comparison", "replicates"],
    "controls-visible": ["comparison", "visible", "copies", "pairwise"],
}
FIGURES = {"controls": "replicates", "controls-labels": "replicates", "controls-sites": "replicates"}
FIGURES |= {"controls-visible": "visible"}
Tables = dict[str, pd.DataFrame]


def main() -> None:
    """Keep the tables of the studies, then write the pages from them."""
    for study in FOLDERS:
        keep(gliobench.load(ROOT / "results" / study), folder_of(study))
        page = folder_of(study) / "README.md"
        page.write_text(fill(page.read_text(encoding="utf-8"), page_tables(study)), encoding="utf-8")


def keep(results: Results, folder: Path) -> None:
    """Copy the tables of a study and its figure."""
    for name in STORED[results.folder.name]:
        table = results.table(name).to_csv(sep="\t", index=False, lineterminator="\n")
        write_text(table, folder / f"{name}.tsv")
    figure = FIGURES[results.folder.name]
    shutil.copyfile(results.folder / "figures" / f"{figure}.png", folder / f"{figure}.png")


def folder_of(study: str) -> Path:
    """Return where the page of a study is."""
    return HERE / FOLDERS[study]


def stored(study: str) -> Tables:
    """Read the tables that are kept of a study."""
    return {name: pd.read_csv(folder_of(study) / f"{name}.tsv", sep="\t") for name in STORED[study]}


def page_tables(study: str) -> dict[str, str]:
    """Return the tables of a page in Markdown, by name."""
    tables = stored(study)
    return {name: made(tables) for name, made in PAGES[study].items()}


# --- the tables of the pages -----------------------------------------------------------------------------------------


def found(tables: Tables) -> str:
    """Return per method what it reaches on the planted cohort, and the mean without a signal."""
    planted = planted_rows(tables).set_index(["approach", "variant", "phase"])
    means = tables["replicates"]
    means = means[means["control"].eq("mean") & means["metric"].eq("auc")]
    means = means[means["cohort_group"].str.startswith("no-signal")]
    lines = [
        [
            phase_name(row),
            auc_of(planted.loc[(row["approach"], row["variant"], row["phase"])]),
            f"{row['n']}",
            *mean_of(row),
        ]
        for _, row in means.iterrows()
    ]
    head = ["method", "planted: AUC (95 %)", "cohorts without a signal", *MEAN]
    return markdown(head, lines)


def planted_rows(tables: Tables) -> pd.DataFrame:
    """Return the scores of test patients of the planted cohort."""
    rows = tables["comparison"]
    return rows[rows["cohort"].eq("planted") & rows["part"].eq("test") & rows["unit"].eq("patient")]


MEAN = ["mean AUC (95 %)", "90 % interval", "verdict"]


def mean_of(row: pd.Series) -> list[str]:
    """Return a mean with its intervals and verdict, as for `MEAN`."""
    ninety = f"{row['equivalence_low']:.3f} to {row['equivalence_high']:.3f}"
    return [interval(row["mean"], row["low"], row["high"], digits=3), ninety, row["verdict"]]


def of_copies(tables: Tables) -> str:
    """Return what each method finds on copies with other labels."""
    lines = []
    for _, row in tables["copies"].iterrows():
        permuted = row["labels"] == PERMUTATIONS
        labels = "permuted" if permuted else f"drawn, AUC {row['oracle_auc']:.2f}"
        share = "" if permuted else f"{row['detected']:.0f} of {row['n']:.0f}"
        mean, ninety, verdict = mean_of(row)
        lines.append(
            [phase_name(row), labels, f"{row['n']:.0f}", mean, *([ninety, verdict] if permuted else ["", ""]), share]
        )
    return markdown(["method", "labels", "copies", *MEAN, "detected"], lines)


def of_splits(tables: Tables) -> str:
    """Return what splitting slices freely gives on labels that say nothing."""
    rows = tables["leakage"]
    rows = rows[rows["unit"].eq("slice") & rows["part"].eq("test")]
    lines = [
        [f"by {row['split']}", f"{row['n_cohorts']:.0f}", interval(row["auc"], row["auc_low"], row["auc_high"])]
        for _, row in rows.iterrows()
    ]
    return markdown(["split", "cohorts", "AUC of slices (95 %)"], lines)


def of_labels(tables: Tables) -> str:
    """Return the mean of each variant and the differences between variants."""
    means = tables["replicates"]
    lines = [
        [variant_or_difference(row), f"{row['n']}", interval(row["mean"], row["low"], row["high"], digits=3)]
        for _, row in means[means["metric"].eq("auc")].iterrows()
    ]
    return markdown(["variant", "cohorts", "mean AUC or difference (95 %)"], lines)


def variant_or_difference(row: pd.Series) -> str:
    """Name a variant, or two of which one is subtracted."""
    return row["variant"] if pd.isna(row["contrast"]) else f"{row['variant']} minus {row['contrast']}"


def of_sites(tables: Tables, group: str) -> str:
    """Return the means over the cohorts of two hospitals: over all pairs, within sites, and with a site left out."""
    means = tables["replicates"]
    means = means[means["cohort_group"].eq(group) & means["low"].notna()]
    views = [means[means["protocol"].eq(protocol) & means["metric"].eq(metric)] for protocol, metric in VIEWS]
    by_method = [{method_name(row): mean_and_verdict(row) for _, row in view.iterrows()} for view in views]
    lines = [[code(name), *(view.get(name, "") for view in by_method)] for name in by_method[0]]
    return markdown(["method", *VIEWS.values()], lines)


VIEWS = {
    ("harmonised", "auc"): "mean AUC (95 %)",
    ("harmonised", "auc_within_site"): "mean AUC within sites",
    ("leave-one-site-out", "auc"): "mean AUC, a site left out",
}


def mean_and_verdict(row: pd.Series) -> str:
    """Return a mean with its interval, and the verdict."""
    mean, _, verdict = mean_of(row)
    return f"{mean}: {verdict}"


def of_visible(tables: Tables) -> str:
    """Return what each method reaches on each visible label and on the own ones; an asterisk: not seen."""
    table = tables["visible"]
    labels = list(dict.fromkeys(table.sort_values("place")["labels"]))
    lines = []
    for name, rows in table.groupby(table.apply(method_name, axis=1), sort=False):
        by_label = rows.set_index("labels")
        lines.append(
            [code(name), *(f"{auc_of(by_label.loc[label])}{not_seen(by_label.loc[label])}" for label in labels)]
        )
    return markdown(["method", *("own (random)" if label == "own" else label for label in labels)], lines)


def not_seen(row: pd.Series) -> str:
    """Return the mark of a label that is not seen."""
    return "" if row["verdict"] == "seen" else r" \*"


def of_planted(tables: Tables) -> str:
    """Return what each method reaches on a planted signal, and on permuted labels of the same patients."""
    copies = tables["copies"]
    copies = copies[copies["labels"].eq(PERMUTATIONS)]
    null = {method_name(row): [f"{row['n']:.0f}", *mean_of(row)] for _, row in copies.iterrows()}
    lines = [
        [code(method_name(row)), auc_of(row), *null.get(method_name(row), [""] * 4)]
        for _, row in planted_rows(tables).iterrows()
    ]
    return markdown(["method", "planted: AUC (95 %)", "permutations", *MEAN], lines)


def phase_name(row: pd.Series) -> str:
    """Name a method, and its phase unless that is the only one."""
    return code(method_name(row)) + ("" if row["phase"] == "final" else f", {row['phase']}")


def code(name: str) -> str:
    """Return the name of a method with its approach as code."""
    approach, _, rest = name.partition(" ")
    return f"`{approach}` {rest}"


def auc_of(row: pd.Series) -> str:
    """Return an AUC with its interval."""
    return interval(row["auc"], row["auc_low"], row["auc_high"])


PAGES: dict[str, dict[str, Callable[[Tables], str]]] = {
    "controls": {"found": found, "copies": of_copies, "leak": of_splits},
    "controls-labels": {"labels": of_labels},
    "controls-sites": {
        "images": lambda tables: of_sites(tables, "images"),
        "headers": lambda tables: of_sites(tables, "headers"),
    },
    "controls-visible": {"visible": of_visible, "planted": of_planted},
}

if __name__ == "__main__":
    main()
