"""How many rows of an input a training has, and random ones like them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from gliobench.inputs.patient_facts import KIND, with_patient_facts
from gliobench.training import Part
from gliobench.training.timing import random_part

TRAINED = 0.6  # of the patients, at most a timed training part: about that of five folds with validation patients
OF_VALUES = ("table", "radiomics")  # kinds whose inputs are values and, in a second row, what each is: 0 a number


def rows_of_patient(made: Mapping[str, Any], kind: str, series: list[str]) -> float:
    """Return the rows of a patient in an input: slices are appended, all else is joined in one row."""
    rows = [made["rows"].get(name, 0) for name in series]
    return float(sum(rows) if kind == "slices" else max([*rows, 0]) or 1)


def rows_of_training(sample: Mapping[str, Any], made: Mapping[str, Any], network: Mapping[str, Any]) -> int:
    """Return the rows of a usual training part of a cohort."""
    patients = len(sample["patients"]["patient_id"])
    return max(4, round(TRAINED * patients * rows_of_patient(made, network["kind"], network["series"])))


def shape_of(made: Mapping[str, Any], network: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the shape of one row of a network's inputs, with the channels of its series."""
    shape = tuple(made["shape"])
    if network["kind"] in ("volume", "slices"):
        return shape
    channels = len(network["series"])
    if network["kind"] == KIND:  # with the site and the place in the order of ids
        return tuple(with_patient_facts(np.empty((1, channels, *shape))).shape[1:])
    return (channels, *shape)


def random_inputs(made: Mapping[str, Any]) -> Callable[[tuple[int, ...], npt.DTypeLike, int], Part]:
    """Return what draws random patients of an input; in tables every column is a number."""

    def draw(shape: tuple[int, ...], dtype: npt.DTypeLike, rows: int) -> Part:
        part = random_part(shape, dtype, rows)
        if made["kind"] in OF_VALUES:
            part.inputs[:, :, 1] = 0
        return part

    return draw
