"""Generated brainstem cohorts: NIfTI with a segmentation and a planted infiltration in three grades."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gliobench.cohorts.acquisition import Series, acquire, digitise, draw_tilt, plan_slices, sample, signal_map
from gliobench.cohorts.anatomy import Anatomy
from gliobench.cohorts.generator import clear, grow_tumour, patient_rng, working_spacing, write_patients
from gliobench.cohorts.infiltration import draw_infiltration, infiltrate, load_brainstem
from gliobench.cohorts.lesion import Lesion, draw_traits
from gliobench.cohorts.names import GRADE_LABELS, GRADES, TABLE
from gliobench.cohorts.writers import write_nifti
from gliobench.files import whole
from gliobench.seeds import derive_seed
from gliobench.terms import MODALITIES

REFERENCE = "T1wCE"  # the segmentation is on its grid


def draw_patients(settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """
    Draw a cohort's patients, with the requested number of each grade.

    A patient's infiltrated volume is that of the own grade with probability `signal`, else that of a grade drawn by
    its frequency; so the probability of extensive infiltration given the volume is known.

    Parameters
    ----------
    settings, seed
        As for `gliobench.cohorts.synthetic.draw_patients`, but of a `BrainstemGenerator`.

    Returns
    -------
    DataFrame
        patient_id (five digits), grade, label (0, 1), share (of the brainstem that is infiltrated), lacking (the
        modality that an incomplete patient lacks, else None), oracle_probability.
    """
    counts = settings["patients"]
    rng = np.random.default_rng(derive_seed(seed, "patients"))
    grades = np.repeat(GRADES, [counts[grade] for grade in GRADES])
    frequency = np.array([(grades == grade).mean() for grade in GRADES])
    lacking = [name for name in MODALITIES if name != REFERENCE]
    more = counts["incomplete"]
    patients = pd.DataFrame(
        {
            "grade": [*grades, *rng.choice(GRADES, more, p=frequency)],
            "lacking": [None] * len(grades) + rng.choice(lacking, more).tolist(),
        }
    )
    patients = patients.iloc[rng.permutation(len(patients))].reset_index(drop=True)
    follows = rng.random(len(patients)) < settings["signal"]
    shown = np.where(follows, patients["grade"], rng.choice(GRADES, len(patients), p=frequency))
    ranges = {"none": [0.0, 0.0], **settings["infiltration"]}
    prior = (1 - settings["signal"]) * frequency[-1]
    return patients.assign(
        patient_id=[f"{number:05}" for number in range(len(patients))],
        label=patients["grade"].map(GRADE_LABELS),
        share=[rng.uniform(*ranges[grade]) for grade in shown],
        oracle_probability=settings["signal"] * (shown == "extensive") + prior,
    )


def build_brain(
    patient: Mapping[str, Any], settings: Mapping[str, Any], seed: int
) -> tuple[Anatomy, Lesion, NDArray[np.float32]]:
    """
    Build a patient's brain with a tumour of any kind in a hemisphere and infiltration in the brainstem.

    Returns
    -------
    anatomy : Anatomy
        Healthy tissue, on a grid as fine as the series need (1 to 3 mm).
    lesion : Lesion
        Tumour and infiltration.
    stem : float32 array of shape (x, y, z)
        The brainstem, 0 to 1.
    """
    traits = draw_traits(patient_rng(seed, patient, "traits"), 0.0, [], 0.0, settings["lesion"]["oedema_volume"])
    template_stem = load_brainstem(working_spacing(settings["matrix"]))
    anatomy, lesion, (stem,) = grow_tumour(patient, settings, seed, traits, template_stem)
    infiltrated = draw_infiltration(anatomy, stem, patient["share"], patient_rng(seed, patient, "infiltration"))
    return anatomy, infiltrate(lesion, stem, infiltrated, settings["infiltration"]["oedema_share"]), stem


def write_patient(patient: Mapping[str, Any], settings: Mapping[str, Any], seed: int, folder: str | Path) -> None:
    """
    Write a patient's series and segmentation to ``<folder>/<patient_id>/<name>.nii.gz``.

    ``patient`` is a row of `draw_patients`; the others as for `gliobench.cohorts.synthetic.write_patient`.
    """
    anatomy, lesion, stem = build_brain(patient, settings, seed)
    home = Path(folder) / patient["patient_id"]
    for modality in MODALITIES:
        if modality == patient["lacking"]:
            continue
        series = _acquire_series(anatomy, lesion, modality, settings, patient_rng(seed, patient, modality))
        _write(series.pixels, series.affine, home / f"{modality}.nii.gz")
        if modality == REFERENCE:
            thickness = float(np.linalg.norm(series.affine[:3, 0])) / anatomy.spacing
            mask = sample(stem, anatomy.affine, series.affine, series.pixels.shape, thickness) > 0.5
            _write(mask.astype("uint8"), series.affine, home / "segmentation.nii.gz")


def _acquire_series(
    anatomy: Anatomy, lesion: Lesion, modality: str, settings: Mapping[str, Any], rng: np.random.Generator
) -> Series:
    fewest, most = settings["slices"]
    count = int(rng.integers(fewest, most, endpoint=True))
    matrix = settings["matrix"]
    plane = str(rng.choice(settings["planes"][modality]))
    tilt = draw_tilt(rng, settings["tilt"])
    affine = plan_slices(anatomy, plane, tilt, matrix, rng.uniform(*settings["field_of_view"]), count, 0)
    image = signal_map(anatomy, lesion, modality, rng)
    slices = acquire(image, anatomy, affine, (count, matrix, matrix), settings["noise"], rng)
    return digitise(slices, affine, False, rng)


def _write(voxels: NDArray, affine: NDArray[np.float64], path: Path) -> None:
    """Write slices as converters of DICOM do: columns along the first axis, slices along the last."""
    write_nifti(voxels.transpose(2, 1, 0), affine[:, [2, 1, 0, 3]], path)


def write_cohort(settings: Mapping[str, Any], seed: int, folder: str | Path, workers: int = 1) -> None:
    """
    Write a cohort in the layout that `gliobench.cohorts.brainstem` reads; parameters as of `write_patient`.

    ``truth.tsv`` has no sites. ``patients.tsv`` is written last and marks the cohort as complete. Files from an earlier
    call are replaced.

    Raises
    ------
    GlioBenchError
        The folder holds data that were not generated.
    """
    folder = Path(folder)
    patients = draw_patients(settings, seed).assign(site=None)
    clear(folder, [path for path in folder.glob("*") if path.is_dir()], folder / TABLE)
    load_brainstem(working_spacing(settings["matrix"]))  # so that forked workers share it
    write = partial(write_patient, settings=settings, seed=seed, folder=folder)
    write_patients(write, patients, folder, settings["matrix"], workers)
    with whole(folder / TABLE) as temporary:
        patients[["patient_id", "grade"]].to_csv(temporary, sep="\t", index=False, lineterminator="\n")
