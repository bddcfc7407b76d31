"""
How fast a DICOM series becomes a `cnn3d` input: this reader against pydicom with scipy, and against SimpleITK.

Each contender reads all 100 slices (512x512, 16 bits, uncompressed, from the page cache) in a process of its own, with
its library's default threads, and makes the finished (128, 128, 32) float32 input of the 32 central slices, by linear
resampling in both others, without VOI look-up in any. Repeats are interleaved; ratios are of medians.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import SimpleITK
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from scipy.ndimage import zoom

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.imaging.dicom import read_series
from gliobench.inputs.volume import volume_input

Array = npt.NDArray[Any]
N_SLICES, SIDE = 100, 512
SHAPE = (128, 128, 32)
CENTRAL = slice(N_SLICES // 2 - SHAPE[2] // 2, N_SLICES // 2 + SHAPE[2] // 2)

# Header fields of an MR scanner other than geometry and pixels; values of a usual T1-weighted series.
HEADER = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
    "InstanceCreationDate": "20010203",
    "InstanceCreationTime": "101112.000000",
    "SOPClassUID": MRImageStorage,
    "StudyDate": "20010203",
    "SeriesDate": "20010203",
    "AcquisitionDate": "20010203",
    "ContentDate": "20010203",
    "StudyTime": "100000.000000",
    "SeriesTime": "101000.000000",
    "AcquisitionTime": "101112.000000",
    "ContentTime": "101112.000000",
    "AccessionNumber": "0",
    "Modality": "MR",
    "Manufacturer": "GENERATED",
    "InstitutionName": "None",
    "StationName": "NONE",
    "StudyDescription": "Brain",
    "SeriesDescription": "T1 axial",
    "ManufacturerModelName": "Generated 3T",
    "PatientName": "Nobody",
    "PatientID": "00000",
    "PatientBirthDate": "",
    "PatientSex": "O",
    "PatientAge": "050Y",
    "PatientWeight": "70",
    "BodyPartExamined": "BRAIN",
    "ScanningSequence": "GR",
    "SequenceVariant": ["SS", "SP"],
    "ScanOptions": ["FAST_GEMS", "EDR_GEMS"],
    "MRAcquisitionType": "3D",
    "SequenceName": "tfl3d",
    "AngioFlag": "N",
    "SliceThickness": "1.5",
    "RepetitionTime": "8.2",
    "EchoTime": "3.2",
    "InversionTime": "450",
    "NumberOfAverages": "1",
    "ImagingFrequency": "127.7",
    "ImagedNucleus": "1H",
    "EchoNumbers": "1",
    "MagneticFieldStrength": "3",
    "SpacingBetweenSlices": "1.5",
    "NumberOfPhaseEncodingSteps": "256",
    "EchoTrainLength": "1",
    "PercentSampling": "100",
    "PercentPhaseFieldOfView": "100",
    "PixelBandwidth": "244",
    "DeviceSerialNumber": "0",
    "SoftwareVersions": "1.0",
    "ProtocolName": "Brain",
    "TriggerTime": "0",
    "ReconstructionDiameter": "240",
    "ReceiveCoilName": "HEAD",
    "AcquisitionMatrix": [0, 256, 256, 0],
    "InPlanePhaseEncodingDirection": "ROW",
    "FlipAngle": "12",
    "VariableFlipAngleFlag": "N",
    "SAR": "0.1",
    "PatientPosition": "HFS",
    "StudyID": "1",
    "SeriesNumber": "1",
    "AcquisitionNumber": "1",
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "ImagesInAcquisition": str(N_SLICES),
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": SIDE,
    "Columns": SIDE,
    "PixelSpacing": [0.46875, 0.46875],
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 4095,
    "WindowCenter": "1000",
    "WindowWidth": "2000",
    "RescaleIntercept": "0",
    "RescaleSlope": "1",
    "RescaleType": "US",
}


def phantom() -> Array:
    """Return a head-like volume, shape (slices, rows, columns), uint16: folds, noise, and a true zero around it."""
    rng = np.random.default_rng(0)
    z, y, x = np.ogrid[-1 : 1 : N_SLICES * 1j, -1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    head = x**2 / 0.5 + y**2 / 0.7 + z**2 / 0.9 < 1
    folds = 1000 + 500 * np.sin(11 * x) * np.cos(9 * y) * np.cos(5 * z)
    return np.where(head, folds + rng.normal(0, 30, head.shape), 0).clip(0, 4095).astype(np.uint16)


def write_series(folder: Path, voxels: Array) -> None:
    """Write one file a slice, with a header of the size that scanners write."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for k, image in enumerate(voxels):
        dataset = Dataset()
        for keyword, value in HEADER.items():
            setattr(dataset, keyword, value)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.SOPInstanceUID = generate_uid()
        dataset.InstanceNumber = k + 1
        dataset.ImagePositionPatient = [-120, -120, -75 + 1.5 * k]
        dataset.SliceLocation = -75 + 1.5 * k
        dataset.PixelData = image.tobytes()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.save_as(folder / f"Image-{k + 1}.dcm", enforce_file_format=True)


def read_gliobench(folder: Path) -> Array:
    """Read with this library."""
    return read_series(folder)[0].voxels


def input_gliobench(folder: Path) -> Array:
    """Go from series to input with this library."""
    return volume_input(read_gliobench(folder), SHAPE)


def read_naive(folder: Path) -> Array:
    """Read with a plain pydicom loop."""
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda part: float(part.ImagePositionPatient[2]))
    return np.stack([part.pixel_array for part in slices])


def input_naive(folder: Path) -> Array:
    """Go from series to input with pydicom, numpy and scipy."""
    central = read_naive(folder)[CENTRAL].astype(np.float32)
    small = zoom(central, (1, SHAPE[0] / SIDE, SHAPE[1] / SIDE), order=1)
    return ((small - small.min()) / (small.max() - small.min())).transpose(1, 2, 0)


def read_simpleitk_image(folder: Path) -> SimpleITK.Image:
    """Read with SimpleITK."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return reader.Execute()


def read_simpleitk(folder: Path) -> Array:
    """Read with SimpleITK, as an array."""
    return SimpleITK.GetArrayFromImage(read_simpleitk_image(folder))


def input_simpleitk(folder: Path) -> Array:
    """Go from series to input with SimpleITK: linear resampling to pixels that fill the same field of view."""
    central = read_simpleitk_image(folder)[:, :, CENTRAL]
    factors = [SIDE / SHAPE[1], SIDE / SHAPE[0], 1.0]
    spacing = [old * factor for old, factor in zip(central.GetSpacing(), factors, strict=True)]
    first_centre = central.TransformContinuousIndexToPhysicalPoint([(factor - 1) / 2 for factor in factors])
    small = SimpleITK.Resample(
        central,
        [SHAPE[1], SHAPE[0], SHAPE[2]],
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        first_centre,
        spacing,
        central.GetDirection(),
        0.0,
        SimpleITK.sitkFloat32,
    )
    return SimpleITK.GetArrayFromImage(SimpleITK.RescaleIntensity(small, 0.0, 1.0)).transpose(1, 2, 0)


CONTENDERS = {
    "gliobench": (read_gliobench, input_gliobench),
    "naive": (read_naive, input_naive),
    "simpleitk": (read_simpleitk, input_simpleitk),
}


def timed(work: Callable[[Path], Array], folder: Path) -> float:
    """Return the seconds that `work` takes."""
    start = time.perf_counter()
    work(folder)
    return time.perf_counter() - start


def measure(folder: Path, repeats: int) -> dict[str, list[float]]:
    """Return seconds by contender, one process each, in turns; the first turn warms up and is not kept."""
    pools = {name: ProcessPoolExecutor(1, mp_context=get_context("spawn")) for name in CONTENDERS}
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(repeats + 1):
        for name, (_, make_input) in CONTENDERS.items():
            seconds[name].append(pools[name].submit(timed, make_input, folder).result())
    for pool in pools.values():
        pool.shutdown()
    return {name: values[1:] for name, values in seconds.items()}


def agreement(folder: Path, voxels: Array) -> dict[str, Any]:
    """Return whether all three read the voxels that were written, and how far the finished inputs differ."""
    inputs = {name: make_input(folder) for name, (_, make_input) in CONTENDERS.items()}
    ours = inputs["gliobench"]
    return {
        "pixel_exact": all(np.array_equal(read(folder), voxels) for read, _ in CONTENDERS.values()),
        "input_mean_difference": {
            name: float(np.abs(values - ours).mean()) for name, values in inputs.items() if name != "gliobench"
        },
        "input_correlation": {
            name: float(np.corrcoef(values.ravel(), ours.ravel())[0, 1])
            for name, values in inputs.items()
            if name != "gliobench"
        },
    }


def run(repeats: int) -> dict[str, Any]:
    """Generate a series, measure, compare."""
    with tempfile.TemporaryDirectory() as temporary:
        folder, voxels = Path(temporary), phantom()
        write_series(folder, voxels)
        medians = {name: float(np.median(values)) for name, values in measure(folder, repeats).items()}
        return {
            "ratio_naive": medians["naive"] / medians["gliobench"],
            "ratio_simpleitk": medians["simpleitk"] / medians["gliobench"],
            "gigabytes_per_second": voxels.nbytes / medians["gliobench"] / 1e9,
            "seconds": medians,
            "header_elements": len(pydicom.dcmread(folder / "Image-1.dcm")),
            "repeats": repeats,
        } | agreement(folder, voxels)


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--repeats", type=int, default=9, help="timed turns of each contender (default 9)")
    options = parser.parse_args()
    result = run(options.repeats)
    if options.json:
        print(json.dumps(result))
        return
    header, turns = result["header_elements"], result["repeats"]
    print(f"{N_SLICES} slices of {SIDE}x{SIDE}, {header} header elements, to {SHAPE}; medians of {turns}")
    for name, seconds in result["seconds"].items():
        times = f"{seconds / result['seconds']['gliobench']:.1f}x"
        print(f"  {name:10} {seconds * 1e3:7.1f} ms  {times:>6}")
    print(f"  {result['gigabytes_per_second']:.2f} GB/s of pixels; volumes identical: {result['pixel_exact']}")
    for name, difference in result["input_mean_difference"].items():
        r = result["input_correlation"][name]
        print(f"  finished input against {name}: mean difference {difference:.4f}, correlation {r:.4f}")


if __name__ == "__main__":
    main()
