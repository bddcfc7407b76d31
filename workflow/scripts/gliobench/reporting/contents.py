"""Which figures a study has, where they lie, and what the page says of each. Light to import: parsing needs it."""

from collections.abc import Iterator

from gliobench.study import Cell, Study

CELL = "figures/{cohort}/{approach}/{variant}/{modality}/{protocol}"
SLICES = "figures/{cohort}/{approach}/slices-{modality}"

Figure = dict[str, str]


def page_figures(study: Study) -> list[Figure]:
    """
    List the figures of a study's page, in its order.

    Returns
    -------
    list of dict
        ``path`` (PNG), ``kind`` (its caption is ``workflow/report/<kind>.rst``), ``category`` and ``label``. Replicated
        cohorts are shown by their joint figure alone.
    """
    replicates = {name for names in study.groups.values() for name in names}
    shown = [cell for cell in study.cells if cell.cohort not in replicates]
    figures = []
    if replicates:
        figures.append(_figure(study, "figures/replicates", "controls", "controls", ""))
    for cohort in dict.fromkeys(cell.cohort for cell in shown):
        figures.append(_figure(study, f"figures/{cohort}/audit", "audit", "audit", cohort))
    for cell in dict.fromkeys(Cell(cell.cohort, cell.approach, "", cell.modality, "") for cell in shown):
        figures.extend(_slices(study, cell))
    for cell in shown:
        figures.extend(_scores(study, cell))
    return figures


def _slices(study: Study, cell: Cell) -> Iterator[Figure]:
    if study.approaches[cell.approach]["input"]["kind"] == "volume":
        stem = SLICES.format(**vars(cell))
        for which in ("longest", "shortest"):
            yield _figure(
                study, f"{stem}-{which}", "montage", _heading(study, cell), f"{which} series, {cell.modality}"
            )


def _scores(study: Study, cell: Cell) -> Iterator[Figure]:
    stem = CELL.format(**vars(cell))
    label = f"{cell.variant}, {cell.modality}, {cell.protocol}"
    for phase in study.phases(cell.approach):
        yield _figure(study, f"{stem}/roc-{phase}", "roc", _heading(study, cell), label)
        yield _figure(study, f"{stem}/confusion-{phase}", "confusion", _heading(study, cell), label)
    yield _figure(study, f"{stem}/curves", "curves", _heading(study, cell), label)


def _heading(study: Study, cell: Cell) -> str:
    return f"{cell.cohort} · {study.approaches[cell.approach]['title']}"


def _figure(study: Study, stem: str, kind: str, category: str, label: str) -> Figure:
    return {"path": f"{study.results}/{stem}.png", "kind": kind, "category": category, "label": label}
