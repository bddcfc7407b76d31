"""The report of a study: a folder of pages that link to each other and load nothing external."""

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from gliobench.evaluation.columns import BASELINE, CELL, UNDEFINED
from gliobench.evaluation.verdicts import JUDGED
from gliobench.figures.overlays import Scored
from gliobench.files import whole, write_table, write_text
from gliobench.origin import machines
from gliobench.paths import REPORT_SCRIPTS
from gliobench.reporting.alternatives import text_alternative
from gliobench.reporting.display import Display
from gliobench.reporting.explore import explore, methods_of, scripts
from gliobench.reporting.frame import NAVIGATION, patient_address, write_page
from gliobench.reporting.headlines import headline_rows, show_claims, show_headlines, verdict_counts
from gliobench.reporting.html import TEMPLATES, section, to_html
from gliobench.reporting.layouts import SHOW
from gliobench.reporting.own_study import answers, question
from gliobench.reporting.runs import CellRuns, anchor, runs_of
from gliobench.reporting.summary import cost_sentence, count_sentence, published_sentence, sentences, status_sentence
from gliobench.wording import NAMES

SHOWN = (
    *("comparison", "published_vs_reproduced", "pairwise", "variance", "subgroups", "sensitivity", "replicates"),
    *("copies", "visible", "leakage", "cohorts", "exclusions", "cost"),
)
TABLE = "tables/{name}.tsv"
PLACED = ("forest", "cost", "controls", "sensitivity", "visible", "leakage", "audit")  # kinds with a place of their own
WIDE = 960  # a figure wider than this many pixels takes the whole line

Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Picture:
    """A figure of the report: its PNG in the report's folder, size in pixels, label, caption and text alternative."""

    file: str
    width: int
    height: int
    label: str
    caption: str
    words: str

    @property
    def wide(self) -> bool:
        """Whether it takes the whole line."""
        return self.width > WIDE


Gallery = dict[str, list[Picture]]  # pictures by caption, so that a caption is shown once


class Pictures:
    """
    The figures of a report, selected by what they show.

    Parameters
    ----------
    figures : sequence of dict
        As `write_report` takes them.
    tables : dict of str to pandas.DataFrame
        As for it.
    replicates_of : dict of str to sequence of str
        Replicated cohorts.
    """

    def __init__(
        self, figures: Sequence[Mapping[str, str]], tables: Tables, replicates_of: Mapping[str, Sequence[str]]
    ):
        self._all = [(figure, _picture(figure, tables, replicates_of)) for figure in figures]

    def of(self, kind: str) -> Gallery:
        """Return the figures of a kind."""
        return _by_caption(picture for figure, picture in self._all if figure["kind"] == kind)

    def by_category(self, approach: str) -> dict[str, Gallery]:
        """Group the figures of an approach, or of none, by category, without those that have a place of their own."""
        groups: dict[str, list[Picture]] = {}
        for figure, picture in self._all:
            if figure["approach"] == approach and figure["kind"] not in PLACED:
                groups.setdefault(figure["category"], []).append(picture)
        return {category: _by_caption(members) for category, members in groups.items()}


def _by_caption(pictures: Iterable[Picture]) -> Gallery:
    gallery: Gallery = {}
    for picture in pictures:
        gallery.setdefault(picture.caption, []).append(picture)
    return gallery


def write_report(
    folder: str | Path,
    study: Mapping[str, Any],
    tables: Tables,
    figures: Sequence[Mapping[str, str]],
    records: Sequence[Mapping[str, Any]],
    fidelity: str,
    predictions: pd.DataFrame,
) -> None:
    """
    Write the pages of a study and copy its figures next to them.

    Parameters
    ----------
    folder : str or Path
        Where ``index.html`` and the other pages of `gliobench.plan.report_pages` go.
    study : dict
        What `gliobench.plan.report_facts` collects; ``config``, the study's config; ``origin``, of this code;
        optionally ``about``, a sentence on this report.
    tables : dict of str to pandas.DataFrame
        ``comparison`` and ``published``; any other tables of the study, by the names of their schemas.
    figures : sequence of dict
        As `gliobench.plan.page_figures` lists them.
    records : sequence of dict
        The ``run.json`` of the study's runs.
    fidelity : str
        The text of ``docs/fidelity.md``.
    predictions : pandas.DataFrame
        Patients' predictions of the cells with figures of their own (`gliobench.evaluation.cells.cell_rows`).
    """
    folder = Path(folder)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for figure in figures:
        with whole(folder / figure["file"]) as temporary:
            shutil.copyfile(figure["path"], temporary)
    for name in filter(tables.__contains__, SHOWN):
        write_table(tables[name], folder / TABLE.format(name=name), name)
    pictures = Pictures(figures, tables, study["replicates_of"])
    pages = {
        "index.html": _result(study, tables, pictures),
        "comparison.html": _comparison(study, tables, pictures),
        "controls.html": _controls(study, tables, pictures),
        "cohorts.html": {"displays": _displays(tables), "audit": pictures.of("audit")},
        "cost.html": _cost(tables, pictures),
        "method.html": _method(study, tables, records),
    }
    if study["patient_cohorts"]:
        pages["patients.html"] = _patients(study, tables)
    common = {"status": status_sentence(study["cohort_kinds"])}
    for file, values in pages.items():
        write_page(folder, file, f"{file}.j2", study, NAVIGATION[file], common | values)
    for name, approach in study["approaches"].items():
        values = _approach(name, study, tables, pictures, fidelity) | {"called": name, "runs": _runs(records, name)}
        write_page(folder, approach["page"], "approach.html.j2", study, approach["title"], common | values)
    for cohort, file in study["explored"].items():
        values = _explore(cohort, study, methods_of(predictions, tables["comparison"], cohort))
        write_page(folder, file, "explore.html.j2", study, f"Explore {cohort}", values)
    if study["explored"]:
        write_text(scripts(), folder / REPORT_SCRIPTS)


def _explore(cohort: str, study: Mapping[str, Any], methods: Sequence[Scored]) -> dict[str, Any]:
    pages = {name: f"../{approach['page']}" for name, approach in study["approaches"].items()}
    known = {patient for method in methods for patient in method.rows["patient_id"]}
    links = {patient: f"../{patient_address(cohort, patient)}" for patient in sorted(known)}
    linked = links if cohort in study["patient_cohorts"] else {}
    return {"cohort": cohort, "cohorts": study["explored"]} | explore(methods, pages, linked)


def _displays(tables: Tables) -> dict[str, Display | None]:
    """Lay out every table; None if it has no rows."""
    return {name: _display(name, tables[name]) if len(tables.get(name, [])) else None for name in SHOWN}


def _display(name: str, rows: pd.DataFrame) -> Display:
    """Lay out rows of a table, with the whole of it to download."""
    return replace(SHOW[name](rows), file=TABLE.format(name=name))


def _with_runs(display: Display, rows: pd.DataFrame, study: Mapping[str, Any]) -> Display:
    """Let the rows of cells lead to their runs."""
    pages = {name: approach["page"] for name, approach in study["approaches"].items()}
    links = [f"{pages[row['approach']]}#{anchor(row)}" for row in rows.to_dict("records")]
    return replace(display, links=tuple(links))


def _result(study: Mapping[str, Any], tables: Tables, pictures: Pictures) -> dict[str, Any]:
    verdicts = tables.get("published_vs_reproduced")
    names, replicates = _label_names(tables), _replicates(study)
    rows = headline_rows(tables["comparison"], replicates)
    return {
        "heading": study["title"] or (study["name"] if study["own"] else None),
        "question": question(study, names),
        "answers": answers(tables["comparison"], tables.get("pairwise"), names, replicates) if study["own"] else [],
        "sentences": sentences(tables, study["replicates_of"], study["own"]),
        "cards": _cards(study, tables),
        "missing": _missing(tables["comparison"]) if study.get("about") else None,
        "headlines": show_headlines(rows, verdicts, study["own"]) if len(rows) else None,
        "replicated": list(study["replicates_of"]),
        "forest": pictures.of("forest"),
        "verdicts": _displays(tables)["published_vs_reproduced"],
        "counts": {} if verdicts is None else {name: n for name, n in verdict_counts(verdicts).items() if n},
        "standing": published_sentence(verdicts) if _judges(verdicts) else None,
    }


def _judges(verdicts: pd.DataFrame | None) -> bool:
    """Whether a verdict on a published figure was reached."""
    return verdicts is not None and bool(verdicts["verdict"].isin(JUDGED).any())


def _missing(comparison: pd.DataFrame) -> Display | None:
    """Lay out what a partial report waits for: cells without all their trainings."""
    rows = comparison[comparison["status"] == "missing"].drop_duplicates(CELL)
    text = rows[[*CELL, "reason"]].set_axis([*map(str.capitalize, CELL), "Trainings"], axis=1).astype(str)
    return Display(text, frozenset(), "Cells with missing trainings.", len(CELL)) if len(rows) else None


def _label_names(tables: Tables) -> dict[str, str]:
    """Return the names of the labels of each cohort."""
    cohorts = tables.get("cohorts", pd.DataFrame(columns=["cohort", "label_names"]))
    return dict(zip(cohorts["cohort"], cohorts["label_names"], strict=True))


def _cards(study: Mapping[str, Any], tables: Tables) -> list[tuple[str, str]]:
    """Figures at the top of the first page: a number and what it counts."""
    comparison = tables["comparison"]
    cells = comparison.drop_duplicates(CELL)
    cohorts = cells["cohort"].unique()
    networks = [name for name in study["approaches"] if name != BASELINE]
    cards = [
        (f"{cells['status'].eq('ok').sum()} of {len(cells)}", "cells trained and scored"),
        (str(len(networks)), "approach" if len(networks) == 1 else "approaches"),
        (str(len(cohorts)), "cohort" if len(cohorts) == 1 else "cohorts"),
    ]
    if len(tables.get("cohorts", [])):
        patients = tables["cohorts"].drop_duplicates("cohort")["patients"]  # cohorts may share patients: no sum
        sizes = dict.fromkeys([str(patients.min()), str(patients.max())])
        cards.append(("\N{EN DASH}".join(sizes), "patients with a label" + " in a cohort" * (len(patients) > 1)))
    return cards


def _patients(study: Mapping[str, Any], tables: Tables) -> dict[str, Any]:
    table = tables.get("cohorts", pd.DataFrame(columns=["cohort"])).drop_duplicates("cohort")
    facts = table.set_index("cohort").to_dict("index")
    return {"cohorts": [(name, facts.get(name)) for name in study["patient_cohorts"]]}


def _cost(tables: Tables, pictures: Pictures) -> dict[str, Any]:
    measured = cost_sentence(tables["cost"]) if len(tables.get("cost", [])) else None
    return {"displays": _displays(tables), "cost": pictures.of("cost"), "measured": measured}


def _comparison(study: Mapping[str, Any], tables: Tables, pictures: Pictures) -> dict[str, Any]:
    displays, rows = _displays(tables), tables["comparison"]
    cells = displays["comparison"]
    return {
        "displays": displays | {"comparison": cells and _with_runs(cells, rows, study)},
        "counts": count_sentence(tables["comparison"]),
        "overlays": pictures.by_category(""),
    }


def _controls(study: Mapping[str, Any], tables: Tables, pictures: Pictures) -> dict[str, Any]:
    baselines = headline_rows(_rows_of(BASELINE, tables["comparison"]), _replicates(study))
    return {
        "displays": _displays(tables),
        "baselines": show_headlines(baselines, None) if len(baselines) else None,
        "pictures": {kind: pictures.of(kind) for kind in ("controls", "leakage", "sensitivity", "visible")},
    }


def _replicates(study: Mapping[str, Any]) -> list[str]:
    """Name the cohorts that are shown together."""
    return [name for names in study["replicates_of"].values() for name in names]


def _method(study: Mapping[str, Any], tables: Tables, records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    versions = {package: version for record in records for package, version in record["versions"].items()}
    return {
        "base_seed": study["base_seed"],
        "methods": _interval_methods(tables["comparison"]),
        "versions": dict(sorted(versions.items())),
        "machines": machines(records),
        "origin": study["origin"],
        "config": _as_yaml(study["config"]),
    }


def _interval_methods(comparison: pd.DataFrame) -> dict[str, list[str]]:
    """Collect the methods of the intervals, each with the scores that it stepped in for, as in the rows."""
    methods: dict[str, list[str]] = {}
    for row in comparison["interval_scores"].dropna().unique():
        for method, scores in json.loads(row).items():
            known = methods.setdefault(method, [])
            known += [name for name in map(_in_a_sentence, scores) if name not in known]
    return {method: scores for method, scores in methods.items() if method != UNDEFINED}


def _runs(records: Sequence[Mapping[str, Any]], approach: str) -> list[tuple[CellRuns, str]]:
    """Return the runs of an approach's cells, with their settings as text."""
    return [(cell, _as_yaml(cell.settings)) for cell in runs_of(records, approach)]


def _approach(name: str, study: Mapping[str, Any], tables: Tables, pictures: Pictures, fidelity: str) -> dict[str, Any]:
    approach = study["approaches"][name]
    claims, comparison = (_rows_of(name, tables[table]) for table in ("published", "comparison"))
    verdicts = _rows_of(name, tables.get("published_vs_reproduced", pd.DataFrame(columns=["approach"])))
    return {
        "name": name,
        "source": approach["source"],
        "variants": {
            variant: words for variant, words in approach["variants"].items() if variant in set(comparison["variant"])
        },
        "claims": show_claims(claims) if len(claims) else None,
        "ours": _with_runs(_display("comparison", comparison), comparison, study),
        "verdicts": _display("published_vs_reproduced", verdicts) if len(verdicts) else None,
        "deviations": to_html(section(fidelity, f"`{name}`")),
        "changes": _as_yaml(approach["changes"]) if approach["changes"] else "",
        "pictures": pictures.by_category(name),
    }


def _in_a_sentence(metric: str) -> str:
    return NAMES.get(metric, metric.replace("_", " "))


class _Plain(yaml.SafeDumper):
    """Writes repeated values in full: YAML's aliases (&id001) are not part of the study's file."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _as_yaml(settings: Mapping[str, Any]) -> str:
    return yaml.dump(settings, Dumper=_Plain, sort_keys=False, allow_unicode=True)


def _rows_of(approach: str, table: pd.DataFrame) -> pd.DataFrame:
    return table[table["approach"] == approach]


def _picture(figure: Mapping[str, str], tables: Tables, replicates_of: Mapping[str, Sequence[str]]) -> Picture:
    with Path(figure["path"]).open("rb") as file:
        head = file.read(24)
    # The first chunk of every PNG holds its width and height, four bytes each.
    width, height = (int.from_bytes(head[start : start + 4], "big") for start in (16, 20))
    caption = " ".join((TEMPLATES / f"{figure['kind']}.rst").read_text(encoding="utf-8").split())
    words = text_alternative(figure, caption, tables, replicates_of)
    return Picture(figure["file"], width, height, figure["label"], caption, words)
