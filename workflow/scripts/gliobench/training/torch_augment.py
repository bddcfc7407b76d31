"""Augmentation of minibatches of training images, on their device, drawn from one generator."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

AXES = ("x", "y", "z")


def flip(images: torch.Tensor, dimension: int, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image along a dimension with probability 0.5."""
    heads = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(heads.view(-1, *[1] * (images.dim() - 1)), images.flip(dimension), images)


def augment_volumes(images: torch.Tensor, generator: torch.Generator, settings: Mapping[str, Any]) -> torch.Tensor:
    """
    Flip, rotate, zoom, and change the intensities of volumes.

    Parameters
    ----------
    images : tensor
        Shape (n, channels, x, y, z), standardised, exactly 0 outside the brain; not changed.
    generator : Generator
        On the images' device.
    settings : dict
        ``flips``: axes to mirror along, of x, y, z. ``rotation``: largest angle about each axis, degrees. ``zoom``:
        largest change of size, a share. ``shift``: largest change of a channel's mean, and ``noise``: standard
        deviation of the noise on each voxel; both in standard deviations of the standardised brain, and only inside it.
        0 skips a step.

    Returns
    -------
    tensor
        New ones of the same shape.
    """
    for axis in settings["flips"]:
        images = flip(images, 2 + AXES.index(axis), generator)
    if settings["rotation"] or settings["zoom"]:
        images = _turn_and_zoom(images, generator, settings["rotation"], settings["zoom"])
    return _change_intensities(images, generator, settings["shift"], settings["noise"])


def _turn_and_zoom(images: torch.Tensor, generator: torch.Generator, rotation: float, zoom: float) -> torch.Tensor:
    angles = torch.deg2rad(rotation * up_to_one((len(images), 3), images, generator))
    sizes = 1 + zoom * up_to_one((len(images), 1, 1), images, generator)
    # affine_grid counts in halves of the image, last axis first: a rotation in voxels needs a scaling before and after.
    halves = torch.tensor(images.shape[:1:-1], dtype=images.dtype, device=images.device)
    matrices = rotations(angles) / sizes * halves[None, None, :] / halves[None, :, None]
    affine = torch.cat([matrices, torch.zeros_like(matrices[..., :1])], dim=2)
    grid = torch.nn.functional.affine_grid(affine, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def rotations(angles: torch.Tensor) -> torch.Tensor:
    """
    Return rotation matrices.

    Parameters
    ----------
    angles : tensor
        Shape (n, 3), radians about the first, second and third axis, in this order.

    Returns
    -------
    tensor
        Shape (n, 3, 3).
    """
    first, second, third = axis_rotations(angles)
    return third @ second @ first


def axis_rotations(angles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the rotation matrices about the first, second and third axis, (n, 3, 3) each, as `rotations` has them."""
    one, zero = torch.ones_like(angles[:, 0]), torch.zeros_like(angles[:, 0])
    (ca, cb, cc), (sa, sb, sc) = angles.cos().T, angles.sin().T
    first = _matrices([one, zero, zero], [zero, ca, -sa], [zero, sa, ca])
    second = _matrices([cb, zero, sb], [zero, one, zero], [-sb, zero, cb])
    third = _matrices([cc, -sc, zero], [sc, cc, zero], [zero, zero, one])
    return first, second, third


def _matrices(*rows: Sequence[torch.Tensor]) -> torch.Tensor:
    return torch.stack([torch.stack(list(row), dim=-1) for row in rows], dim=-2)


def _change_intensities(images: torch.Tensor, generator: torch.Generator, shift: float, noise: float) -> torch.Tensor:
    added = torch.zeros_like(images)
    if shift:
        added = added + shift * up_to_one((*images.shape[:2], 1, 1, 1), images, generator)
    if noise:
        added = added + noise * torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return torch.where(images != 0, images + added, images)


def up_to_one(shape: Sequence[int], like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw uniformly between -1 and 1."""
    return 2 * torch.rand(tuple(shape), generator=generator, device=like.device, dtype=like.dtype) - 1
