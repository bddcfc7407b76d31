"""Making inputs: each patient's series read and turned into the array an approach asks for."""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd

from gliobench.cohorts.rsna import series_folder
from gliobench.imaging.dicom import read_series


def make_inputs(
    patient_ids: Iterable[str], modality: str, folder: str | Path, settings: dict
) -> tuple[list[np.ndarray], pd.DataFrame]:
    """
    Make the inputs of some patients from their series of one modality.

    Parameters
    ----------
    patient_ids : iterable of str
        Patients whose series the audit found usable.
    modality : str
        FLAIR, T1w, T1wCE or T2w.
    folder : path
        The cohort, in the competition's layout.
    settings : dict
        ``input`` of the approach: ``kind`` names the module of `gliobench.inputs` whose ``make_input(volume,
        settings)`` makes one array; ``voi_lut`` asks for the VOI LUT.

    Returns
    -------
    arrays : list of ndarray
        One a patient.
    index : DataFrame
        patient_id and slice_index (empty) of each array.
    """
    make_input = import_module(f"gliobench.inputs.{settings['kind']}").make_input
    patient_ids = list(patient_ids)
    arrays = []
    for patient_id in patient_ids:
        volume, _ = read_series(series_folder(folder, patient_id, modality), voi_lut=settings["voi_lut"])
        arrays.append(make_input(volume, settings))
    return arrays, pd.DataFrame({"patient_id": patient_ids, "slice_index": [None] * len(patient_ids)})
