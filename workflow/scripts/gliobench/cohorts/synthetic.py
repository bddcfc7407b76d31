"""Generated cohorts: DICOM in the competition's layout, with a planted signal and a known best possible AUC."""

import shutil
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from gliobench.cohorts.acquisition import Series, acquire, digitise, draw_tilt, plan_slices, sample, signal_map
from gliobench.cohorts.anatomy import Anatomy
from gliobench.cohorts.generator import clear, grow_tumour, patient_rng, write_patients
from gliobench.cohorts.lesion import Lesion, Traits, draw_traits
from gliobench.cohorts.names import LABEL_TABLES, REGIONS, lesion_file, segmentation_file
from gliobench.cohorts.writers import Scanner, write_nifti, write_series
from gliobench.files import whole
from gliobench.seeds import derive_seed

LABEL_TABLE = LABEL_TABLES["rsna"]
OUTLINED = "T1wCE"  # the segmentation is on its grid, or on that of the first series where there is none
ORACLE_DRAWS = 1_000_000
SMALLEST_CLASS = 3  # each class holds at least one in this number of patients


@cache
def oracle_auc(beta: float) -> float:
    """
    Return the AUC of the population's true probabilities, the best that any method could reach.

    The mean over all pairs of a million drawn patients, each counted as positive with its probability sigmoid(beta s).
    """
    latent = np.random.default_rng(derive_seed(0, "oracle")).standard_normal(ORACLE_DRAWS)
    positive = np.sort(special.expit(beta * latent))
    negative = 1 - positive
    below = np.cumsum(negative) - negative / 2
    return float((positive * below).sum() / (positive.sum() * negative.sum()))


def draw_patients(settings: Mapping[str, Any], seed: int) -> pd.DataFrame:
    """
    Draw a cohort's patients.

    The whole cohort is redrawn until each class holds at least a third of it, so that folds can be stratified.

    Parameters
    ----------
    settings : mapping
        All settings of the cohort, as `gliobench.settings.generators.SyntheticGenerator` describes them.
    seed : int
        The cohort's base seed.

    Returns
    -------
    DataFrame
        patient_id (five digits), label (0, 1), site, latent, oracle_probability.
    """
    count = settings["patients"]
    rng = np.random.default_rng(derive_seed(seed, "patients"))
    while True:
        latent = rng.standard_normal(count)
        probability = special.expit(settings["signal"] * latent)
        label = (rng.random(count) < probability).astype(int)
        if count // SMALLEST_CLASS <= label.sum() <= count - count // SMALLEST_CLASS:
            break
    return pd.DataFrame(
        {
            "patient_id": [f"{number:05}" for number in range(count)],
            "label": label,
            "site": _draw_sites(settings, label, rng),
            "latent": latent,
            "oracle_probability": probability,
        }
    )


def _draw_sites(settings: Mapping[str, Any], label: np.ndarray, rng: np.random.Generator) -> list[str]:
    names = np.array([site["name"] for site in settings["sites"]])
    share = np.array([site["share"] for site in settings["sites"]], dtype="float64")
    first_half = np.arange(len(names)) < (len(names) + 1) // 2
    confounded = rng.random(len(label)) < settings["site_confounding"]
    sites = []
    for one, follows in zip(label, confounded, strict=True):
        weights = share * (first_half == bool(one)) if follows else share
        sites.append(str(rng.choice(names, p=weights / weights.sum())))
    return sites


def build_brain(patient: Mapping[str, Any], settings: Mapping[str, Any], seed: int) -> tuple[Anatomy, Lesion, Traits]:
    """Build a patient's anatomy and lesion, with the traits that follow the latent."""
    traits = draw_traits(
        patient_rng(seed, patient, "traits"),
        patient["latent"],
        settings["traits"],
        settings["trait_strength"],
        settings["lesion"]["oedema_volume"],
    )
    anatomy, lesion, _ = grow_tumour(patient, settings, seed, traits)
    return anatomy, lesion, traits


def write_patient(patient: Mapping[str, Any], settings: Mapping[str, Any], seed: int, folder: str | Path) -> None:
    """
    Write a patient's series to ``<folder>/train/<patient_id>/<modality>/Image-<n>.dcm``.

    The mask of the whole lesion, on the anatomy's grid, goes to ``<folder>/lesions/<patient_id>.nii.gz``; the
    segmentation of its regions, if the cohort has any, to ``<folder>/segmentations/<patient_id>.nii.gz``.

    Parameters
    ----------
    patient : mapping
        One row of `draw_patients`.
    settings : mapping
        Settings of the cohort.
    seed : int
        The cohort's base seed.
    folder : path
        The cohort's folder.
    """
    anatomy, lesion, _ = build_brain(patient, settings, seed)
    write_nifti((lesion.whole > 0.5).astype("uint8"), anatomy.affine, lesion_file(folder, patient["patient_id"]))
    home = Path(folder) / "train" / patient["patient_id"]
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    rng = patient_rng(seed, patient, "defects")
    flawed = {
        name: rng.choice(settings["modalities"]) if rng.random() < settings["defects"][name] else None
        for name in ("missing_modality", "blank_series", "truncated_file")
    }
    written = {}
    for modality in settings["modalities"]:
        if modality == flawed["missing_modality"]:
            continue
        site = next(site for site in settings["sites"] if site["name"] == patient["site"])
        rng = patient_rng(seed, patient, modality)
        series = _acquire_series(anatomy, lesion, modality, site, settings, rng)
        if modality == flawed["blank_series"]:
            series = Series(np.zeros_like(series.pixels), series.affine)
        files = write_series(
            series,
            home / modality,
            _draw_numbers(len(series.pixels), settings["defects"], rng),
            patient["patient_id"],
            modality,
            Scanner(site["manufacturer"], site["model"], site["field_strength"]),
            (seed, patient["patient_id"]),
        )
        if modality == flawed["truncated_file"]:
            _truncate(files[int(rng.integers(len(files)))])
        written[modality] = series
    if settings["segmentation"] and written:
        outlined = written.get(OUTLINED, next(iter(written.values())))
        mask = _segment(anatomy, lesion, outlined)
        affine = outlined.affine[:, [2, 1, 0, 3]]
        write_nifti(mask.transpose(2, 1, 0), affine, segmentation_file(folder, patient["patient_id"]))


def _segment(anatomy: Anatomy, lesion: Lesion, series: Series) -> NDArray[np.uint8]:
    """Return the regions of a lesion on the grid of a series: where most of a voxel is lesion, its largest part."""
    thickness = float(np.linalg.norm(series.affine[:3, 0])) / anatomy.spacing
    parts = {"necrosis": lesion.necrosis, "oedema": lesion.oedema, "enhancing": lesion.rim}
    shares = np.stack(
        [sample(part, anatomy.affine, series.affine, series.pixels.shape, thickness) for part in parts.values()]
    )
    values = np.array([REGIONS[name][0] for name in parts], dtype="uint8")
    return np.where(shares.sum(axis=0) > 0.5, values[shares.argmax(axis=0)], np.uint8(0))


def _acquire_series(
    anatomy: Anatomy,
    lesion: Lesion,
    modality: str,
    site: dict[str, Any],
    settings: Mapping[str, Any],
    rng: np.random.Generator,
) -> Series:
    defects = settings["defects"]
    fewest, most = settings["slices"]
    count = int(rng.integers(fewest, most, endpoint=True))
    blank = int(rng.integers(1, max(1, count // 8), endpoint=True)) if rng.random() < defects["blank_ends"] else 0
    affine = plan_slices(
        anatomy,
        str(rng.choice(settings["planes"][modality])),
        draw_tilt(rng, settings["tilt"]),
        settings["matrix"],
        site["field_of_view"],
        count,
        blank,
    )
    image = signal_map(anatomy, lesion, modality, rng, site["bias"], site["contrast"])
    shape = (count, settings["matrix"], settings["matrix"])
    slices = acquire(image, anatomy, affine, shape, settings["noise"] * site["noise"], rng)
    return digitise(slices, affine, bool(rng.random() < defects["rescale_slope"]), rng)


def _draw_numbers(count: int, defects: dict[str, float], rng: np.random.Generator) -> list[int]:
    """Give the slices their numbers: from 1 along the normal, unless a defect says otherwise."""
    steps = np.ones(count, dtype=int)
    steps[0] = rng.integers(2, 400) if rng.random() < defects["numbering_offset"] else 1
    if rng.random() < defects["numbering_gaps"]:
        steps[1 + rng.integers(0, count - 1, max(1, count // 10))] += 1
    numbers = np.cumsum(steps)
    return (numbers[::-1] if rng.random() < defects["reversed_order"] else numbers).tolist()


def _truncate(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def write_cohort(settings: Mapping[str, Any], seed: int, folder: str | Path, workers: int = 1) -> None:
    """
    Write a cohort in the competition's layout, with ``truth.tsv`` next to it; parameters as of `write_patient`.

    ``train_labels.csv`` is written last and marks the cohort as complete. Files from an earlier call are replaced.

    Raises
    ------
    GlioBenchError
        The folder holds data that were not generated.
    """
    folder = Path(folder)
    patients = draw_patients(settings, seed)
    clear(folder, [folder / "train", folder / "lesions", folder / "segmentations"], folder / LABEL_TABLE)
    write = partial(write_patient, settings=settings, seed=seed, folder=folder)
    write_patients(write, patients, folder, settings["matrix"], workers)
    with whole(folder / LABEL_TABLE) as temporary:
        labels = patients[["patient_id", "label"]].set_axis(["BraTS21ID", "MGMT_value"], axis=1)
        labels.to_csv(temporary, index=False, lineterminator="\n")
