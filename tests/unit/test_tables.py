"""Tables: nothing is dropped, published figures stand only where they may, every format opens and says the same."""

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cell_files import make_cell, make_series
from gliobench.errors import GlioBenchError
from gliobench.evaluation.cells import as_metrics, score_cell
from gliobench.evaluation.cohort_tables import cohort_summary, exclusions
from gliobench.evaluation.comparison import comparison_table
from gliobench.files import check_table, read_table, table_schema
from gliobench.reporting.layouts import SHOW, show_comparison, show_pairwise, show_variance
from gliobench.reporting.tables import to_latex, to_markdown, write_formats
from gliobench.reporting.terminal import print_table
from gliobench.wording import interval

PUBLISHED = Path(__file__).parents[2] / "config" / "published.tsv"


def cell(cohort, variant="main", protocol="harmonised"):
    return {
        "cohort": cohort,
        "approach": "cnn3d",
        "variant": variant,
        "modality": "FLAIR",
        "protocol": protocol,
        "weights": "none",
    }


def metrics_of(*cells, **settings):
    tables = [
        score_cell(
            *make_cell(one["cohort"], one["variant"], one["protocol"], **settings)[:2], base_seed=1, resamples=50
        )
        for one in cells
    ]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def published():
    return read_table(PUBLISHED, "published")


@pytest.fixture(scope="module")
def comparison(published):
    cells = [cell("rsna", protocol="published"), cell("planted"), cell("planted", "as_coded"), cell("planted", "deep")]
    metrics = pd.concat([metrics_of(*cells[:2]), metrics_of(cells[2], bad=(0, 1, 2))])
    return comparison_table(metrics, cells, published, {"rsna": "rsna", "planted": "synthetic"})


def row_of(table, cohort, variant="main", part="test"):
    return table[(table["cohort"] == cohort) & (table["variant"] == variant) & (table["part"] == part)].iloc[0]


def test_published_figures_of_cnn3d_are_those_of_the_paper(published):
    main = published[(published["approach"] == "cnn3d") & (published["variant"] == "main")]
    figures = main.set_index(["part", "metric"])
    assert figures["value"].to_dict() == {
        ("validation", "accuracy"): 0.621,
        ("validation", "auc"): 0.604,
        ("test", "accuracy"): 0.535,
        ("test", "auc"): 0.525,
    }
    assert figures.loc[("test", "auc"), ["selected_on", "n", "n_positive"]].tolist() == ["no", 59, 31]
    assert set(figures.loc["validation", "selected_on"]) == {"yes"}
    assert figures.loc["test", "note"].str.contains("swapped").all()


def test_the_losses_and_the_class_rows_of_the_papers_are_there(published):
    losses = published[published["metric"] == "loss"].set_index(["variant", "part", "epoch"])["value"]
    assert losses.dropna().to_dict() == {
        ("main", "validation", "lowest"): 0.5431,
        ("main", "train", "best"): 0.36,
        ("main", "train", "lowest"): 0.21,
        ("lr_1e-3", "validation", "lowest"): 0.6672,
        ("lr_1e-4", "validation", "lowest"): 0.7609,
        ("lr_1e-4", "validation", "first"): 1.5,
    }
    assert losses.index[losses.isna()].tolist() == [("lr_1e-2", "validation", "lowest")]
    for variant in ("main", "double_rescale"):
        fig_7 = published[published["source"].str.contains("Fig. 7") & published["variant"].eq(variant)]
        assert set(zip(fig_7["n"], fig_7["n_positive"], strict=True)) == {(53, 26)}
        rows = fig_7[fig_7["averaging"].notna()].groupby("averaging")["value"].agg(list).to_dict()
        assert rows == {
            "macro": [0.71, 0.70, 0.69],
            "positive class": [0.75, 0.58, 0.65],
            "negative class": [0.67, 0.81, 0.73],
        }


def test_a_printed_value_has_no_more_digits_than_its_decimals(published):
    printed = published.dropna(subset="value")
    assert [round(value, places) for value, places in zip(printed["value"], printed["decimals"], strict=True)] == (
        printed["value"].tolist()
    )


def test_of_two_figures_in_one_place_the_first_stands_beside_the_row_and_classes_do_not_mix(published):
    cells = [cell("rsna", protocol="published") | {"approach": "efficientnet", "modality": "T1w"}]
    metrics = metrics_of(cell("rsna", protocol="published")).assign(
        approach="efficientnet", modality="T1w", phase="finetuned"
    )
    row = row_of(comparison_table(metrics, cells, published, {"rsna": "rsna"}), "rsna")
    assert row[["published_accuracy", "published_precision", "published_recall"]].tolist() == [0.70, 0.75, 0.58]
    assert row["published_source"].count("n = 53") == 2
    assert "Table II;" not in row["published_source"]


def test_published_rows_are_unique(published):
    key = ["approach", "variant", "modality", "protocol", "phase", "part", "cohort_kind", "epoch", "subgroup"]
    key += ["metric", "averaging", "source"]
    assert not published.duplicated(key).any()


def test_published_figures_stand_beside_the_papers_own_cohort(comparison):
    row = row_of(comparison, "rsna")
    assert (row["published_accuracy"], row["published_auc"]) == (0.535, 0.525)
    assert "sec. III" in row["published_source"]
    assert "n = 59" in row["published_source"]
    assert row["published_status"] == "published"


def test_a_generated_cohort_has_no_published_figures_and_says_why(comparison):
    generated = comparison[comparison["cohort"] == "planted"]
    assert (
        generated[["published_accuracy", "published_auc", "published_precision", "published_recall"]]
        .isna()
        .all(axis=None)
    )
    assert set(generated["published_source"]) == {"not comparable: generated cohort"}
    assert set(generated["published_status"]) == {"not comparable"}


def test_the_harmonised_protocol_is_not_the_papers(published):
    cells = [cell("rsna")]
    table = comparison_table(metrics_of(*cells), cells, published, {"rsna": "rsna"})
    assert table["published_auc"].isna().all()
    assert set(table["published_source"]) == {"no published figure for this row"}
    assert table["published_status"].isna().all()


def test_a_figure_from_another_kind_of_cohort_is_not_compared(published):
    cells = [cell("stem", protocol="published")]
    table = comparison_table(metrics_of(*cells), cells, published, {"stem": "brainstem"})
    assert set(table["published_source"]) == {"not comparable: the paper's cohort is rsna"}
    assert set(table["published_status"]) == {"not comparable"}


def test_cells_without_scores_are_rows_in_the_order_of_the_grid(comparison):
    names = list(dict.fromkeys(zip(comparison["cohort"], comparison["variant"], strict=True)))
    assert names == [("rsna", "main"), ("planted", "main"), ("planted", "as_coded"), ("planted", "deep")]
    by_variant = comparison[comparison["cohort"] == "planted"].groupby("variant")["status"].first()
    assert by_variant.to_dict() == {"main": "ok", "as_coded": "diverged", "deep": "missing"}


def test_scores_of_a_cell_outside_the_study_are_an_error(published):
    with pytest.raises(GlioBenchError, match="planted / cnn3d / as_coded / FLAIR / harmonised, which is not a cell"):
        comparison_table(
            metrics_of(cell("planted", "as_coded")), [cell("planted")], published, {"planted": "synthetic"}
        )


def test_the_table_comes_back_from_its_tsv_as_it_was(comparison, tmp_path):
    write_formats(comparison, tmp_path / "comparison")
    back = read_table(tmp_path / "comparison.tsv", "comparison")
    pd.testing.assert_frame_equal(back, comparison, check_dtype=False)
    assert not re.search(r"\d\.\d{7}", (tmp_path / "comparison.tsv").read_text())


def test_writing_twice_gives_the_same_bytes(comparison, tmp_path):
    for name in ("first", "again"):
        (tmp_path / name).mkdir()
        write_formats(comparison, tmp_path / name / "comparison")
    for path in sorted((tmp_path / "first").iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (0.7123, 0.5512, 0.8398, "0.71 (0.55\N{EN DASH}0.84)"),
        (0.2, -0.1, 0.5, "0.20 (-0.10 to 0.50)"),
        (0.5, np.nan, np.nan, "0.50"),
        (np.nan, np.nan, np.nan, "\N{EN DASH}"),
    ],
)
def test_a_value_and_its_interval_stand_in_one_cell(value, low, high, text):
    assert interval(value, low, high) == text


def test_markdown_has_a_line_a_row(comparison):
    lines = [line for line in to_markdown(show_comparison(comparison)).splitlines() if line.startswith("|")]
    assert len(lines) == len(comparison) + 2
    assert len({line.count("|") for line in lines}) == 1


def test_latex_is_balanced_and_escaped(comparison):
    text = to_latex(show_comparison(comparison))
    assert sorted(re.findall(r"\\begin\{(\w+)\}", text)) == sorted(re.findall(r"\\end\{(\w+)\}", text))
    blocks = [part.split(r"\bottomrule")[0].splitlines() for part in text.split(r"\midrule")[1:]]
    rows = [[line for line in block if line.endswith(r"\\")] for block in blocks]
    assert [len(block) for block in rows] == [len(comparison)] * 3  # its columns stand in three blocks
    assert all(len({line.count(" & ") for line in block}) == 1 for block in rows)
    assert all(block[0].startswith("rsna & cnn3d & main") for block in rows)
    assert r"as\_coded" in text
    assert r"95 \% intervals" in text


def test_a_long_latex_table_becomes_pages_of_one_number_that_hold_every_row_once(comparison):
    long = pd.concat([comparison] * 40, ignore_index=True)
    long = long.assign(modality=[f"row-{number}." for number in range(len(long))])
    pages = to_latex(show_comparison(long)).split(r"\end{sidewaystable}")[:-1]
    found = [re.findall(r"row-(\d+)\.", page) for page in pages]
    assert max(map(len, found)) <= 30, "rows of three blocks"
    assert [number for page in found for number in page[: len(page) // 3]] == [str(n) for n in range(len(long))]
    assert ["addtocounter" in page for page in pages] == [False] + [True] * (len(pages) - 1)
    assert sum(page.count("(continued)") for page in pages) == len(pages) - 1


def test_no_character_of_a_note_is_a_command_of_latex(comparison):
    reason = r"loss {x}^2 ~ C:\tmp & $1 #2 a_b 5 %"
    text = to_latex(replace(show_comparison(comparison), notes=(reason,)))
    escaped = r"loss \{x\}\textasciicircum{}2 \textasciitilde{} C:\textbackslash{}tmp \& \$1 \#2 a\_b 5 \%"
    assert rf"\par\scriptsize {escaped}" in text


class Counter(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)


def test_html_has_a_row_a_row(comparison, tmp_path):
    write_formats(comparison, tmp_path / "comparison")
    counter = Counter()
    counter.feed((tmp_path / "comparison.html").read_text())
    assert counter.tags.count("tr") == len(comparison) + 1


def test_every_reason_stands_below_the_table(comparison):
    notes = "\n".join(show_comparison(comparison).notes)
    assert "planted cnn3d as_coded FLAIR harmonised: 3 of 3 folds diverged" in notes
    assert "planted cnn3d deep FLAIR harmonised: this cell has not been scored" in notes
    assert "rsna cnn3d main FLAIR published, test: published by Bui and Fleming" in notes


def study_like_the_demo():
    """A comparison of 40 rows: two cohorts, five approaches, phases, and slices beside patients."""
    methods = [
        ("cnn3d", ["main", "as_coded"], ["FLAIR"], ["final"], ["patient"]),
        ("efficientnet", ["main"], ["FLAIR", "T2w"], ["transfer", "finetuned"], ["patient", "slice"]),
        ("resnet18", ["slice_split", "patient_split"], ["all"], ["final"], ["patient", "slice"]),
        ("densenet121", ["main", "stop_on_left_out"], ["all"], ["final"], ["patient"]),
    ]
    rows = [
        {"cohort": cohort, "approach": approach, "variant": variant, "modality": modality, "weights": "none",
         "protocol": "published-holdout", "phase": phase, "part": part, "unit": unit, "n_patients": 40,
         "n_positive": 20, "auc": 0.71, "auc_low": 0.55, "auc_high": 0.84, "accuracy": 0.65, "status": "ok"}
        for cohort in ("planted-brainstem", "no-signal")
        for approach, variants, modalities, phases, units in methods
        for variant in variants
        for modality in modalities
        for phase in phases
        for part in ("test", "validation")
        for unit in units
    ]  # fmt: skip
    rows[3] |= {"status": "diverged", "reason": "1 of 5 folds diverged: the loss is no number"}
    table = pd.DataFrame(rows, columns=list(table_schema("comparison")["properties"]))
    return check_table(table, "comparison", "the test")


def test_the_printed_table_shows_every_row_of_a_demo_below_its_cohort_and_approach():
    table = study_like_the_demo()
    assert len(table) >= 40
    head, rule, *lines = print_table(table).split(show_comparison(table).caption)[0].splitlines()
    columns = ["Variant", "Modality", "Protocol", "Phase", "Part", "Unit", "n", "AUC", "Acc.", "Status"]
    assert head.split() == columns
    assert len(head) <= len(rule) <= 120
    rows = [line for line in lines if line.startswith("  ")]
    assert len(rows) == len(table)
    assert [line.split()[-1] for line in rows] == table["status"].tolist()
    headings = [line for line in lines if line and not line.startswith("  ")]
    assert headings[:2] == ["planted-brainstem  cnn3d", "planted-brainstem  efficientnet"]
    assert len(headings) == 2 * 4
    assert "published-holdout" in rows[0]
    assert all(rows[0][head.index(name)] != " " for name in ("Variant", "Modality", "Protocol", "Part", "AUC"))
    assert rows[1].split()[0] == "validation"  # the cell's names stand once


def test_the_printed_table_has_no_empty_columns(comparison):
    head = print_table(comparison).splitlines()[0].split()
    assert "Unit" not in head
    assert "Phase" not in head


def test_the_printed_table_gives_reasons_for_the_scores_that_it_shows(comparison):
    row = comparison.assign(status="ok", reason="mcc is empty: all alike")
    assert "mcc is empty" not in " ".join(print_table(row.assign(auc=0.6)).split())
    assert "mcc is empty" in " ".join(print_table(row.assign(auc=float("nan"))).split())
    assert "mcc is empty" in " ".join(print_table(row.assign(auc=0.6, status="diverged")).split())


def test_a_note_that_holds_for_several_cells_stands_once():
    table = study_like_the_demo().assign(caveat="slice-level split")
    notes = [note for note in show_comparison(table).notes if note.endswith(": slice-level split")]
    assert len(notes) == 1
    assert "no-signal resnet18 slice_split" in notes[0]


def test_slices_are_compared_with_figures_of_slices_alone(published):
    method = {"approach": "resnet18", "variant": "main", "modality": "all", "protocol": "published", "weights": "none"}
    row = {"cohort": "rsna", **method, "phase": "final", "part": "validation", "status": "ok"}
    metrics = as_metrics([row | {"unit": unit} for unit in ("patient", "slice")])
    figure = published.head(1).assign(**method | {"phase": "final", "part": "validation", "unit": "slice"})
    table = comparison_table(metrics, [row], figure.drop(columns="weights"), {"rsna": "rsna"}).set_index("unit")
    assert table.loc["slice", "published_accuracy"] == published.loc[0, "value"]
    assert np.isnan(table.loc["patient", "published_accuracy"])
    assert show_comparison(table.reset_index()).text["Part"].tolist() == ["validation", "validation, slices"]


def test_the_printed_table_fits_a_terminal(comparison):
    long = comparison.assign(
        cohort="a-cohort-with-a-very-long-name", protocol="published-holdout", variant="stop_on_left_out"
    )
    for table in (comparison, long):
        printed = print_table(table)
        assert max(map(len, printed.splitlines())) <= 120
        assert "diverged" in printed
        assert "0.5" in printed


def test_the_cohort_summary_counts_what_the_audit_saw(tmp_path):
    patients = pd.DataFrame(
        {
            "patient_id": [f"{number:05d}" for number in range(12)],
            "label": [0, 1] * 6,
            "label_name": ["unmethylated", "methylated"] * 6,
            "site": ["north"] * 5 + ["south"] * 6 + [None],
            "oracle_probability": [0.2, 0.9] * 5 + [0.6, 0.4],
        }
    )
    table = cohort_summary("planted", patients, make_series())
    flair = table.set_index("modality").loc["FLAIR"]
    counts = flair[["patients", "positive", "series_ok", "series_excluded", "series_failed"]]
    assert counts.tolist() == [12, 6, 10, 1, 1]
    assert flair[["slices_min", "slices_max"]].tolist() == [20, 31]
    assert flair["oracle_auc"] == pytest.approx(1 - 1 / 36)
    assert flair["planes"] == "axial 6, coronal 5"
    assert flair["sites"] == "south: 6, north: 5, unknown: 1"
    assert flair["matrix"] == "64 x 48"
    assert flair["label_names"] == "unmethylated / methylated"
    write_formats(table, tmp_path / "cohorts", "cohorts")


def test_exclusions_list_every_unused_series_with_its_reason(tmp_path):
    table = exclusions("planted", make_series())
    assert table[["patient_id", "modality", "status", "reason"]].to_numpy().tolist() == [
        ["00003", "FLAIR", "excluded", "named in the config"],
        ["00005", "FLAIR", "failed", "no DICOM file in the folder"],
    ]
    write_formats(table, tmp_path / "exclusions", "exclusions")
    assert read_table(tmp_path / "exclusions.tsv", "exclusions").loc[0, "patient_id"] == "00003"


def test_a_segmentation_is_a_series_of_its_own():
    series = make_series()
    series["modality"] = series["modality"].replace("T2w", "segmentation")
    series.loc[1, ["status", "reason"]] = ["failed", "no file"]
    patients = pd.DataFrame({"patient_id": ["00000"], "label": 1, "label_name": "extensive"}).assign(
        site=None, oracle_probability=0.9
    )
    assert cohort_summary("stem", patients, series)["modality"].tolist() == ["FLAIR", "segmentation"]
    assert ["00000", "segmentation"] in exclusions("stem", series)[["patient_id", "modality"]].to_numpy().tolist()


def test_a_cohort_without_exclusions_has_an_empty_list():
    assert exclusions("planted", make_series(excluded=(), failed=())).empty


def test_the_phase_is_a_column_where_an_approach_has_several():
    rows = pd.DataFrame(columns=list(table_schema("sensitivity")["properties"]))
    rows["phase"] = ["final", "final"]
    assert "Phase" not in SHOW["sensitivity"](rows).text.columns
    rows["phase"] = ["transfer", "finetuned"]
    assert SHOW["sensitivity"](rows).text["Phase"].tolist() == ["transfer", "finetuned"]


def rows_of(schema, *rows):
    return check_table(pd.DataFrame(rows, columns=list(table_schema(schema)["properties"])), schema, "the test")


def a_pair(**changes):
    sides = {"approach": "cnn3d", "variant": "main", "modality": "FLAIR", "protocol": "harmonised", "phase": "final"}
    names = {f"{side}_{name}": value for side in ("first", "second") for name, value in sides.items()}
    names |= {"cohort": "rsna", "family": "harmonised mains", "second_phase": "transfer", "metric": "auc",
              "n_patients": 40, "n_positive": 20, "first": 0.7, "second": 0.6, "difference": 0.1, "low": -0.02,
              "high": 0.2, "p": 0.0123, "p_holm": 0.0246, "method": "bootstrap"}  # fmt: skip
    return names | changes


def test_pairs_name_both_cells_and_say_what_is_empty(tmp_path):
    few = {"difference": None, "low": None, "high": None, "p": None, "p_holm": None, "reason": "too few patients"}
    table = rows_of("pairwise", a_pair(), a_pair(family="exploratory", **few))
    display = show_pairwise(table)
    first = display.text.iloc[0]
    assert first["First"] == "cnn3d main FLAIR harmonised"
    assert first["Second"] == "cnn3d main FLAIR harmonised transfer"
    assert first["Difference"] == "0.100 (-0.020 to 0.200)"
    assert (first["p"], first["p by Holm"]) == ("0.012", "0.025")
    assert show_pairwise(rows_of("pairwise", a_pair(p=0.0))).text.loc[0, "p"] == "<0.001"
    assert display.notes == ("bootstrap", "too few patients")
    write_formats(table, tmp_path / "pairwise", "pairwise")


def test_the_variance_of_folds_stands_apart_from_that_of_seeds(tmp_path):
    row = cell("rsna") | {"phase": "final", "metric": "auc", "n_repeats": 1, "n_folds": 5, "n_seeds": 1, "mean": 0.61,
                          "sd_folds": 0.05, "sd_total": 0.05, "reason": "one seed"}  # fmt: skip
    row.pop("weights")
    table = rows_of("variance", row)
    shown = show_variance(table)
    assert shown.text.loc[0, ["SD of folds", "SD of seeds"]].tolist() == ["0.050", "\N{EN DASH}"]
    assert shown.notes == ("one seed",)
    write_formats(table, tmp_path / "variance", "variance")


def test_scores_that_no_row_has_have_no_column(comparison):
    assert "Permutation p" not in show_comparison(comparison).text
    shown = show_comparison(comparison.assign(p_chance=[0.005] + [np.nan] * (len(comparison) - 1)))
    assert shown.text["Permutation p"].iloc[0] == "0.005"
    assert "Permutation p" in shown.numbers


def test_every_layout_has_a_schema_and_columns_to_choose_from():
    for name, show in SHOW.items():
        empty = check_table(pd.DataFrame(columns=list(table_schema(name)["properties"])), name, "the test")
        display = show(empty)
        assert display.choices
        assert display.choices[0] == display.text.columns[0]


PROBE = """<script>
const said = [], bar = document.querySelector(".filter"), table = document.querySelector("table");
const shown = () => [...table.tBodies[0].rows].filter((row) => !row.hidden);
const say = () => said.push(bar.querySelector("output").textContent, shown()[0].cells[0].textContent);
const change = (field, value) => {
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
say();
change(bar.querySelector("input"), "no-signal RESNET18");
say();
change([...bar.querySelectorAll("select")].find((one) => one.ariaLabel === "Status"), "diverged");
said.push(String(shown().length));
change(bar.querySelector("input"), "");
said.push(String(shown().length));
[...table.querySelectorAll("thead button")].find((one) => one.textContent === "Variant").click();
said.push(String(shown().length));
document.body.textContent = `said: ${said.join(" | ")} .`;
</script>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="no browser to open the table in")
def test_a_reader_can_search_choose_and_sort_in_a_browser(tmp_path):
    write_formats(study_like_the_demo(), tmp_path / "comparison")
    page = (tmp_path / "comparison.html").read_text(encoding="utf-8").replace("</body>", f"{PROBE}</body>")
    (tmp_path / "probe.html").write_text(page, encoding="utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", str(tmp_path / "probe.html")]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    said = re.search(r"said: (.*) \.", shown)[1].split(" | ")
    assert said == ["64 of 64 rows", "planted-brainstem", "8 of 64 rows", "no-signal", "0", "1", "1"]
