"""TorchIO's augmentation of training patients. Every number is drawn from torch's global generator."""

import numpy as np
import SimpleITK as sitk
import torch
import torchio

from gliobench.training import Part


def limit_threads(threads: int) -> None:
    """Keep SimpleITK, with which TorchIO resamples, to so many threads."""
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(threads)


class Augmented(torch.utils.data.Dataset):
    """
    Training patients, augmented anew whenever one is asked for.

    Parameters
    ----------
    part : Part
        Inputs of shape (n, channels, x, y, z) in [0, 1]; a last channel of nothing but 0 and 1 is a segmentation, which
        is moved with the images and keeps its values.
    augmentation : dict
        ``affine``, ``noise``, ``gamma``, ``motion``, ``bias_field``: the probability of each; ``motion_voxels``: the
        largest translation of a simulated movement. Other strengths are TorchIO's defaults.
    """

    def __init__(self, part: Part, augmentation: dict):
        self.part = part
        has_mask = all(np.isin(row[-1], (0, 1)).all() for row in part.inputs)
        self.n_images = part.inputs.shape[1] - has_mask
        self.transform = torchio.Compose(
            [
                torchio.RandomAffine(p=augmentation["affine"]),
                torchio.RandomNoise(p=augmentation["noise"]),
                torchio.RandomGamma(p=augmentation["gamma"]),
                torchio.RandomMotion(p=augmentation["motion"], translation=augmentation["motion_voxels"]),
                torchio.RandomBiasField(p=augmentation["bias_field"]),
            ]
        )

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        channels = torch.from_numpy(self.part.inputs[row].astype(np.float32))
        images = {"images": torchio.ScalarImage(tensor=channels[: self.n_images])}
        if len(channels) > self.n_images:
            images["segmentation"] = torchio.LabelMap(tensor=channels[self.n_images :])
        subject = self.transform(torchio.Subject(images))
        augmented = torch.cat([subject[name].data for name in images])
        return augmented, torch.tensor(self.part.labels[row], dtype=torch.float32)
