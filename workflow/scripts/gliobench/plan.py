"""Which figures and pages a study has, where they are, and what each page shows. Light to import: parsing needs it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gliobench.evaluation.columns import BASELINE, HARMONISED, MAIN, representatives
from gliobench.paths import REPORT_SCRIPTS
from gliobench.study import Cell, Study
from gliobench.terms import MODALITIES

# An approach's YAML names its figures; these are the names, grouped by what one figure shows.
EACH_PHASE = ("roc", "confusion", "classification")  # one figure per cell and phase

CELL_FIGURES = "figures/{cohort}/{approach}/{variant}/{modality}/{protocol}"
SLICES = "figures/{cohort}/{input_name}/slices-{modality}"
ALL_SLICES = "figures/{cohort}/{input_name}/all-slices-{modality}"
PHASE_CURVES = "figures/{cohort}/{approach}/{variant}/phase-curves-{protocol}"
SWEEP = "figures/{cohort}/{approach}/sweep-{modality}-{protocol}"
LEAKAGE_FIGURE = "figures/leakage"
OVERVIEW = {"forest": "AUC of every cell", "cost": "AUC against cost"}  # of the whole study: file and caption -> label
OVERLAYS = {
    "roc": "ROC curves",
    "precision_recall": "Precision and recall",
    "calibration": "Calibration",
}  # per cohort
DRAWN_FROM_IMAGES = ("audit", "slices", "montage", "examples", "gradcam")
DRAWN_FROM_SCORES = (*EACH_PHASE, "distributions", "curves")
SPLIT_VARIANTS = ("slice_split", "date_split", "patient_split")
PAGES = ("index.html", "comparison.html", "controls.html", "cohorts.html", "cost.html", "method.html")
APPROACH_PAGE = "approaches/{approach}.html"
EXPLORE_PAGE = "explore/{cohort}.html"
PATIENTS_PAGE = "patients.html"

Figure = dict[str, str]


def figure_names(study: Study, approach: str) -> list[str]:
    """Return the names of an approach's figures, as its YAML lists them under ``figures`` or by default."""
    return study.approaches[approach].file.figures_drawn


def shown_cells(study: Study) -> list[Cell]:
    """Return the cells with figures of their own: replicated cohorts are shown only in their joint figure."""
    replicates = {name for names in study.replicates_of.values() for name in names}
    return [cell for cell in study.drawn if cell.cohort not in replicates]


def cells_like(cells: Iterable[Cell], names: Mapping[str, Any]) -> list[Cell]:
    """Return the cells that agree with `names` (wildcards of a path) in every name given."""
    return [cell for cell in cells if all(names.get(field, value) == value for field, value in vars(cell).items())]


def cell_figures(study: Study, approach: str) -> list[tuple[str, str]]:
    """List the figures drawn from a cell's scores: name and phase (empty if one figure shows all phases)."""
    names = [name for name in figure_names(study, approach) if name in DRAWN_FROM_SCORES]
    return [(name, phase) for name in names for phase in (study.phases(approach) if name in EACH_PHASE else [""])]


def page_figures(study: Study) -> list[Figure]:
    """
    List the figures of a study's page, in its order.

    Returns
    -------
    list of dict
        ``path`` (PNG), ``file``: its path in the report's folder, ``kind`` (its caption is
        ``workflow/report/<kind>.rst``), ``category``, ``label`` and ``approach``: the page it is shown on, or empty;
        there the category is its cohort. Figures of a cell have its names, too, and the ``phase``, or none if they
        show all.
    """
    cells = shown_cells(study)
    figures = [_figure(study, f"figures/{name}", name, "overview", label) for name, label in OVERVIEW.items()]
    if study.sensitivity:
        figures.append(_figure(study, "figures/sensitivity", "sensitivity", "overview", "Sensitivity floor"))
    if study.visible_cells:
        figures.append(_figure(study, "figures/visible", "visible", "controls", ""))
    figures += [_figure(study, "figures/replicates", "controls", "controls", "")] if study.replicates_of else []
    if leakage_cells(study):
        figures.append(_figure(study, LEAKAGE_FIGURE, "leakage", "leakage", ""))
    for cohort in dict.fromkeys(cell.cohort for cell in cells):
        if study.cohort_series(cohort):
            figures.append(_figure(study, f"figures/{cohort}/audit", "audit", "audit", cohort))
    for cohort in overlay_cohorts(study):
        figures += [
            _figure(study, f"figures/{cohort}/{name}", f"overlay_{name}", cohort, label)
            for name, label in OVERLAYS.items()
        ]
    for cohort, approach in dict.fromkeys((cell.cohort, cell.approach) for cell in cells):
        mine = cells_like(cells, {"cohort": cohort, "approach": approach})
        names = figure_names(study, approach)
        for stem, kind, label in [
            *(_slices(study, mine) if "slices" in names else []),
            *(_phase_curves(mine) if "phase_curves" in names else []),
            *(_sweeps(mine) if "sweep" in names else []),
        ]:
            figures.append(_figure(study, stem, kind, cohort, label, approach))
        for cell in mine:
            figures += [
                _figure(study, stem, kind, cohort, label, approach) | vars(cell) | {"phase": phase}
                for stem, kind, label, phase in _of_cell(study, cell)
            ]
    if not study.show_images:
        figures = [shown for shown in figures if shown["kind"] not in DRAWN_FROM_IMAGES]
    if not study.in_part:
        return figures
    # Those from images are drawn only by the study itself.
    return [shown for shown in figures if shown["kind"] not in DRAWN_FROM_IMAGES or Path(shown["path"]).is_file()]


def overlay_cells(study: Study, cohort: str) -> list[Cell]:
    """Return the cells that the overlays of a cohort draw, harmonised: what stands for each approach, and baselines."""
    chosen = {"cohort": cohort, "protocol": HARMONISED}
    shown = representatives((cell.approach, cell.variant) for cell in cells_like(study.cells, chosen))
    return [
        cell
        for cell in cells_like(study.drawn, chosen)
        if cell.approach == BASELINE or (cell.approach, cell.variant) in shown
    ]


def overlay_cohorts(study: Study) -> list[str]:
    """Return the cohorts with overlays: those with figures of their own and at least one network."""
    shown = dict.fromkeys(cell.cohort for cell in shown_cells(study))
    return [name for name in shown if any(cell.approach != BASELINE for cell in overlay_cells(study, name))]


def _slices(study: Study, cells: list[Cell]) -> Iterator[tuple[str, str, str]]:
    first: dict[tuple[str, str], Cell] = {}
    for cell in cells:
        for modality in study.series(cell):
            first.setdefault((study.input_name(cell), modality), cell)
    for (input_name, modality), cell in first.items():
        if modality not in MODALITIES:
            continue
        names = {"cohort": cell.cohort, "input_name": input_name, "modality": modality}
        own = "" if input_name == cell.approach else f"{cell.variant}, "
        if study.input_of(cell)["kind"] == "volume":
            label = f"Inputs of the longest and the shortest series, {own}{modality}"
            yield ALL_SLICES.format(**names), "montage", label
        else:
            yield SLICES.format(**names), "slices", f"Inputs, {own}{modality}"


def _phase_curves(cells: list[Cell]) -> Iterator[tuple[str, str, str]]:
    for variant, protocol in dict.fromkeys((cell.variant, cell.protocol) for cell in cells):
        stem = PHASE_CURVES.format(**vars(cells[0]) | {"variant": variant, "protocol": protocol})
        yield stem, "phase_curves", f"Before and after fine-tuning: {variant}, {protocol}"


def _sweeps(cells: list[Cell]) -> Iterator[tuple[str, str, str]]:
    for modality, protocol in dict.fromkeys((cell.modality, cell.protocol) for cell in cells):
        if len(sweep_cells(cells, {"modality": modality, "protocol": protocol})) > 1:
            stem = SWEEP.format(**vars(cells[0]) | {"modality": modality, "protocol": protocol})
            yield stem, "sweep", f"Learning rates: {modality}, {protocol}"


def sweep_cells(cells: Iterable[Cell], names: Mapping[str, Any]) -> list[Cell]:
    """Return the cells of one sweep of learning rates: the variants ``lr_*`` and ``main``."""
    return [cell for cell in cells_like(cells, names) if cell.variant == MAIN or cell.variant.startswith("lr_")]


def _of_cell(study: Study, cell: Cell) -> Iterator[tuple[str, str, str, str]]:
    names = figure_names(study, cell.approach)
    folder = CELL_FIGURES.format(**vars(cell))
    label = f"{cell.variant}, {cell.modality}, {cell.protocol}"
    for name, phase in cell_figures(study, cell.approach):
        scored = f"{label}, {phase}" if phase not in ("", "final") else label
        yield f"{folder}/{stem_of(name, phase)}", name, scored, phase
    for name in ("examples", "tuning", "gradcam"):
        if name in names and (name != "tuning" or study.approaches[cell.approach].tuned(cell.variant)):
            yield f"{folder}/{name}", name, label, ""


def stem_of(name: str, phase: str) -> str:
    """Return the file name of a cell's figure without suffix."""
    return f"{name}-{phase}" if phase else name


def leakage_cells(study: Study) -> list[Cell]:
    """Return the cells of the table ``leakage``: variants that split by slice, by date or by patient, two or more."""
    cells = [
        cell
        for cell in study.drawn
        if cell.variant in SPLIT_VARIANTS and "leakage" in figure_names(study, cell.approach)
    ]
    counts = Counter(replace(cell, variant="") for cell in cells)
    return [cell for cell in cells if counts[replace(cell, variant="")] > 1]


def _figure(study: Study, stem: str, kind: str, category: str, label: str, approach: str = "") -> Figure:
    file = f"{stem}.png"
    about = {"kind": kind, "category": category, "label": label, "approach": approach}
    return {"path": f"{study.results}/{file}", "file": file} | about


def report_pages(study: Study) -> list[str]:
    """List the files of a study's report, relative to its folder: its pages, and the script of interactive figures."""
    approaches = [APPROACH_PAGE.format(approach=name) for name in study.approaches]
    explored = list(explore_pages(study).values())
    patients = [PATIENTS_PAGE] * bool(patient_cohorts(study))
    return [*PAGES, *patients, *approaches, *explored, *[REPORT_SCRIPTS] * bool(explored)]


def explore_pages(study: Study) -> dict[str, str]:
    """Return the page of interactive figures of each cohort that has figures of its own."""
    return {cell.cohort: EXPLORE_PAGE.format(cohort=cell.cohort) for cell in shown_cells(study)}


def patient_cohorts(study: Study) -> list[str]:
    """Return the cohorts whose patients have pages: those with figures of their own; none in a partial report."""
    return [] if study.in_part else list(dict.fromkeys(cell.cohort for cell in shown_cells(study)))


def explained_cells(study: Study, cohort: str) -> list[Cell]:
    """Return the cells of a cohort whose class-activation maps are on the pages of its patients."""
    cells = cells_like(shown_cells(study), {"cohort": cohort}) if study.show_images else []
    return [cell for cell in cells if "gradcam" in figure_names(study, cell.approach)]


def patient_methods(study: Study, cohort: str) -> list[dict[str, Any]]:
    """
    List the methods on the pages of a cohort's patients, baselines last, as plain data for the script.

    Returns
    -------
    list of dict
        The names of each cell; ``phase``: the last one, which is shown; ``caveat``; ``series``: what it reads.
    """
    cells = sorted(cells_like(shown_cells(study), {"cohort": cohort}), key=lambda cell: cell.approach == BASELINE)
    return [
        vars(cell)
        | {"phase": study.phases(cell.approach)[-1], "caveat": study.caveat(cell), "series": study.series(cell)}
        for cell in cells
    ]


def run_to_predict_with(study: Study) -> str | None:
    """Return the folder of a run whose models `predict` can apply: the first of a network; None without a network."""
    networks = (cell for cell in study.drawn if cell.approach != BASELINE and not study.reads_tables(cell.approach))
    return next((study.run_folders(cell)[0] for cell in networks), None)


def report_facts(study: Study) -> dict[str, Any]:
    """Collect the facts of the study for its report, as plain data for the script."""
    approaches = {
        name: {
            "title": approach.file.title,
            "page": APPROACH_PAGE.format(approach=name),
            "source": approach.file.source,
            "variants": {variant: own.description for variant, own in approach.file.variants.items()},
            "changes": study.config.get("settings", {}).get(name, {}),
        }
        for name, approach in study.approaches.items()
    }
    return {
        "name": study.name,
        "base_seed": study.seed,
        "cohort_kinds": {name: settings["kind"] for name, settings in study.config["cohorts"].items()},
        "replicates_of": study.replicates_of,
        "patient_cohorts": patient_cohorts(study),
        "approaches": approaches,
        "explored": explore_pages(study),
    } | study_question(study)


def study_question(study: Study) -> dict[str, Any]:
    """Collect the title and question of a study, and whether its patients are others than the papers'."""
    return {"title": study.file.title, "question": study.file.question, "own": study.own}
