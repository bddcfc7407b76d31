"""Write the findings from the results of their studies, aggregates, tables and figure: `make findings`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from statsmodels.stats.multitest import multipletests

import gliobench
from gliobench.evaluation.calibration import calibration
from gliobench.figures.style import BLUE, GREY, INK, new_figure, save_figure, styled
from gliobench.files import read_table, write_text
from gliobench.marked import fill, markdown
from gliobench.results import Results
from gliobench.wording import DASH, interval

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAGE = HERE.parent / "findings.md"
FIGURE = HERE.parent / "images" / "findings"
STUDIES = {"upenn": "findings-upenn", "ucsf": "findings-ucsf", "external": "findings-external"}
LEAK = {"progression": "brain-tumor-progression"}
STORED = {  # by study the tables that the page is made from; none has a row per patient
    "upenn": ["comparison", "copies"],
    "ucsf": ["comparison", "copies", "pairwise"],
    "external": ["comparison", "subgroups"],
    "progression": ["leakage"],
}
PRIMARY = ("tabular", "main", "radiomics")
EVERYBODY = {"upenn": "upenn-any-idh", "ucsf": "ucsf-all"}  # the cohort that leaves nobody out but for the label
TENTHS = 10
LEARNERS = {"main": "logistic regression", "forest": "random forest", "svm": "SVM"}
BASELINES = {"site": "scanner's model alone", "id_order": "order of ids alone", "prior": "nothing"}
GROUPS = {
    "radiomics": "radiomics",
    "acquisition": "acquisition facts",
    "scanner": "manufacturer and model",
    "clinical": "age, sex",
    "all": "all of them",
}
COHORTS = {
    "upenn": "UPENN-GBM",
    "upenn-any-idh": "UPENN-GBM, any IDH",
    "ucsf": "UCSF-PDGM",
    "ucsf-status": "UCSF-PDGM, status as given",
    "ucsf-without-1": "UCSF-PDGM, without index 1",
    "ucsf-not-biopsied": "UCSF-PDGM, not biopsied before",
    "ucsf-all": "UCSF-PDGM, any IDH and grade",
    "idh": "UCSF-PDGM, IDH",
}
Tables = dict[str, dict[str, pd.DataFrame]]


def main() -> None:
    """Keep the aggregates of the studies, then write the page and the figure from them."""
    for name, study in {**STUDIES, **LEAK}.items():
        keep(gliobench.load(ROOT / "results" / study), HERE / name)
    tables = stored()
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), page_tables(tables)), encoding="utf-8")
    save_figure(forest(tables), FIGURE)
    FIGURE.with_suffix(".pdf").unlink()


# --- what is kept of a study -----------------------------------------------------------------------------------------


def keep(results: Results, folder: Path) -> None:
    """Copy the tables of a study that hold no row per patient, and count what the others hold."""
    folder.mkdir(exist_ok=True)
    for name in STORED[folder.name]:
        _write(results.table(name), folder / f"{name}.tsv")
    if folder.name in EVERYBODY:
        _write(flow(results), folder / "flow.tsv")
        _write(labels_by_id(results, EVERYBODY[folder.name]), folder / "labels_by_id.tsv")
    if folder.name == "external":
        _write(recalibration(results), folder / "calibration.tsv")


def _write(table: pd.DataFrame, path: Path) -> None:
    write_text(table.to_csv(sep="\t", index=False, lineterminator="\n"), path)


def left_out(results: Results, cohort: str) -> pd.DataFrame:
    """Read the scans of a collection that are left out, in order of the steps."""
    return read_table(results.folder / cohort / "left_out.tsv", "left_out")


def flow(results: Results) -> pd.DataFrame:
    """Count the scans of each cohort: found, left out by step and reason, remaining, and with label 1."""
    columns, tables = ["cohort", "step", "reason", "scans"], []
    for cohort in [name for name in results.cohorts if (results.folder / name / "left_out.tsv").is_file()]:
        out, patients = left_out(results, cohort), results.patients(cohort)
        steps = out.groupby(["step", "reason"], sort=False).size().rename("scans").reset_index()
        found = pd.DataFrame([("found", "", len(out) + len(patients))], columns=columns[1:])
        ends = [("remain", "", len(patients)), ("label 1", "", int(patients["label"].sum()))]
        table = pd.concat([found, steps, pd.DataFrame(ends, columns=columns[1:])])
        tables.append(table.assign(cohort=cohort)[columns])
    return pd.concat(tables, ignore_index=True)


def labels_by_id(results: Results, cohort: str) -> pd.DataFrame:
    """Count the known labels by tenth of the patients' ids."""
    out, patients = left_out(results, cohort), results.patients(cohort)
    unlabelled = out[~out["step"].eq("before surgery")]
    label = pd.concat([patients.set_index("patient_id")["label"], pd.Series(np.nan, unlabelled["patient_id"])])
    tenth = np.arange(len(label)) * TENTHS // len(label) + 1
    counts = label.sort_index().groupby(tenth).agg(patients="size", labelled="count", positive="sum")
    return counts.astype(int).rename_axis("tenth").reset_index().assign(cohort=cohort)


def recalibration(results: Results) -> pd.DataFrame:
    """Return calibration slope and intercept at each hospital, of models trained at the other."""
    rows = results.predictions("both")
    rows = rows[rows["protocol"].eq("leave-one-site-out") & rows["part"].eq("test")]
    sites = results.patients("both").set_index("patient_id")["site"]
    groups = rows.groupby(["variant", rows["patient_id"].map(sites)], sort=False)
    return pd.DataFrame([{"variant": name[0], "site": name[1], **calibration(some)[0]} for name, some in groups])


def stored() -> Tables:
    """Read the tables that are kept, by study and name."""
    return {
        folder.name: {
            path.stem: pd.read_csv(path, sep="\t", keep_default_na=False, na_values=[""])
            for path in folder.glob("*.tsv")
        }
        for folder in sorted(HERE.iterdir())
        if folder.is_dir()
    }


# --- the page's tables -----------------------------------------------------------------------------------------------


def page_tables(tables: Tables) -> dict[str, str]:
    """Return the Markdown of each table of the page."""
    return {
        "flow": flow_table(tables),
        "labels": labels_table(tables),
        "upenn": methods_table(tables["upenn"], "upenn"),
        "ucsf": methods_table(tables["ucsf"], "ucsf"),
        "definitions": definitions_table(tables),
        "external": external_table(tables["external"]),
        "idh": idh_table(tables["ucsf"]),
        "selection": selection_table(tables),
        "spiked": spiked_table(tables),
        "leak": leak_table(tables["progression"]["leakage"]),
    }


def tested(comparison: pd.DataFrame) -> pd.DataFrame:
    """Choose the rows of test patients under the harmonised protocol."""
    return comparison[comparison["protocol"].eq("harmonised") & comparison["part"].eq("test")]


def name_of(row: pd.Series) -> tuple[str, str]:
    """Return what a method is given, and what learns from it."""
    if row["approach"] == "baseline":
        return BASELINES[row["variant"]], "baseline"
    return GROUPS[row["modality"]], LEARNERS[row["variant"]]


def methods_of(study: dict[str, pd.DataFrame], cohort: str) -> pd.DataFrame:
    """Return the rows of a cohort without the selecting variants, the primary first, with Holm's p of the others."""
    rows = tested(study["comparison"])
    rows = rows[rows["cohort"].eq(cohort) & ~rows["variant"].str.startswith("selected") & ~rows["variant"].eq("prior")]
    order = (
        rows["modality"]
        .map({name: place for place, name in enumerate(GROUPS)})
        .where(rows["approach"].eq("tabular"), 9)
    )
    rows = rows.loc[order.sort_values(kind="stable").index]
    others = rows["p_chance"].notna() & ~is_primary(rows)
    rows["p_holm"] = pd.Series(multipletests(rows.loc[others, "p_chance"], method="holm")[1], rows.index[others])
    return rows


def is_primary(rows: pd.DataFrame) -> pd.Series:
    """Say which rows are the primary analysis."""
    return rows[["approach", "variant", "modality"]].eq(list(PRIMARY)).all(axis=1)


def methods_table(study: dict[str, pd.DataFrame], cohort: str) -> str:
    """Return one row per method: AUC, p, Holm's p, AUC and p within scanners, and what is excluded."""
    rows = methods_of(study, cohort)
    within = rows["auc_within_site"].notna().any()
    names = ["given", "learner", "AUC (95 %)", "p", "p, Holm"]
    names += ["AUC within scanners", "p within scanners"] if within else []
    lines = []
    for primary, (_, row) in zip(is_primary(rows), rows.iterrows(), strict=True):
        given, learner = name_of(row)
        line = [f"**{given}**" if primary else given, f"**{learner}, primary**" if primary else learner]
        line += [auc_of(row), p_of(row["p_chance"]), "not needed" if primary else p_of(row["p_holm"])]
        if within:
            ends = (f"auc_within_site{end}" for end in ("", "_low", "_high"))
            line += [interval(*(row[end] for end in ends)), p_of(row["p_chance_within_site"])]
        lines.append([*line, f"{row['auc_high']:.2f}" if pd.notna(row["auc_high"]) else DASH])
    return markdown([*names, "excluded above"], lines)


def auc_of(row: pd.Series) -> str:
    """Format an AUC with its interval."""
    return interval(row["auc"], row["auc_low"], row["auc_high"])


def p_of(value: float) -> str:
    """Format a p."""
    return DASH if pd.isna(value) else f"{value:.3f}"


def flow_table(tables: Tables) -> str:
    """Return the scans of the two main cohorts, step by step."""
    rows = pd.concat([tables["upenn"]["flow"], tables["ucsf"]["flow"]])
    rows = rows[rows["cohort"].isin(["upenn", "ucsf"])]
    words = {"found": "scans in the collection", "remain": "**remain**", "label 1": "of these methylated"}
    lines = [
        [COHORTS[row["cohort"]], words.get(row["step"], f"left out: {row['reason']}"), f"{row['scans']}"]
        for _, row in rows.iterrows()
    ]
    return markdown(["cohort", "step", "scans"], lines)


def labels_table(tables: Tables) -> str:
    """Return the share of known labels by tenth of the ids."""
    lines = []
    for name in ("upenn", "ucsf"):
        rows = tables[name]["labels_by_id"]
        lines.append(
            [COHORTS[name], *(f"{share:.0%}".replace("%", " %") for share in rows["labelled"] / rows["patients"])]
        )
    return markdown(["labels known in tenth of ids", *(str(tenth + 1) for tenth in range(TENTHS))], lines)


def definitions_table(tables: Tables) -> str:
    """Return the logistic regression under other definitions of the label and of who stays."""
    rows = pd.concat([tested(tables[name]["comparison"]) for name in ("upenn", "ucsf")])
    rows = rows[rows["approach"].eq("tabular") & rows["variant"].eq("main") & ~rows["cohort"].eq("idh")]
    groups = ("radiomics", "clinical")
    lines = []
    for cohort, some in rows.groupby("cohort", sort=False):
        of = {row["modality"]: row for _, row in some.iterrows()}
        first = of[groups[0]]
        lines.append([COHORTS[str(cohort)], f"{first['n_patients']:.0f} ({first['n_positive']:.0f})"])
        lines[-1] += [auc_of(of[group]) for group in groups]
    return markdown(["cohort", "n (methylated)", *(f"{GROUPS[group]}: AUC (95 %)" for group in groups)], lines)


def external_table(study: dict[str, pd.DataFrame]) -> str:
    """Return age and sex across the collections: mixed folds, and trained at one and tested at the other."""
    lines = []
    for _, row in tested(study["comparison"]).iterrows():
        within = interval(*(row[f"auc_within_site{end}"] for end in ("", "_low", "_high")))
        numbers = [f"{row['n_patients']:.0f}", auc_of(row)]
        lines.append(["both, mixed folds", "both", LEARNERS[row["variant"]], *numbers, "", ""])
        lines.append(["both, mixed folds", "both, pairs of one hospital", LEARNERS[row["variant"]], "", within, "", ""])
    names = {"upenn": "UPENN-GBM", "ucsf": "UCSF-PDGM"}
    fits = study["calibration"].set_index(["variant", "site"])
    rows = study["subgroups"]
    for _, row in rows[rows["protocol"].eq("leave-one-site-out") & rows["column"].eq("site")].iterrows():
        fit = fits.loc[(row["variant"], row["value"])]
        other = next(name for site, name in names.items() if site != row["value"])
        numbers = [f"{row['n_patients']:.0f}", auc_of(row)]
        ranks = row["variant"] == "svm"  # its probabilities are ranks
        numbers += [DASH if ranks else f"{fit[f'calibration_{name}']:.2f}" for name in ("slope", "intercept")]
        lines.append([other, names[row["value"]], LEARNERS[row["variant"]], *numbers])
    columns = ["trained at", "tested at", "learner", "n", "AUC (95 %)", "calibration slope", "intercept"]
    return markdown(columns, lines)


def idh_table(study: dict[str, pd.DataFrame]) -> str:
    """Return IDH mutation from age, sex and grade, from radiomics, and from all, and what they add to the first."""
    rows = tested(study["comparison"])
    rows = rows[rows["cohort"].eq("idh")]
    names = {"clinical": "age, sex, grade", "radiomics": "radiomics", "all": "all of them"}
    lines = []
    for _, row in rows.iterrows():
        n = f"{row['n_patients']:.0f} ({row['n_positive']:.0f})"
        lines.append([names[row["modality"]], n, auc_of(row), more_than_clinical(study["pairwise"], row["modality"])])
    return markdown(["given", "n (mutated)", "AUC (95 %)", "minus that of age, sex, grade (95 %)"], lines)


def more_than_clinical(pairwise: pd.DataFrame, modality: str) -> str:
    """Format the paired difference of an AUC of IDH from that of age, sex and grade."""
    rows = pairwise[pairwise["cohort"].eq("idh") & pairwise["first_modality"].eq("clinical")]
    rows = rows[rows["second_modality"].eq(modality)]
    return "" if rows.empty else interval(*(-rows.iloc[0][name] for name in ("difference", "high", "low")))


def selection_table(tables: Tables) -> str:
    """Return what choosing features before the folds does, with true and with permuted labels."""
    lines = []
    for name in ("upenn", "ucsf"):
        rows = tested(tables[name]["comparison"])
        copies = tables[name]["copies"]
        for variant, words in {
            "selected": "inside the folds",
            "selected_on_all": "on all patients, before the folds",
        }.items():
            row = rows[rows["cohort"].eq(name) & rows["variant"].eq(variant)].iloc[0]
            null = copies[
                copies["cohort"].eq(name) & copies["variant"].eq(variant) & copies["labels"].eq("permutations")
            ].iloc[0]
            permuted = interval(null["mean"], null["low"], null["high"])
            lines.append([COHORTS[name], words, auc_of(row), permuted, f"{null['n']:.0f}"])
    return markdown(
        ["cohort", "features chosen", "true labels: AUC (95 %)", "permuted labels: mean AUC (95 %)", "permutations"],
        lines,
    )


def spiked_table(tables: Tables) -> str:
    """Return how often a signal of known strength is detected by the primary analysis."""
    lines = []
    for name in ("upenn", "ucsf"):
        rows = tables[name]["copies"]
        for _, row in rows[rows["oracle_auc"].notna()].iterrows():
            share = interval(row["share"], row["share_low"], row["share_high"])
            lines.append(
                [COHORTS[name], f"{row['oracle_auc']:.2f}", interval(row["mean"], row["low"], row["high"]), share]
            )
    return markdown(["cohort", "AUC of the quantity", "mean AUC reached (95 %)", "share detected (95 %)"], lines)


def leak_table(leakage: pd.DataFrame) -> str:
    """Return slices of real images with arbitrary labels, by how they are split."""
    rows = leakage[leakage["labels"].eq("permutations") & leakage["part"].eq("test") & leakage["unit"].eq("slice")]
    words = {"slice": "slices split freely", "date": "first date trains, second tests", "patient": "patients split"}
    lines = [
        [
            words[row["split"]],
            f"{row['n_cohorts']:.0f}",
            auc_of(row),
            interval(row["accuracy"], row["accuracy_low"], row["accuracy_high"]),
        ]
        for _, row in rows.iterrows()
    ]
    return markdown(["split", "draws of labels", "AUC of slices (95 %)", "accuracy of slices (95 %)"], lines)


# --- the figure ------------------------------------------------------------------------------------------------------


def points(tables: Tables) -> Iterator[tuple[str, list[tuple[str, pd.Series, bool]]]]:
    """Yield the blocks of the figure: a title, and for each line its name, its row and whether it is primary."""
    for name in ("upenn", "ucsf"):
        rows = methods_of(tables[name], name)
        n, positive = rows.iloc[0][["n_patients", "n_positive"]]
        lines = [
            (" · ".join(name_of(row)), row, bool(primary))
            for primary, (_, row) in zip(is_primary(rows), rows.iterrows(), strict=True)
        ]
        yield f"{COHORTS[name]}: {n:.0f} patients, {positive:.0f} methylated", lines
    rows = tables["external"]["subgroups"]
    rows = rows[rows["protocol"].eq("leave-one-site-out") & rows["column"].eq("site")]
    lines = [
        (f"age, sex · {LEARNERS[row['variant']]} · tested at {row['value'].upper()}", row, False)
        for _, row in rows.iterrows()
    ]
    yield "Trained at one, tested at the other", lines


@styled
def forest(tables: Tables) -> Figure:
    """Draw every method's AUC with its interval; the primary analyses in colour."""
    blocks = list(points(tables))
    heights = [0.7 + 0.2 * len(lines) for _, lines in blocks]
    figure = new_figure(7.6, sum(heights) + 0.2)
    panels: Sequence[Axes] = figure.subplots(len(blocks), 1, sharex=True, height_ratios=heights)
    for axes, (title, lines) in zip(panels, blocks, strict=True):
        axes.set_title(title)
        axes.set_yticks(range(len(lines)), [name for name, _, _ in lines])
        axes.set(ylim=(len(lines) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.axvline(0.5, color=INK, lw=0.9, ls=":")
        for place, (_, row, primary) in enumerate(lines):
            colour = BLUE if primary else GREY
            axes.plot([row["auc_low"], row["auc_high"]], [place, place], color=colour, lw=2.2 if primary else 1.4)
            axes.plot(row["auc"], place, "o", ms=6 if primary else 4, color=colour)
            axes.annotate(
                auc_of(row), (1, place), xycoords=("axes fraction", "data"), xytext=(6, 0), textcoords="offset points",
                va="center", fontsize=7.5, color=INK,
            )  # fmt: skip
    panels[-1].set(
        xlim=(0.3, 0.8), xlabel="AUC for MGMT methylation with its 95 % interval; the primary analyses in blue"
    )
    return figure


if __name__ == "__main__":
    main()
