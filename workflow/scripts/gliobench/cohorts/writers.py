"""Files of generated images: DICOM as the competition stores it, one uncompressed 16-bit slice per file; and NIfTI."""

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from gliobench.cohorts.acquisition import Series
from gliobench.cohorts.contrast import SEQUENCES

RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
COMPRESSION = 4  # of gzip: a little larger than the default of 9, several times as fast


@dataclass(frozen=True)
class Scanner:
    """What a site's headers say of its scanner; `field_strength` in tesla."""

    manufacturer: str
    model: str
    field_strength: float


def write_series(
    series: Series,
    folder: Path,
    numbers: Sequence[int],
    patient_id: str,
    modality: str,
    scanner: Scanner,
    identity: tuple[object, ...],
) -> list[Path]:
    """
    Write ``Image-<number>.dcm`` for each slice.

    Parameters
    ----------
    series : Series
        Pixels and geometry.
    folder : Path
        Target folder; it is created.
    numbers : sequence of int
        Number of each slice, in the order of `series.pixels`: its file name and its InstanceNumber.
    patient_id, modality : str
        The patient and the series.
    scanner : Scanner
        The scanner's facts.
    identity : tuple
        Source of the UIDs: the same identity gives the same UIDs.

    Returns
    -------
    list of Path
        The files, in the order of the slices.
    """
    folder.mkdir(parents=True)
    dataset = _common_part(series, patient_id, modality, scanner, identity)
    normal = series.affine[:3, 0] / np.linalg.norm(series.affine[:3, 0])
    files = []
    for index, number in enumerate(numbers):
        position = series.affine[:3, 3] + index * series.affine[:3, 0]
        dataset.InstanceNumber = number
        dataset.SOPInstanceUID = _uid(*identity, modality, number)
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.ImagePositionPatient = _decimals(position * RAS_TO_LPS)
        dataset.SliceLocation = _decimals([float(normal @ position)])[0]
        dataset.PixelData = series.pixels[index].astype("<u2").tobytes()
        files.append(folder / f"Image-{number}.dcm")
        dataset.save_as(files[-1], enforce_file_format=True)
    return files


def _common_part(
    series: Series, patient_id: str, modality: str, scanner: Scanner, identity: tuple[object, ...]
) -> Dataset:
    sequence = SEQUENCES[modality]
    spacing = np.linalg.norm(series.affine[:3, :3], axis=0)
    _, down, right = ((series.affine[:3, :3] / spacing).T) * RAS_TO_LPS
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = MRImageStorage
    dataset.SOPClassUID = MRImageStorage
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.StudyDate = dataset.SeriesDate = "20210713"
    dataset.StudyTime = dataset.SeriesTime = "120000"
    dataset.AccessionNumber = dataset.ReferringPhysicianName = dataset.PatientBirthDate = ""
    dataset.PatientSex = dataset.StudyID = dataset.PositionReferenceIndicator = ""
    dataset.Modality = "MR"
    dataset.Manufacturer, dataset.ManufacturerModelName = scanner.manufacturer, scanner.model
    dataset.MagneticFieldStrength = scanner.field_strength
    dataset.SeriesDescription = modality
    dataset.PatientID = dataset.PatientName = patient_id
    dataset.PatientPosition = "HFS"
    dataset.ScanningSequence = "SE" if sequence.inversion is None else ["SE", "IR"]
    dataset.SequenceVariant, dataset.ScanOptions, dataset.MRAcquisitionType = "NONE", "", "2D"
    dataset.RepetitionTime, dataset.EchoTime, dataset.EchoTrainLength = sequence.repetition, sequence.echo, 1
    if sequence.inversion is not None:
        dataset.InversionTime = sequence.inversion
    if sequence.agent:
        dataset.ContrastBolusAgent = "gadolinium"
    dataset.StudyInstanceUID = _uid(*identity)
    dataset.FrameOfReferenceUID = _uid(*identity, "frame of reference")
    dataset.SeriesInstanceUID = _uid(*identity, modality)
    dataset.SeriesNumber = list(SEQUENCES).index(modality) + 1
    dataset.ImageOrientationPatient = _decimals([*right, *down])
    dataset.PixelSpacing = _decimals(spacing[1:])
    dataset.SliceThickness = dataset.SpacingBetweenSlices = _decimals(spacing[:1])[0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = series.pixels.shape[1:]
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = series.slope, series.intercept
    top = float(series.pixels.max()) * series.slope + series.intercept
    dataset.WindowCenter, dataset.WindowWidth = _decimals([top / 2, max(top, 1.0)])
    return dataset


def _uid(*identity: object) -> str:
    return generate_uid(entropy_srcs=["gliobench", *map(str, identity)])


def _decimals(values: Sequence[float] | NDArray) -> list[float]:
    """Round to a millionth, so that the text fits DICOM's 16 characters."""
    return [round(float(value), 6) + 0.0 for value in values]


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
