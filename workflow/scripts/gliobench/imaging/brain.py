"""Where the brain is, and skull stripping for series that still need it."""

import numpy as np
import numpy.typing as npt
import SimpleITK
from scipy import ndimage

from gliobench.imaging.intensity import background
from gliobench.imaging.resample import image_of, reduced
from gliobench.imaging.volume import Volume

SPACING = (2.0, 2.0, 2.0)  # mm, of the grid on which masks of heads are made
BRIDGE = 4.0  # mm: what joins brain and scalp (vessels, nerves, muscle) is thinner than twice that
DENT = 10.0  # mm: dark parts at the brain's surface are narrower than twice that
IN_SLICE = np.array([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]])


def stripped(volume: Volume, when: str) -> tuple[Volume, npt.NDArray[np.bool_]]:
    """
    Return a series without its skull, and the mask of its content.

    Parameters
    ----------
    volume : Volume
        A series.
    when : str
        ``auto`` strips unless `background` finds that the series is already stripped, ``always`` strips in any case,
        ``none`` never.

    Returns
    -------
    volume : Volume
        The input itself if there is nothing to strip; else with its smallest value outside the brain.
    mask : numpy.ndarray of bool, shape (slices, rows, columns)
        The brain, or with `when` = ``none`` the head of a series that still has its skull.
    """
    outside = background(volume.voxels)
    if when == "none" or (when == "auto" and outside is not None):
        return volume, head_mask(volume) if outside is None else volume.voxels != outside
    mask = brain_mask(volume)
    return Volume(np.where(mask, volume.voxels, volume.voxels.min()), volume.affine), mask


def brain_mask(volume: Volume) -> npt.NDArray[np.bool_]:
    """
    Find the brain in a head: the largest bright part once thin bridges are gone, its holes filled.

    Otsu's threshold, erosion by 4 mm, largest component, dilation by as much, closing by 10 mm (dark cortex,
    necrosis), all on a grid of about 2 mm; dark holes are filled slice by slice. Coarse; nothing is learnt.

    Parameters
    ----------
    volume : Volume
        A series with skull.
    """
    image = reduced(image_of(volume), SPACING)
    bridge, dent = ([round(size / spacing) for spacing in image.GetSpacing()] for size in (BRIDGE, DENT))
    core = _largest(SimpleITK.BinaryErode(_bright(image), bridge))
    closed = SimpleITK.BinaryMorphologicalClosing(SimpleITK.BinaryDilate(core, bridge), dent)
    return _on_grid_of(volume, _filled(closed))


def head_mask(volume: Volume) -> npt.NDArray[np.bool_]:
    """Find the head: what is brighter than Otsu's threshold, its holes filled slice by slice; the largest part."""
    return _on_grid_of(volume, _largest(_filled(_bright(reduced(image_of(volume), SPACING)))))


def _bright(image: SimpleITK.Image) -> SimpleITK.Image:
    voxels = SimpleITK.GetArrayViewFromImage(image)
    clamped = SimpleITK.Clamp(image, upperBound=float(np.percentile(voxels, 98)))  # fat may outshine all else
    return SimpleITK.OtsuThreshold(clamped, 0, 1)


def _largest(mask: SimpleITK.Image) -> SimpleITK.Image:
    return SimpleITK.RelabelComponent(SimpleITK.ConnectedComponent(mask), sortByObjectSize=True) == 1


def _filled(mask: SimpleITK.Image) -> SimpleITK.Image:
    voxels = ndimage.binary_fill_holes(SimpleITK.GetArrayViewFromImage(mask), IN_SLICE)
    filled = SimpleITK.GetImageFromArray(voxels.astype(np.uint8))
    filled.CopyInformation(mask)
    return filled


def _on_grid_of(volume: Volume, mask: SimpleITK.Image) -> npt.NDArray[np.bool_]:
    template = image_of(Volume(np.zeros(volume.voxels.shape, bool), volume.affine))
    finer = SimpleITK.Resample(mask, template, SimpleITK.Transform(), SimpleITK.sitkNearestNeighbor)
    return SimpleITK.GetArrayFromImage(finer).astype(bool)
