"""Augmentation of minibatches of training images on their device. On a GPU the host never waits for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from gliobench.training.torch_session import constant

AXES = ("x", "y", "z")


class Draws:
    """
    What augmentation draws from, on a CPU one generator for all.

    Parameters
    ----------
    seed : int
        Of all that is drawn.
    device : device
        Of the images.

    Attributes
    ----------
    images : Generator
        Of numbers that images are changed with, on their device.
    choices : Generator
        Of answers that the host reads, such as which patients are changed: reading one from a GPU waits for its work.
    """

    def __init__(self, seed: int, device: torch.device):
        self.images = torch.Generator(device).manual_seed(seed)
        self.choices = self.images if device.type == "cpu" else torch.Generator().manual_seed(seed)


def flip(images: torch.Tensor, dimension: int, generator: torch.Generator) -> torch.Tensor:
    """Mirror each image along a dimension with probability 0.5."""
    heads = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(heads.view(-1, *[1] * (images.dim() - 1)), images.flip(dimension), images)


def augment_volumes(images: torch.Tensor, draws: Draws, settings: Mapping[str, Any]) -> torch.Tensor:
    """
    Flip, rotate, zoom, and change the intensities of volumes.

    Parameters
    ----------
    images : tensor
        Shape (n, channels, x, y, z), standardised, exactly 0 outside the brain; not changed.
    draws : Draws
        For the images' device.
    settings : dict
        ``flips``: axes to mirror along, of x, y, z. ``rotation``: largest angle about each axis, degrees. ``zoom``:
        largest change of size, a share. ``shift``: largest change of a channel's mean, and ``noise``: standard
        deviation of the noise on each voxel; both in standard deviations of the standardised brain, on voxels that are
        not 0.
        0 skips a step.

    Returns
    -------
    tensor
        New ones of the same shape.
    """
    generator = draws.images
    if settings["flips"]:
        images = _flip_volumes(images, [2 + AXES.index(axis) for axis in settings["flips"]], draws.choices)
    if settings["rotation"] or settings["zoom"]:
        images = _turn_and_zoom(images, generator, settings["rotation"], settings["zoom"])
    return _change_intensities(images, generator, settings["shift"], settings["noise"])


def _flip_volumes(images: torch.Tensor, dimensions: Sequence[int], choices: torch.Generator) -> torch.Tensor:
    """Mirror each volume along each dimension with probability 0.5; all its axes at once."""
    heads = [(torch.rand(len(images), generator=choices) < 0.5).tolist() for _ in dimensions]
    return torch.stack(
        [
            volume.flip([dimension - 1 for dimension, head in zip(dimensions, of_volume, strict=True) if head])
            for volume, of_volume in zip(images, zip(*heads, strict=True), strict=True)
        ]
    )


def _turn_and_zoom(images: torch.Tensor, generator: torch.Generator, rotation: float, zoom: float) -> torch.Tensor:
    angles = torch.deg2rad(rotation * minus_one_to_one((len(images), 3), images, generator))
    sizes = 1 + zoom * minus_one_to_one((len(images), 1, 1), images, generator)
    # affine_grid counts in halves of the image, last axis first: a rotation in voxels needs a scaling before and after.
    halves = sides(images).flip(0) / 2
    matrices = rotations(angles) / sizes * halves[None, None, :] / halves[None, :, None]
    affine = torch.cat([matrices, torch.zeros_like(matrices[..., :1])], dim=2)
    grid = torch.nn.functional.affine_grid(affine, list(images.shape), align_corners=False)
    return torch.nn.functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def sides(images: torch.Tensor) -> torch.Tensor:
    """Return the sides of images of shape (n, channels, x, y, z), in voxels, on their device: shape (3,)."""
    return constant(tuple(images.shape[2:]), images.device)


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
    added = shift * minus_one_to_one((*images.shape[:2], 1, 1, 1), images, generator) if shift else 0.0
    if noise:
        of_voxels = torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
        added = of_voxels.mul_(noise).add_(added)
    return torch.where(images != 0, images + added, images)


def minus_one_to_one(shape: Sequence[int], like: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw uniformly between -1 and 1, on the device and of the number type of `like`."""
    return 2 * torch.rand(tuple(shape), generator=generator, device=like.device, dtype=like.dtype) - 1
