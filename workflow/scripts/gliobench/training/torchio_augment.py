"""TorchIO's augmentation of training patients, on the CPU. Every number is drawn from torch's global generator."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
import torchio


def limit_threads(threads: int) -> None:
    """Limit the threads of SimpleITK, which TorchIO uses for resampling."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


def has_segmentation(inputs: np.ndarray) -> bool:
    """Whether the last channel of (n, channels, x, y, z) is a segmentation: only 0 and 1 in all patients."""
    return all(np.isin(patient[-1], (0, 1)).all() for patient in inputs)


def augment_patients(
    images: torch.Tensor, generator: torch.Generator, settings: Mapping[str, Any], segmentation: bool
) -> torch.Tensor:
    """
    Augment each patient of a minibatch independently.

    Parameters
    ----------
    images : tensor
        Shape (n, channels, x, y, z), in [0, 1]; not changed.
    generator : Generator
        Not used, because TorchIO uses only the global one.
    settings : dict
        ``affine``, ``noise``, ``gamma``, ``motion``, ``bias_field``: the probability of each; ``motion_voxels``: the
        largest translation of a simulated movement. Other strengths are TorchIO's defaults.
    segmentation : bool
        Whether the last channel is a segmentation, which is moved with the images and keeps its values.

    Returns
    -------
    tensor
        New ones of the same shape, on the same device.
    """
    transform = torchio.Compose(
        [
            torchio.RandomAffine(p=settings["affine"]),
            torchio.RandomNoise(p=settings["noise"]),
            torchio.RandomGamma(p=settings["gamma"]),
            torchio.RandomMotion(p=settings["motion"], translation=settings["motion_voxels"]),
            torchio.RandomBiasField(p=settings["bias_field"]),
        ]
    )
    return torch.stack([_changed(patient, transform, segmentation) for patient in images.cpu()]).to(images.device)


def _changed(patient: torch.Tensor, transform: torchio.Transform, segmentation: bool) -> torch.Tensor:
    n_images = len(patient) - segmentation
    images = {"images": torchio.ScalarImage(tensor=patient[:n_images])}
    if segmentation:
        images["segmentation"] = torchio.LabelMap(tensor=patient[n_images:])
    subject = transform(torchio.Subject(images))
    return torch.cat([subject[name].data for name in images])
