"""The answer for a patient, by the functions of `predict`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd

from gliobench.cohorts import DECODED_KIND, read_patient_series
from gliobench.errors import GlioBenchError
from gliobench.evaluation.one_patient import out_of_fold
from gliobench.files import check_record
from gliobench.inputs.store import write_shard
from gliobench.predict.apply import Models, apply_models, load_models
from gliobench.predict.describe import Study, describe, evidence, read_study
from gliobench.predict.patient import audit_patient, check_made, input_affine, make_patient_inputs
from gliobench.predict.request import Request, read_record
from gliobench.terms import MODALITIES, USABLE
from gliobench.training import Machine
from gliobench_service.answer_files import MAP

MASK_VALUES = 10  # labels of a segmentation, with the background; images have hundreds of values
Report = Callable[[str, float], None]


class Predictor:
    """
    A run in memory, which answers for one patient after another.

    Parameters
    ----------
    run : Path
        Folder of the run.
    machine : Machine
        Threads and device.
    """

    def __init__(self, run: Path, machine: Machine):
        self.record: dict[str, Any] = read_record(run)
        self.models: Models = load_models(run, self.record, machine)
        self.study: Study = read_study(Request({}, run, self.record).tables)

    def answer(self, patient: Path, work: Path, result: Path, keep: bool, report: Report) -> dict[str, Any]:
        """
        Predict one patient.

        Parameters
        ----------
        patient : Path
            The patient's folder.
        work : Path
            An empty folder for files that nobody needs later.
        result : Path
            An empty folder for the map, and the images if they are kept.
        keep : bool
            Whether the series are kept, as NIfTI without anything of their headers but the position.
        report : callable
            Is told what is done, and the share that is done.

        Returns
        -------
        dict
            As in the schema ``prediction``, and ``cohort``: for each label the probabilities of the patients whom the
            models tested.

        Raises
        ------
        GlioBenchError
            There is no input.
        """
        report("reading the series", 0.1)
        series, _ = audit_patient(patient, self.record, work)
        report("making the input", 0.4)
        check_images(patient.name, series, work)
        arrays, index = make_patient_inputs(patient, series, self.record, work)
        check_made(index)
        array = work / "input.npy"
        write_shard(arrays, index, array)
        report("applying the models", 0.6)
        answer = apply_models(self.models, [array])
        report("describing the answer", 0.9)
        prediction = describe(self.record, answer.plain, series, None, self.study)
        check_record(prediction, "prediction", "the answer")
        if answer.cams is not None:
            cam = evidence(answer.cams, prediction).astype(np.float32)
            affine = input_affine(patient.name, self.record, work)
            _write_nifti(cam, np.eye(4) if affine is None else affine, result / MAP)
        if keep:
            for modality in _images_of(series):
                volume, _ = read_patient_series(DECODED_KIND, work, patient.name, modality)
                _write_nifti(np.asarray(volume.voxels), volume.affine, result / f"{modality}.nii.gz")
        return prediction | {"cohort": self._distribution()}

    def _distribution(self) -> dict[str, list[float]]:
        tested = out_of_fold(self.study.predictions, self.record["phases"][-1])
        return {
            str(label): sorted(tested.loc[tested["label"] == label, "probability"].round(6).tolist())
            for label in (0, 1)
        }


def check_images(patient_id: str, series: pd.DataFrame, decoded: Path) -> None:
    """
    Refuse a segmentation that was sent as an image.

    Raises
    ------
    GlioBenchError
        A modality has as few values as a mask of labels.
    """
    for modality in _images_of(series):
        volume, _ = read_patient_series(DECODED_KIND, decoded, patient_id, modality)
        values = len(np.unique(volume.voxels))
        if values <= MASK_VALUES:
            raise GlioBenchError(
                f"{modality} has {values} different values, like a segmentation, not like an image: send the image."
            )


def _images_of(series: pd.DataFrame) -> list[str]:
    usable = series["status"].isin(USABLE) & series["modality"].isin(MODALITIES)
    return list(series.loc[usable, "modality"])


def _write_nifti(voxels: np.ndarray, affine: np.ndarray, path: Path) -> None:
    if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == 8:  # nibabel refuses them, since few programs read them
        small = np.iinfo(np.int32)
        fits = small.min <= voxels.min() and voxels.max() <= small.max
        voxels = voxels.astype(np.int32 if fits else np.float64)
    nib.save(nib.Nifti1Image(voxels, affine), path)
