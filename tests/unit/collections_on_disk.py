"""Made collections in the layouts as downloaded: tables with the real columns, and small NIfTI images."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

UPENN_NAMES = {"FLAIR": "FLAIR", "T1w": "T1", "T1wCE": "T1GD", "T2w": "T2"}
UCSF_NAMES = {"FLAIR": "FLAIR", "T1w": "T1", "T1wCE": "T1c", "T2w": "T2"}
BRATS_NAMES = {"FLAIR": "flair", "T1w": "t1", "T1wCE": "t1ce", "T2w": "t2"}


def write_images(series, mask, seed, side=24):
    """Write a skull-stripped head for each of some paths, and at `mask` the regions 1, 2 and 4 of its tumour."""
    rng = np.random.default_rng(seed)
    places = np.indices((side, side, side)) - side / 2
    brain = (places**2).sum(axis=0) < (0.45 * side) ** 2
    distance = np.sqrt(((places - rng.uniform(-3, 3, (3, 1, 1, 1))) ** 2).sum(axis=0))
    regions = np.select([distance < 2, distance < 4, distance < 6], [1, 4, 2], 0).astype(np.int16)
    affine = np.diag([6.0, 6.0, 6.0, 1.0])
    for path in series:
        voxels = np.where(brain, rng.normal(500, 50, brain.shape) + 100 * regions, 0).astype(np.int16)
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(voxels, affine), path)
    mask.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(regions, affine), mask)


def upenn_rows(n: int) -> list[dict[str, str]]:
    """Return rows of the clinical table: n labelled scans, one later scan, and one without a label."""
    rows = [
        {"ID": f"UPENN-GBM-{number:05}_11", "MGMT": ("Unmethylated", "Methylated")[number % 2], "IDH1": "Wildtype"}
        for number in range(1, n + 1)
    ]
    rows.append({"ID": "UPENN-GBM-00001_21", "MGMT": "Methylated", "IDH1": "Wildtype"})
    rows.append({"ID": f"UPENN-GBM-{n + 1:05}_11", "MGMT": "Indeterminate", "IDH1": "NOS/NEC"})
    return [row | {"Gender": "F", "Age_at_scan_years": str(50 + place)} for place, row in enumerate(rows)]


def write_upenn(folder: Path, n: int, images: bool = True) -> None:
    folder.mkdir(parents=True)
    rows = upenn_rows(n)
    pd.DataFrame(rows).to_csv(folder / "UPENN-GBM_clinical_info_v2.1.csv", index=False)
    for number, scan in enumerate(row["ID"] for row in (rows if images else [])):
        home = folder / "images_structural" / scan
        corrected = number % 2 == 0
        place, end = ("images_segm", "segm") if corrected else ("automated_segm", "automated_approx_segm")
        paths = [home / f"{scan}_{name}.nii.gz" for name in UPENN_NAMES.values()]
        write_images(paths, folder / place / f"{scan}_{end}.nii.gz", number)


def ucsf_rows(n: int) -> list[dict[str, str]]:
    """Return rows of the metadata: n labelled patients, and one without a status."""
    rows = [
        {
            "ID": f"UCSF-PDGM-{number:03}",
            "MGMT status": ("negative", "positive")[number % 2],
            "MGMT index": ("0", "2")[number % 2],
            "BraTS21 ID": f"BraTS2021_{number:05}" if number % 3 == 0 else "",
        }
        for number in range(4, n + 4)
    ]
    rows.append({"ID": f"UCSF-PDGM-{n + 4:03}", "MGMT status": "", "MGMT index": "", "BraTS21 ID": ""})
    same = {"IDH": "wildtype", "WHO CNS Grade": "4", "Biopsy prior to imaging": "No", "Sex": "M"}
    return [same | row | {"Age at MRI": str(40 + place)} for place, row in enumerate(rows)]


def write_ucsf(folder: Path, rows: list[dict[str, str]], images: bool = True) -> None:
    folder.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(folder / "UCSF-PDGM-metadata_v2.csv", index=False)
    for number, row in enumerate(rows if images else []):
        scan = row["ID"].replace("PDGM-", "PDGM-0")
        home = folder / f"{scan}_nifti"
        paths = [home / f"{scan}_{name}.nii.gz" for name in UCSF_NAMES.values()]
        write_images(
            [*paths, home / f"{scan}_FLAIR_bias.nii.gz"], home / f"{scan}_tumor_segmentation.nii.gz", 100 + number
        )


def write_brats(folder: Path, n: int, images: bool = True) -> None:
    """Write n labelled patients, and the folder of one without a label."""
    folder.mkdir(parents=True)
    labels = pd.DataFrame({"BraTS21ID": [f"{number:05}" for number in range(n)], "MGMT_value": np.arange(n) % 2})
    labels.to_csv(folder / "train_labels.csv", index=False)
    for number in range(n + 1 if images else 0):
        scan = f"BraTS2021_{number:05}"
        paths = [folder / scan / f"{scan}_{name}.nii.gz" for name in BRATS_NAMES.values()]
        write_images(paths, folder / scan / f"{scan}_seg.nii.gz", 200 + number)
