"""Which networks a study trains, and what of it is to be timed, as plain data. Light to import: parsing needs it."""

import json
from dataclasses import asdict
from typing import Any

from gliobench.settings.generators import BrainstemGenerator, SyntheticGenerator
from gliobench.study import Cell, Study
from gliobench.terms import GENERATED, MODALITIES, WITHOUT_IMAGES, copies_in

# Hyperparameters that change what is learnt, but not how long a step takes.
SAME_SPEED = (
    *("learning_rate", "decay_steps", "decay_rate", "step_size", "gamma", "milestones", "momentum", "plateau"),
    *("epochs", "patience", "labels", "dropout", "batch_norm_momentum", "double_rescale"),
)
# What stands for the competition's data: its labelled patients, slices of a series, pixels of a side.
COMPETITION, SLICES, MATRIX = 585, 171, 256


def network_key(study: Study, cell: Cell) -> str:
    """Return what the speed of a cell's network depends on, as text: its input and its hyperparameters."""
    parameters = _parameters(study, cell)
    inputs = study.input_of(cell)
    if inputs["kind"] in WITHOUT_IMAGES:
        inputs |= {"cohort": study.named(cell.cohort)}  # the number of columns is that of its tables
    return json.dumps([_shaping(inputs), len(study.series(cell)), _without(parameters)], sort_keys=True)


def networks(study: Study, approach: str) -> list[dict[str, Any]]:
    """
    List the networks of an approach that differ in speed, as plain data for the job that times them.

    Returns
    -------
    list of dict
        ``key``; ``cohort``, ``input_name`` and ``series`` of the first cell that trains it; ``parameters``, ``phases``.
    """
    found: dict[str, dict[str, Any]] = {}
    for cell in study.cells:
        if cell.approach == approach:
            found.setdefault(
                network_key(study, cell),
                {
                    "cohort": first_of(study, cell.cohort),
                    "input_name": study.input_name(cell),
                    "series": study.series(cell),
                    "parameters": _parameters(study, cell),
                    "phases": study.phases(approach),
                },
            )
    return [{"key": key} | network for key, network in found.items()]


def pretrained(study: Study, approach: str) -> list[dict[str, Any]]:
    """List the networks of an approach that start from ImageNet's weights: ``shape`` of a row, and ``parameters``."""
    settings = study.approaches[approach]
    cells = {
        network_key(study, cell): cell
        for cell in reversed(study.cells)
        if cell.approach == approach and settings.weights(cell.variant) == "imagenet"
    }
    return [
        {"shape": study.input_of(cell)["shape"], "parameters": _parameters(study, cell)}
        for cell in reversed(cells.values())
    ]


def first_of(study: Study, cohort: str) -> str:
    """Return the cohort that stands for it: the first of its replicates, which differ only in what is drawn."""
    return study.replicates_of.get(study.named(cohort), [cohort])[0]


def counted_cells(study: Study) -> list[dict[str, Any]]:
    """
    List the cells of a study, as plain data for the job that adds up.

    Returns
    -------
    list of dict
        The names of each; ``key`` of its network; ``first``: the cohort that stands for its own; ``scheme``: its split;
        ``seeds``: trainings of each fold; ``jobs``: of its trainings; ``copies`` of its cohort with other labels, and
        ``copy_jobs`` that train them; ``epochs`` of each phase, the most and the least; ``trials`` of its tuning, and
        its ``workers``.
    """
    return [
        asdict(cell)
        | {
            "key": network_key(study, cell),
            "first": first_of(study, cell.cohort),
            "scheme": study.splits[study.scheme_name(cell)],
            "input_name": study.input_name(cell),
            "series": study.series(cell),
            "seeds": study.seeds,
            "jobs": len(study.training_jobs(cell)),
            "copies": sum(len(copies_in(copy.cohort)) for copy in study.copies(cell)),
            "copy_jobs": sum(len(study.training_jobs(copy)) for copy in study.copies(cell)),
            "epochs": {phase: _epochs(_parameters(study, cell), phase) for phase in study.phases(cell.approach)},
            **_tuning(study, cell),
        }
        for cell in study.cells
    ]


def stand_in(study: Study, cohort: str) -> dict[str, Any] | None:
    """Return kind and generator of patients that stand for a published cohort while its files are not here, or None."""
    kind = study.kinds[cohort]
    imitation = next((name for name, imitated in GENERATED.items() if imitated == kind), None)
    if imitation is None:
        return None
    size: dict[str, Any] = {"slices": [SLICES, SLICES], "matrix": MATRIX}
    if kind == "brainstem":
        return {"kind": imitation, "generator": BrainstemGenerator(**size).model_dump()}
    named = [name for name in MODALITIES if name in study.modalities(cohort)] or list(MODALITIES)
    blank = {"defects": {"blank_ends": 1.0}}  # as most series of the competition have
    settings = SyntheticGenerator.model_validate({"patients": COMPETITION, "modalities": named} | blank | size)
    return {"kind": imitation, "generator": settings.model_dump()}


def _epochs(parameters: dict[str, Any], phase: str) -> list[int]:
    """Return the most and the least epochs of a phase: the least are those of a training whose first epoch is best."""
    own = parameters.get(phase, parameters)
    most = int(own.get("epochs", 1))
    return [most, min(most, 1 + int(own.get("patience", most)))]


def _tuning(study: Study, cell: Cell) -> dict[str, int]:
    approach = study.approaches[cell.approach]
    tuning = approach.tuning if approach.tuned(cell.variant) else None
    return {name: tuning[name] if tuning else 0 for name in ("trials", "workers")}


def _parameters(study: Study, cell: Cell) -> dict[str, Any]:
    return study.approaches[cell.approach].parameters_of(cell.variant, cell.protocol, study.named(cell.cohort))


def _shaping(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an input that give its array a shape."""
    return {name: inputs[name] for name in ("kind", "shape", "cohort") if name in inputs}


def _without(parameters: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in parameters.items() if name not in SAME_SPEED}
    return {name: _without(value) if isinstance(value, dict) else value for name, value in kept.items()}
