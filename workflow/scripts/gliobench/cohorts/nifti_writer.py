"""NIfTI files of generated cohorts, independent of the reader, so that editing the reader regenerates nothing."""

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

COMPRESSION = 4  # of gzip: a little larger than the default of 9, several times as fast


def write_nifti(voxels: npt.NDArray[Any], affine: npt.NDArray[np.float64], path: Path) -> None:
    """
    Write a ``.nii.gz`` file in mm: the same bytes for the same content.

    Parameters
    ----------
    voxels : array of shape (i, j, k)
        Values; stored with their own type.
    affine : array of shape (4, 4)
        From (i, j, k) to RAS+ mm.
    path : Path
        The file; its folder is made.
    """
    image = nib.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image.to_bytes(), COMPRESSION, mtime=0))
