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
    heads = _toss(images, generator).view(-1, *[1] * (images.dim() - 1))
    return torch.where(heads, images.flip(dimension), images)


def _toss(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Toss a coin for each image; True is heads."""
    return torch.rand(len(images), generator=generator, device=images.device) < 0.5


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
    axes = [AXES.index(axis) for axis in settings["flips"]]
    if settings["rotation"] or settings["zoom"]:
        images = _flip_turn_and_zoom(images, generator, axes, settings["rotation"], settings["zoom"])
    else:
        for axis in axes:
            images = flip(images, 2 + axis, generator)
    return _change_intensities(images, generator, settings["shift"], settings["noise"])


def _flip_turn_and_zoom(
    images: torch.Tensor, generator: torch.Generator, axes: Sequence[int], rotation: float, zoom: float
) -> torch.Tensor:
    """Mirror along each of the axes with probability 0.5, turn and zoom, all in one resampling."""
    angles = torch.deg2rad(rotation * minus_one_to_one((len(images), 3), images, generator))
    sizes = 1 + zoom * minus_one_to_one((len(images), 1, 1), images, generator)
    matrices = rotations(angles) / sizes
    for axis in axes:
        matrices[:, axis] *= 1 - 2 * _toss(images, generator)[:, None].to(matrices)
    grid = sampling_grid(matrices, torch.zeros_like(angles), images)
    return torch.nn.functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def sampling_grid(matrices: torch.Tensor, shifts: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """
    Return where each voxel's value comes from, as ``grid_sample`` without aligned corners wants it.

    Parameters
    ----------
    matrices, shifts : tensor
        Shape (n, 3, 3) and (n, 3): the value of voxel v is that at ``matrix @ v + shift``, both in voxels from the
        middle of the image, first axis first.
    images : tensor
        Shape (n, channels, x, y, z).

    Returns
    -------
    tensor
        Shape (n, x, y, z, 3), in halves of the image, last axis first. Sums of products along single axes: PyTorch's
        ``affine_grid`` multiplies a small matrix per voxel, which takes six times as long on a CPU. In memory the last
        dimension comes first: sums along voxels are faster than along three numbers.
    """
    halves = sides(images) / 2
    columns = (matrices / halves[:, None]).flip(1).unbind(2)
    grid = (shifts / halves).flip(1)[:, :, None, None, None]
    for axis, column in enumerate(columns):
        side = images.shape[2 + axis]
        places = torch.arange(side, device=images.device) - (side - 1) / 2
        grid = grid + column[:, :, None, None, None] * places.view([-1 if axis == other else 1 for other in range(3)])
    return grid.movedim(1, -1)


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
