"""DICOM series for the tests, written with pydicom."""

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

SERIES = generate_uid(entropy_srcs=["series"])
SHARED = Path(__file__).parents[3] / "shared" / "data" / "dicom_real"
AXIAL = (1, 0, 0, 0, 1, 0)


def image(pixels: np.ndarray, **fields: Any) -> Dataset:
    """Make a data set of one MR slice; `fields` add to or replace (None: remove) its header."""
    dataset = Dataset()
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[pixels.tobytes().hex()])
    dataset.SeriesInstanceUID = SERIES
    dataset.Modality = "MR"
    dataset.Manufacturer = "GENERATED"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelSpacing = [0.5, 0.75]
    dataset.SliceThickness = 2
    dataset.ImageOrientationPatient = list(AXIAL)
    padded = pixels.tobytes() + b"\0" * (pixels.nbytes % 2)
    dataset.add_new("PixelData", "OW" if pixels.itemsize > 1 else "OB", padded)
    for keyword, value in fields.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    return dataset


def save(dataset: Dataset, path: Path, syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write a data set whose pixel data are already as `syntax` asks."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path, voxels: np.ndarray, syntax: str = ExplicitVRLittleEndian, gap: float = 2, **fields: Any
) -> Path:
    """Write an axial series, slices `gap` mm apart, as Image-1.dcm and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, pixels in enumerate(voxels):
        own = {"ImagePositionPatient": [-10, -20, 30 + gap * k], "InstanceNumber": k + 1} | fields
        save(image(pixels, **own), folder / f"Image-{k + 1}.dcm", syntax)
    return folder


def nested(undefined_length: bool) -> Sequence:
    """Make a sequence of two levels, with lengths or with delimiters."""
    inner = Dataset()
    inner.CodeValue = "T-A0100"
    outer = Dataset()
    outer.ReferencedSOPInstanceUID = "1.2.3"
    outer.PurposeOfReferenceCodeSequence = Sequence([inner])
    sequence = Sequence([outer, Dataset()])
    for item in (inner, *sequence):
        item.is_undefined_length_sequence_item = undefined_length
    return sequence
