"""
TorchIO's augmentation of training patients, in minibatches on their device. On a GPU the host never waits for it.

Definitions and strengths are those of TorchIO 1.2, for images whose origin is the middle of their grid. Whether a step
changes a patient is drawn once for all of its images; with what, once for the turn and zoom of `affine`, but for each
image in the other steps, as in TorchIO.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from gliobench.training.torch_augment import Draws, axis_rotations, minus_one_to_one, sampling_grid
from gliobench.training.torch_session import constant

ROTATION = 10.0  # degrees about each axis, of a patient and of a simulated movement
ZOOM = 0.1  # share of each axis
NOISE = 0.25  # largest standard deviation
LOG_GAMMA = 0.3
MOVEMENTS = 2
EARLIER = 0.3  # a movement is earlier or later by up to this share of the time between two
COEFFICIENT = 0.5  # of the bias field's polynomial
ORDER = 3


def has_segmentation(inputs: np.ndarray) -> bool:
    """Whether the last channel of (n, channels, x, y, z) is a segmentation: only 0 and 1 in all patients."""
    return all(np.isin(patient[-1], (0, 1)).all() for patient in inputs)


def augment_patients(
    images: torch.Tensor, draws: Draws, settings: Mapping[str, Any], segmentation: bool, spacing: Sequence[float]
) -> torch.Tensor:
    """
    Augment each patient of a minibatch independently.

    Parameters
    ----------
    images : tensor
        Shape (n, channels, x, y, z), in [0, 1]; not changed.
    draws : Draws
        For the images' device.
    settings : dict
        ``affine``, ``noise``, ``gamma``, ``motion``, ``bias_field``: the probability of each; ``motion_mm``: the
        largest translation of a simulated movement along each axis. Other strengths are TorchIO's defaults.
    segmentation : bool
        Whether the last channel is a segmentation, which is moved with the images and keeps its values.
    spacing : sequence of float
        Distance of neighbouring voxels along x, y and z, mm.

    Returns
    -------
    tensor
        New ones of the same shape, on the same device.
    """
    changed = images.clone()
    scans = changed[:, : images.shape[1] - segmentation]
    steps: dict[str, tuple[torch.Tensor, Callable[[torch.Tensor, torch.Generator], torch.Tensor]]] = {
        "affine": (changed, partial(affine, segmentation=segmentation)),
        "noise": (scans, noise),
        "gamma": (scans, gamma),
        "motion": (scans, partial(motion, voxels=[settings["motion_mm"] / each for each in spacing])),
        "bias_field": (scans, bias_field),
    }
    shares = torch.rand((len(steps), len(images)), generator=draws.choices)
    for (name, (target, change)), drawn in zip(steps.items(), shares, strict=True):
        chosen = [patient for patient, share in zip(target, drawn.tolist(), strict=True) if share < settings[name]]
        if chosen:
            for patient, new in zip(chosen, change(torch.stack(chosen), draws.images), strict=True):
                patient.copy_(new)
    return changed


def affine(images: torch.Tensor, generator: torch.Generator, segmentation: bool) -> torch.Tensor:
    """Rotate, then zoom each axis, about the middle; outside is the image's minimum, and 0 in a segmentation."""
    sizes = 1 + ZOOM * minus_one_to_one((len(images), 1, 3), images, generator)
    first, second, third = axis_rotations(_angles((len(images),), images, generator))
    matrices = (third @ first @ second).transpose(1, 2) / sizes  # from a voxel to where it comes from
    nowhere = torch.zeros_like(sizes[:, 0])
    moved = _resampled(images, matrices, nowhere)
    if segmentation:
        moved[:, -1:] = _resampled(images[:, -1:], matrices, nowhere, labels=True)
    return moved


def noise(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Add normal noise, its standard deviation in each channel uniform up to `NOISE`."""
    deviations = NOISE * torch.rand((*images.shape[:2], 1, 1, 1), generator=generator, device=images.device)
    return torch.randn(images.shape, generator=generator, device=images.device).mul_(deviations).add_(images)


def gamma(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Raise each channel to a power, in size where it is negative."""
    powers = torch.exp(LOG_GAMMA * minus_one_to_one((*images.shape[:2], 1, 1, 1), images, generator))
    return images.sign() * images.abs() ** powers


def motion(images: torch.Tensor, generator: torch.Generator, voxels: Sequence[float]) -> torch.Tensor:
    """
    Simulate a patient who moves twice while the k-space of a channel is filled along the last axis (Shaw et al. 2019).

    Its middle is from the patient at rest, its two ends are from after a movement each: a rotation about the middle of
    the grid and a translation of up to so many voxels along each axis. k-space is cut along the last axis only, so the
    transforms along the other axes would cancel.
    """
    still = images.flatten(0, 1)[:, None]
    shape = (len(still), MOVEMENTS)
    angles = _angles(shape, images, generator)
    shifts = constant(tuple(voxels), images.device) * minus_one_to_one((*shape, 3), images, generator)
    times = (
        1 + torch.arange(MOVEMENTS, device=images.device) + EARLIER * minus_one_to_one(shape, images, generator)
    ) / (MOVEMENTS + 1)
    movements = zip(angles.unbind(1), shifts.unbind(1), strict=True)
    before, after = (torch.fft.rfft(_moved(still, *movement) - still) for movement in movements)
    length = images.shape[-1]
    frequencies = torch.arange(length // 2 + 1, device=images.device)
    both = torch.stack([frequencies, -frequencies])[:, None]  # an image is real: two opposite frequencies are its one
    places = (length // 2 + both) % length  # in k-space, whose middle has the lowest
    start, end = (length * times).long()[..., None].unbind(1)
    share_before, share_after = ((places < start).float().mean(0), (places >= end).float().mean(0))
    change = before * share_before[:, None, None, None] + after * share_after[:, None, None, None]
    return (still + torch.fft.irfft(change, length)).view_as(images)


def _moved(images: torch.Tensor, angles: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    first, second, third = axis_rotations(angles)
    return _resampled(images, third @ first @ second, shifts)


def bias_field(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Multiply each channel by the exponential of a polynomial of x, y and z, from -1 to 1 (Sudre et al. 2017)."""
    size = ORDER + 1
    coefficients = COEFFICIENT * minus_one_to_one((*images.shape[:2], size, size, size), images, generator)
    order = torch.arange(size, device=images.device)
    coefficients = coefficients * (order[:, None, None] + order[:, None] + order <= ORDER)
    x, y, z = (_powers(side, images) for side in images.shape[2:])
    exponents = torch.einsum("ncijk,ix,jy,kz->ncxyz", coefficients, x, y, z)
    return exponents.exp_().mul_(images)


def _powers(side: int, images: torch.Tensor) -> torch.Tensor:
    places = torch.linspace(-1, 1, side, device=images.device)
    return torch.stack([places**order for order in range(ORDER + 1)])


def _angles(shape: tuple[int, ...], images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return torch.deg2rad(ROTATION * minus_one_to_one((*shape, 3), images, generator))


def _resampled(
    images: torch.Tensor, matrices: torch.Tensor, shifts: torch.Tensor, labels: bool = False
) -> torch.Tensor:
    """
    Return images whose voxel v is the one at ``matrix @ v + shift``; voxels are counted from the middle, x first.

    As in SimpleITK the outer half of the outermost voxels continues them; further out is the channel's minimum, or 0 in
    labels, which are taken from the nearest voxel.
    """
    grid = sampling_grid(matrices, shifts, images)
    mode = "nearest" if labels else "bilinear"
    found = torch.nn.functional.grid_sample(images, grid, mode, padding_mode="border", align_corners=False)
    outside = (grid.abs().amax(-1) > 1)[:, None]
    return torch.where(outside, 0 if labels else images.amin((2, 3, 4), keepdim=True), found)
