"""Series resampled onto one grid of the patient, through their affines."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import SimpleITK

from gliobench.imaging.facts import SeriesError
from gliobench.imaging.volume import Volume

LEAST_WEIGHT = 1e-3  # of a voxel; anything below is rounding
TURNED = np.diag([-1.0, -1.0, 1.0])  # RAS+ to LPS+, SimpleITK's space, and back

SimpleITK.ProcessObject.SetGlobalDefaultNumberOfThreads(1)  # threads would change the last digits of sums


@dataclass(frozen=True)
class Grid:
    """
    A grid along the patient's axes.

    Attributes
    ----------
    shape : tuple of 3 int
        Voxels along x (to the right), y (to the front), z (upwards).
    spacing : tuple of 3 floats
        mm.
    centre : numpy.ndarray, shape (3,)
        Middle of the grid, RAS+ mm.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    centre: npt.NDArray[np.float64]

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """From (x, y, z) to RAS+ mm, shape (4, 4)."""
        matrix = np.diag([*self.spacing, 1.0])
        matrix[:3, 3] = self.centre - np.array(self.spacing) * (np.array(self.shape) - 1) / 2
        return matrix


def image_of(volume: Volume) -> SimpleITK.Image:
    """Return a volume as an image in LPS+ space: masks as uint8, all else as float32, non-finite values as 0."""
    kind = np.uint8 if volume.voxels.dtype == bool else np.float32
    voxels = volume.voxels.astype(kind)
    if volume.voxels.dtype.kind == "f":
        np.nan_to_num(voxels, copy=False, posinf=0, neginf=0)
    image = SimpleITK.GetImageFromArray(voxels)
    steps = TURNED @ volume.affine[:3, 2::-1]  # of column, row, slice
    spacing = np.linalg.norm(steps, axis=0)
    image.SetSpacing(spacing.tolist())
    # Without traces such as 1e-296, at which ITK's inverse of the direction fails and the image comes out empty.
    image.SetDirection(np.round(steps / spacing, 15).ravel().tolist())
    image.SetOrigin((TURNED @ volume.affine[:3, 3]).tolist())
    return image


def reduced(image: SimpleITK.Image, spacing: tuple[float, ...]) -> SimpleITK.Image:
    """
    Return the means of blocks of voxels, as large as possible without becoming coarser than the spacing.

    Parameters
    ----------
    image : SimpleITK.Image
        With any orientation in the patient.
    spacing : tuple of 3 floats
        mm along the patient's axes; each image axis uses that of the nearest patient axis.
    """
    directions = np.abs(np.reshape(image.GetDirection(), (3, 3)))
    wanted = np.array(spacing)[directions.argmax(axis=0)]
    blocks = np.floor(wanted / image.GetSpacing() + 1e-6).astype(int)
    blocks = np.clip(blocks, 1, image.GetSize())
    return SimpleITK.BinShrink(image, blocks.tolist()) if blocks.max() > 1 else image


def sample(
    volume: Volume,
    grid: Grid,
    transform: SimpleITK.Transform | None = None,
    inside: npt.NDArray[np.bool_] | None = None,
) -> npt.NDArray[np.float32]:
    """
    Resample a volume onto a grid, linearly; where the grid is much coarser, means of blocks are taken first.

    Parameters
    ----------
    volume : Volume
        A series.
    grid : Grid
        The target.
    transform : SimpleITK.Transform, optional
        From the grid's space to the volume's (see `rigid`).
    inside : numpy.ndarray of bool, shape of the voxels, optional
        Voxels that count: means are taken over these only, so that the background does not darken the edge of a brain
        (normalized convolution, Knutsson and Westin 1993). Holes count as inside.

    Returns
    -------
    numpy.ndarray, shape (x, y, z)
        The nearest value beyond the volume's edge; 0 where nothing inside is near.
    """
    image = image_of(volume)
    if inside is None:
        return _resample(reduced(image, grid.spacing), grid, SimpleITK.sitkLinear, transform)
    mask = SimpleITK.Cast(image_of(Volume(inside, volume.affine)), SimpleITK.sitkFloat32)
    weighted, weights = (reduced(each, grid.spacing) for each in (image * mask, mask))
    holes = SimpleITK.Cast(_holes(weights), SimpleITK.sitkFloat32)
    weighted, weights = weighted + reduced(image, grid.spacing) * holes, weights + holes
    total, weight = (_resample(each, grid, SimpleITK.sitkLinear, transform) for each in (weighted, weights))
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > LEAST_WEIGHT)


def _holes(weights: SimpleITK.Image) -> SimpleITK.Image:
    """Return the holes of a mask: fluid without signal, which is part of the brain."""
    mask = weights > 0
    return SimpleITK.BinaryFillhole(mask, foregroundValue=1) - mask


def sample_mask(
    mask: npt.NDArray[np.bool_],
    affine: npt.NDArray[np.float64],
    grid: Grid,
    transform: SimpleITK.Transform | None = None,
) -> npt.NDArray[np.bool_]:
    """
    Resample a mask onto a grid, each voxel as its nearest; False beyond the mask's edge.

    Parameters
    ----------
    mask : numpy.ndarray of bool, shape (slices, rows, columns)
        The mask.
    affine : numpy.ndarray, shape (4, 4)
        From its indices to RAS+ mm.
    grid : Grid
        The target.
    transform : SimpleITK.Transform, optional
        As for `sample`.
    """
    image = image_of(Volume(mask, affine))
    return _resample(image, grid, SimpleITK.sitkNearestNeighbor, transform).astype(bool)


def box(mask: npt.NDArray[np.bool_], affine: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """
    Return the corners of a mask's bounding box along the patient's axes.

    Parameters
    ----------
    mask : numpy.ndarray of bool, shape (slices, rows, columns)
        The mask.
    affine : numpy.ndarray, shape (4, 4)
        From its indices to RAS+ mm.

    Returns
    -------
    numpy.ndarray, shape (2, 3)
        The lowest and the highest of its voxels' middles, RAS+ mm.

    Raises
    ------
    SeriesError
        The mask is empty.
    """
    lines = mask.any(axis=2)
    if not lines.any():
        raise SeriesError("the series that the grid is centred on has no foreground; exclude it.")
    first = mask.argmax(axis=2)[lines]  # a box ends where lines of the mask do
    last = mask.shape[2] - 1 - mask[:, :, ::-1].argmax(axis=2)[lines]
    places = np.argwhere(lines)
    ends = np.concatenate([np.column_stack([places, first]), np.column_stack([places, last])])
    points = ends @ affine[:3, :3].T + affine[:3, 3]
    return np.array([points.min(axis=0), points.max(axis=0)])


def _resample(image: SimpleITK.Image, grid: Grid, way: int, transform: Any) -> npt.NDArray[Any]:
    made = SimpleITK.Resample(
        image,
        size=grid.shape,
        transform=transform or SimpleITK.Transform(),
        interpolator=way,
        outputOrigin=(TURNED @ grid.affine[:3, 3]).tolist(),
        outputSpacing=grid.spacing,
        outputDirection=TURNED.ravel().tolist(),
        useNearestNeighborExtrapolator=way == SimpleITK.sitkLinear,
    )
    return np.ascontiguousarray(SimpleITK.GetArrayFromImage(made).transpose(2, 1, 0))


def resized(image: npt.NDArray[Any], rows: int, columns: int, interpolation: str = "area") -> npt.NDArray[np.float32]:
    """
    Resize a slice.

    Parameters
    ----------
    image : numpy.ndarray, shape (rows, columns)
        The slice.
    rows, columns : int
        Its new size.
    interpolation : {"area", "bilinear"}
        ``area``: the mean over each new pixel's area where it shrinks, bilinear where it grows; ``bilinear``: bilinear
        in either case, which skips pixels where it shrinks by more than half.
    """
    shrinks = rows <= image.shape[0] and columns <= image.shape[1]
    way = cv2.INTER_AREA if shrinks and interpolation == "area" else cv2.INTER_LINEAR
    return cv2.resize(image.astype(np.float32), (columns, rows), interpolation=way)
