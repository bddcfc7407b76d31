"""
Size of a report's pages, and how long they take to open from disk, at 585 patients and 40 methods.

The tables are made up, as in `perf/scoring.py`; the study's own figures are left out. Each page is opened three times
in headless Chromium, each time in a new context; a page of interactive figures counts as open once they are drawn.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.scoring import KFOLD, cell_names, make_cell, make_patients

from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.comparison import comparison_table
from gliobench.evaluation.pairwise import pairwise_table
from gliobench.evaluation.runs import cell_rows
from gliobench.files import read_table
from gliobench.origin import origin
from gliobench.reporting.page import write_report
from gliobench.splits import draw_split

ROOT = Path(__file__).parents[1]
COHORT = "made-up"
SETTINGS: dict[str, Any] = {
    "phases": ["final"],
    "input": {},
    "series": [],
    "parameters": {},
    "device": "cpu",
    "threads": 1,
}
SETTINGS |= {"versions": {"numpy": np.__version__}, "processor": {"portable": True, "instructions": None}}
FOLD: dict[str, Any] = {"status": "ok", "reason": None, "n_train": 398, "n_validation": 70, "n_test": 117}
FOLD |= {"best_epoch": {"final": 12}, "seconds": 300.0}
TIMES = 3


def make_report(folder: Path, n_patients: int, n_cells: int) -> float:
    """Write the report of a made-up study, and return the seconds that it took."""
    patients = make_patients(n_patients)
    split = draw_split(patients, pd.DataFrame(), KFOLD, 1).drop(columns=["modality", "slice_index"])
    cells = [make_cell(name, patients, split, seed) for seed, name in enumerate(cell_names(n_cells))]
    runs = [record for _, records in cells for record in records]
    for record in runs:
        record.update(SETTINGS, folds=[FOLD | {"fold": fold} for fold in range(KFOLD["folds"])])
    scored = [score_cell(predictions, records, base_seed=1, resamples=100) for predictions, records in cells]
    published = read_table(ROOT / "config" / "published.tsv", "published")
    named = [records[0] | {"caveat": None, "settings": "paper", "n_jobs": len(records)} for _, records in cells]
    comparison = comparison_table(pd.concat(scored, ignore_index=True), named, published, {COHORT: "synthetic"})
    tables = {"comparison": comparison, "published": published, "pairwise": pairwise_table(cells)}
    predictions = pd.concat([cell_rows(*cell) for cell in cells], ignore_index=True)
    start = time.perf_counter()
    write_report(folder, study_of(runs), tables, [], runs, "", predictions)
    return time.perf_counter() - start


def study_of(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the facts of the study, as `gliobench.plan.report_facts` collects them."""
    names = dict.fromkeys(record["approach"] for record in runs)
    approaches = {
        name: {"title": name, "page": f"approaches/{name}.html", "source": "", "variants": {}, "changes": {}}
        for name in names
    }
    facts: dict[str, Any] = {
        "name": "report",
        "title": None,
        "question": None,
        "own": True,
        "base_seed": 1,
        "replicates_of": {},
        "config": {},
    }
    facts |= {"cohort_kinds": {COHORT: "synthetic"}, "explored": {COHORT: f"explore/{COHORT}.html"}}
    facts |= {"patient_cohorts": []}
    return facts | {"approaches": approaches, "origin": origin()}


def seconds_to_open(browser: Browser, page: Path) -> float:
    """Open a page from disk in a new context, and return the seconds until it is complete."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    opened = context.new_page()
    start = time.perf_counter()
    opened.goto(page.as_uri())
    if page.parent.name == "explore":
        opened.wait_for_selector("body[data-drawn=yes]")
    seconds = time.perf_counter() - start
    context.close()
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=585)
    parser.add_argument("--cells", type=int, default=40)
    parser.add_argument("--keep", type=Path, help="a folder in which the report stays")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    written = make_report(folder, options.patients, options.cells)
    files = [path for path in folder.rglob("*") if path.is_file()]
    print(f"written in {written:.1f} s; {len(files)} files, {sum(path.stat().st_size for path in files) / 1e6:.1f} MB")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for page in sorted(folder.rglob("*.html")):
            opened = statistics.median(seconds_to_open(browser, page) for _ in range(TIMES))
            print(f"{page.relative_to(folder)}: {page.stat().st_size / 1e6:.2f} MB, open in {opened:.2f} s")
        browser.close()
    if not options.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
