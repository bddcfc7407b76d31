"""What a header says of a series' place is used, what it does not say is said to be unknown: never `ok` and wrong."""

import gzip
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID
from scipy.spatial.transform import Rotation

from dicom_files import AXIAL, image, save, write_series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.writers import write_nifti
from gliobench.imaging.dicom import read_series
from gliobench.imaging.facts import SeriesError
from gliobench.imaging.nifti import read_nifti, slice_axis
from gliobench.imaging.volume import Volume, regular
from gliobench.inputs import grid, slices, volume
from gliobench.inputs.make import shared

STANDARD = {  # directions (LPS+) of growing columns and rows, as scanners store each plane
    "axial": (1, 0, 0, 0, 1, 0),
    "coronal": (1, 0, 0, 0, 0, -1),
    "sagittal": (0, 1, 0, 0, 0, -1),
}
SIDE, PIXEL, GAP = 24, 8.0, 4.0
TO_RAS = np.array([-1, -1, 1])


def ramp(direction: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Make a function of the place (RAS+ mm) that grows by 20 a millimetre along a direction."""
    return lambda points: 20000 + 20 * points @ direction


def write_slices(
    folder: Path,
    depths: np.ndarray,
    value: Callable[[np.ndarray], np.ndarray],
    orientation: Any = AXIAL,
    change: Callable[[int, Dataset, np.ndarray], None] = lambda k, dataset, position: None,
) -> None:
    """Write a slice at each depth (mm along the normal), its pixels a function of their places; spoil its header."""
    folder.mkdir(parents=True, exist_ok=True)
    along_row, along_column = np.reshape(orientation, (2, 3)).astype(float)
    normal = np.cross(along_row, along_column)
    corner = -(SIDE - 1) / 2 * PIXEL * (along_row + along_column)
    rows, columns = np.indices((SIDE, SIDE))
    for k, depth in enumerate(depths):
        position = corner + depth * normal
        points = position + PIXEL * (rows[..., None] * along_column + columns[..., None] * along_row)
        pixels = np.rint(value(points * TO_RAS)).astype(np.uint16)
        dataset = image(
            pixels,
            ImagePositionPatient=[round(x, 6) for x in position.tolist()],
            ImageOrientationPatient=[round(x, 9) for x in np.ravel(orientation).tolist()],
            PixelSpacing=[PIXEL, PIXEL],
            SliceThickness=GAP,
            InstanceNumber=k + 1,
        )
        change(k, dataset, position)
        save(dataset, folder / f"Image-{k + 1}.dcm")


def millimetres_off(read: Volume, direction: np.ndarray) -> float:
    """Return by how much the voxels of a volume lie elsewhere along a direction than their values say."""
    evenly = regular(read)
    points = np.moveaxis(np.indices(evenly.voxels.shape), 0, -1) @ evenly.affine[:3, :3].T + evenly.affine[:3, 3]
    return float(np.abs(evenly.voxels - ramp(direction)(points)).max() / 20)


def delete(*keywords: str) -> Callable[[int, Dataset, np.ndarray], None]:
    def change(k: int, dataset: Dataset, position: np.ndarray) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return change


def put(slice_number: int | None = None, **fields: Any) -> Callable[[int, Dataset, np.ndarray], None]:
    """Set fields of one slice, or of all."""

    def change(k: int, dataset: Dataset, position: np.ndarray) -> None:
        if slice_number in (None, k):
            for keyword, value in fields.items():
                setattr(dataset, keyword, value)

    return change


def aside(millimetres: float, slice_number: int) -> Callable[[int, Dataset, np.ndarray], None]:
    """Move a slice along its rows, in its header alone."""

    def change(k: int, dataset: Dataset, position: np.ndarray) -> None:
        if k == slice_number:
            along_row = np.array(dataset.ImageOrientationPatient[:3], float)
            dataset.ImagePositionPatient = [round(x, 6) for x in (position + millimetres * along_row).tolist()]

    return change


EVEN = GAP * np.arange(12)
SLANT = np.array([0.4, -0.3, np.sqrt(0.75)])  # all three axes show


@pytest.mark.parametrize(
    ("depths", "off_grid"),
    [
        (EVEN, 0.0),
        (np.delete(EVEN, 5), 4.0),
        (np.delete(EVEN, [5, 6]), 8.0),
        (np.cumsum([0, *np.linspace(3, 6, 11)]), 4.5),
    ],
)
def test_unequal_steps_are_resampled_by_their_true_positions(tmp_path, depths, off_grid):
    write_slices(tmp_path, depths, ramp(SLANT))
    read, facts = read_series(tmp_path)
    assert facts.unplaced is None
    assert facts.off_grid == pytest.approx(off_grid, abs=1e-3)
    assert len(read.voxels) == len(depths), "slices stay as they were acquired"
    assert millimetres_off(read, SLANT) < 0.1


@pytest.mark.parametrize(
    ("depths", "change", "reason"),
    [
        (np.delete(EVEN, [4, 5, 6, 7]), None, "about 4 consecutive slices are missing"),
        (EVEN, aside(10, 5), "a slice is 10 mm out of line with the others"),
        (EVEN, aside(10, 0), "a slice is 10 mm out of line with the others"),
        (EVEN, delete("PixelSpacing"), "its files lack PixelSpacing"),
        (EVEN, delete("ImagePositionPatient"), "its files lack ImagePositionPatient"),
        (EVEN, delete("ImageOrientationPatient", "ImagePositionPatient"), "its files lack ImagePositionPatient"),
        (EVEN, put(ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), "its files have no usable ImageOrientationPatient"),
        (EVEN, put(PixelSpacing=[0, 8]), "its files have no usable PixelSpacing"),
        (EVEN, put(PixelSpacing=[8000, 8000]), "according to its header a slice is 1.92e+05 x 1.92e+05 mm;"),
        (EVEN, put(PixelSpacing=[0.008, 0.008]), "according to its header a slice is 0.192 x 0.192 mm;"),
        (EVEN / 10, None, "according to its header its slices span 4.8 mm"),
    ],
)
def test_a_place_that_is_not_known_is_a_reason_and_not_a_guess(tmp_path, depths, change, reason):
    write_slices(tmp_path / "train/1/T1w", depths, ramp(SLANT), change=change or put())
    table, _ = audit_patients(["1"], ["T1w"], tmp_path, {}, "rsna")
    (row,) = table.to_dict("records")
    assert row["status"] == "voxels only"
    assert reason in row["reason"]
    assert row["reason"].endswith(": only inputs that do not need millimetres can use it.")
    assert row["n_slices"] == len(depths)

    def read(name):
        return read_series(tmp_path / "train/1" / name)

    assert slices.make_input(read, "T1w", {"shape": [8, 8], "choose": "central", "share": 0.5})[1]
    assert volume.make_input(read, "T1w", {"shape": [8, 8, 4]})[0]
    asked = {"shape": [8] * 3, "spacing": 20.0, "around": "brain", "reference": "T1w", "registration": "none"}
    space = grid.Space(read, asked | {"skull_stripping": "none", "intensity": "rescale"})
    with pytest.raises(SeriesError, match="it cannot be aligned with other series"):
        grid.make_input(space, "T1w", space.settings)


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
@pytest.mark.parametrize("k", [0, 5, 11])
def test_a_place_that_is_known_in_part_is_refused(tmp_path, keyword, k):
    write_slices(tmp_path, EVEN, ramp(SLANT), change=lambda n, *rest: delete(keyword)(n, *rest) if n == k else None)
    with pytest.raises(SeriesError, match=f"1 of its 12 files have no usable {keyword}, while others have") as caught:
        read_series(tmp_path)
    assert "partly stated" in vars(caught.value.facts).values()


def test_a_gzipd_slice_among_plain_ones_is_read(tmp_path):
    write_slices(tmp_path, EVEN, ramp(SLANT))
    plain = tmp_path / "Image-7.dcm"
    (tmp_path / "Image-7.dcm.gz").write_bytes(gzip.compress(plain.read_bytes()))
    plain.unlink()
    read, facts = read_series(tmp_path)
    assert (facts.n_files, len(read.voxels), facts.off_grid) == (12, 12, pytest.approx(0))
    assert millimetres_off(read, SLANT) < 0.1


def test_a_damaged_gzipd_slice_is_not_passed_over(tmp_path):
    write_slices(tmp_path, EVEN, ramp(SLANT))
    whole = gzip.compress((tmp_path / "Image-7.dcm").read_bytes())
    (tmp_path / "Image-7.dcm").unlink()
    (tmp_path / "Image-7.dcm.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SeriesError, match=r"Image-7.dcm.gz: "):
        read_series(tmp_path)


@pytest.mark.parametrize("name", ["Image-13.dcm.bak", "Image-13.dcm.part"])
def test_what_is_named_as_a_slice_and_is_none_is_not_passed_over(tmp_path, name):
    write_slices(tmp_path, EVEN, ramp(SLANT))
    (tmp_path / name).write_bytes(b"half a slice")
    with pytest.raises(SeriesError, match="it is named like a slice but is not DICOM"):
        read_series(tmp_path)


@pytest.mark.parametrize("implicit", [True, False])
def test_dicom_without_a_preamble_is_read(tmp_path, implicit):
    write_slices(tmp_path, EVEN, ramp(SLANT))
    for path in list(tmp_path.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        del dataset.file_meta
        bare = Dataset()
        bare.update(dataset)
        pydicom.dcmwrite(path, bare, implicit_vr=implicit, little_endian=True, enforce_file_format=False)
        assert path.read_bytes()[:2] == b"\x08\x00"
    read, _ = read_series(tmp_path)
    assert millimetres_off(read, SLANT) < 0.1


def tiles(tmp_path: Path, **fields: Any) -> Path:
    """Write two sheets of 4 x 4 tiles, each a slice of a head."""
    rows, columns = np.indices((32, 32)) - 15.5
    heads = [(np.hypot(rows, columns) < 12 - k / 8) * (900 - 9 * k) + rows + 40 for k in range(16)]
    sheet = np.block([[heads[4 * row + column] for column in range(4)] for row in range(4)])
    return write_series(tmp_path / "tiles", np.stack([sheet, sheet + 1]).astype(np.uint16), **fields)


def test_a_tile_sheet_of_any_vendor_is_refused(tmp_path):
    unplaced = {"ImagePositionPatient": None, "ImageOrientationPatient": None}
    for kind, maker in (("MOSAIC", "Siemens"), ("VFRAME", "United Imaging")):
        folder = tiles(tmp_path, ImageType=["ORIGINAL", "PRIMARY", kind])
        with pytest.raises(SeriesError, match=rf"a {maker} mosaic \(one file holds many slices as tiles\)"):
            read_series(folder)
    folder = tiles(tmp_path, ImageType=["DERIVED", "SECONDARY"])
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        block = dataset.private_block(0x0065, "Image Private Header", create=True)
        block.add_new(0x50, "DS", "16")
        dataset.save_as(path)
    with pytest.raises(SeriesError, match="a United Imaging mosaic"):
        read_series(folder)
    folder = tiles(tmp_path, ImageType=["DERIVED", "SECONDARY"])
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        for keyword in unplaced:
            delattr(dataset, keyword)
        dataset.save_as(path)
    with pytest.raises(SeriesError, match="its images look like mosaics"):
        read_series(folder)


@pytest.mark.parametrize(
    ("uid", "said"),
    [
        (
            "1.2.840.10008.5.1.4.1.1.88.11",
            "it is not an image but an object without pixels (Basic Text SR); remove it.",
        ),
        (
            "1.2.840.10008.5.1.4.1.1.11.1",
            "it is not an image but an object without pixels (Grayscale Softcopy Presentation State); remove it.",
        ),
        ("1.2.840.10008.5.1.4.1.1.4", "it holds no pixel data, so it is truncated; fetch the file again"),
        ("1.2.3.4", "it is not an image but an object without pixels (of an unknown kind); remove it."),
    ],
)
def test_an_object_that_is_no_image_is_named_as_what_it_is(tmp_path, uid, said):
    write_slices(tmp_path, EVEN, ramp(SLANT))
    dataset = image(np.zeros((4, 4), np.uint16), SOPClassUID=UID(uid), ImageType=None)
    del dataset.PixelData
    save(dataset, tmp_path / "report.dcm")
    with pytest.raises(SeriesError) as caught:
        read_series(tmp_path)
    assert said in str(caught.value)


def test_a_folder_of_folders_is_not_empty(tmp_path):
    (tmp_path / "series-1").mkdir()
    with pytest.raises(SeriesError, match="the folder holds only 1 folders; name the folder of one series"):
        read_series(tmp_path)


def head(points: np.ndarray) -> np.ndarray:
    """Make a head without left-right, front-back or up-down symmetry, as a function of the place (RAS+ mm)."""
    inside = ((points / [62, 80, 55]) ** 2).sum(-1) < 1
    spots = sum(
        weight * np.exp(-((points - spot) ** 2).sum(-1) / 600)
        for weight, spot in ((900, [30, 20, 10]), (700, [-20, -45, 15]), (500, [5, 40, -30]))
    )
    return inside * (400 + spots)


@pytest.mark.parametrize("plane", STANDARD)
@pytest.mark.parametrize("turned", [False, True])
def test_a_volume_is_the_same_as_dicom_and_as_nifti(tmp_path, plane, turned):
    orientation = np.array(STANDARD[plane], float)
    if turned:  # stored the other way round, and tilted
        orientation = Rotation.from_euler("xyz", [7, -5, 9], degrees=True).apply(np.reshape(orientation, (2, 3)))[::-1]
    depths = (np.arange(30) - 14.5) * 5.0
    write_slices(tmp_path / "series", depths, head, np.ravel(orientation))
    dicom, facts = read_series(tmp_path / "series")
    read = {"dicom": (dicom, facts)}
    for name, order in {"as stored": (0, 1, 2), "another way": (2, 0, 1)}.items():
        flipped = dicom.voxels[:, ::-1].transpose(order)
        affine = dicom.affine.copy()
        affine[:3, 3] += (dicom.voxels.shape[1] - 1) * affine[:3, 1]
        affine[:3, 1] *= -1
        write_nifti(flipped, affine[:, [*order, 3]], tmp_path / f"{name}.nii.gz")
        read[name] = read_nifti(tmp_path / f"{name}.nii.gz")
    asked = {
        volume: {"shape": [16, 16, 8]},
        slices: {"shape": [16, 16], "choose": "nonblank", "minimum_foreground": 0.3},
        grid: {
            "shape": [24] * 3, "spacing": 8.0, "around": "brain", "reference": "T1w", "registration": "none",
            "skull_stripping": "auto", "intensity": "standardise",
        },
    }  # fmt: skip
    for kind, own in asked.items():
        own["kind"] = kind.__name__.rpartition(".")[2]
        made = {name: kind.make_input(shared({"T1w": found}.get, own), "T1w", own) for name, found in read.items()}
        wanted, places = made.pop("dicom")
        for arrays, places_too in made.values():
            assert places_too == places
            same = np.corrcoef(np.ravel(wanted).astype(float), np.ravel(arrays).astype(float))[0, 1]
            assert same > 0.999, kind.__name__
    assert {found[1].plane for found in read.values()} == {plane}


@pytest.mark.parametrize(
    ("spacing", "stated", "axis"),
    [((1, 1, 5), None, 2), ((5, 1, 1), None, 0), ((1, 1, 0.9), None, 2), ((1, 1, 1), None, 2), ((1, 1, 1), 0, 0)],
)
def test_slices_follow_the_axis_of_the_largest_spacing(spacing, stated, axis):
    assert slice_axis(np.diag([*spacing, 1.0]), stated) == axis
    assert slice_axis(np.diag([*spacing, 1.0])[:, [1, 2, 0, 3]], None if stated is None else 2) == [2, 0, 1][axis]


def nifti(
    path: Path, affine: np.ndarray, sform: int = 1, qform: int = 1, units: str = "mm", shape=(20, 24, 16)
) -> Path:
    voxels = np.random.default_rng(0).integers(1, 999, shape).astype(np.int16)
    made = nib.Nifti1Image(voxels, affine)
    made.header.set_xyzt_units(units)
    made.set_sform(affine, sform)
    made.set_qform(affine, qform)
    made.to_filename(path)
    return path


HEAD = np.array([[8.0, 0, 0, -80], [0, 8, 0, -96], [0, 0, 9, -70], [0, 0, 0, 1]])


def test_nifti_without_a_place_is_a_reason(tmp_path):
    read, facts = read_nifti(nifti(tmp_path / "a.nii.gz", HEAD, sform=0, qform=0))
    assert "its header gives no position (sform and qform codes are 0)" in facts.unplaced
    assert (facts.position_status, facts.orientation_status, facts.plane) == ("not stated", "not stated", None)
    assert (facts.sform_code, facts.qform_code, facts.units) == (0, 0, "mm")
    assert read.voxels.shape == (16, 24, 20)


@pytest.mark.parametrize(("sform", "qform"), [(1, 0), (0, 1), (1, 1), (4, 1)])
def test_one_affine_of_nifti_is_enough_and_two_must_agree(tmp_path, sform, qform):
    path = nifti(tmp_path / "a.nii.gz", HEAD, sform, qform)
    read, facts = read_nifti(path)
    assert facts.unplaced is None
    assert np.allclose(np.sort(np.abs(read.affine[:3, :3]).max(axis=0)), [8, 8, 9])
    made = nib.load(path)
    moved = HEAD.copy()
    moved[0, 3] += 6
    made.set_sform(moved, sform)
    made.to_filename(tmp_path / "b.nii.gz")
    reason = read_nifti(tmp_path / "b.nii.gz")[1].unplaced
    assert (reason is not None) == bool(sform and qform)
    assert not reason or "its sform and its qform disagree by up to 6 mm" in reason


@pytest.mark.parametrize(("units", "scale"), [("meter", 1e-3), ("micron", 1e3), ("mm", 1), ("unknown", 1)])
def test_units_of_nifti_are_honoured(tmp_path, units, scale):
    scaled = HEAD.copy()
    scaled[:3] *= scale
    read, facts = read_nifti(nifti(tmp_path / "a.nii.gz", scaled, units=units))
    assert facts.unplaced is None
    assert facts.units == units
    assert (facts.fov_slices, facts.spacing) == (pytest.approx(144, rel=1e-4), pytest.approx(8, rel=1e-4))
    assert np.abs(read.affine).max() < 200


def test_trailing_axes_of_length_1_are_dropped(tmp_path):
    for shape in ((20, 24, 16, 1), (20, 24, 16, 1, 1)):
        read, facts = read_nifti(nifti(tmp_path / "a.nii.gz", HEAD, shape=shape))
        assert (read.voxels.shape, facts.unplaced) == ((16, 24, 20), None)


DEFECTS = st.sampled_from(["none", "delete", "grow", "aside", "lack", "lack in one", "turn", "stretch", "gzip", "twin"])


@settings(max_examples=150, deadline=None)
@given(data=st.data(), defect=DEFECTS, plane=st.sampled_from(list(STANDARD)), tilt=st.tuples(*[st.floats(-30, 30)] * 3))
def test_a_series_is_right_to_half_a_voxel_or_has_a_reason(data, defect, plane, tilt):
    orientation = Rotation.from_euler("xyz", tilt, degrees=True).apply(np.reshape(STANDARD[plane], (2, 3)))
    n_slices, gap = data.draw(st.integers(8, 16)), data.draw(st.floats(3.5, 9))
    depths = gap * np.arange(n_slices) + data.draw(st.floats(-50, 50))
    k = data.draw(st.integers(0, n_slices - 1))
    change = put()
    if defect == "delete":
        depths = np.delete(depths, range(k, min(k + data.draw(st.integers(1, 5)), n_slices - 3)))
    elif defect == "grow":
        depths = np.cumsum(gap * np.array(data.draw(st.lists(st.floats(0.3, 4), min_size=8, max_size=14))))
    elif defect == "aside":
        change = aside(data.draw(st.floats(-30, 30)), k)
    elif defect.startswith("lack"):
        gone = delete(*data.draw(st.sets(st.sampled_from(
            ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"]), min_size=1)))  # fmt: skip
        change = gone if defect == "lack" else lambda n, *rest: gone(n, *rest) if n == k else None
    elif defect == "turn":
        change = put(
            k, ImageOrientationPatient=data.draw(st.sampled_from([[0] * 6, [1, 0, 0, 1, 0, 0], [0, 1, 0, 1, 0, 0]]))
        )
    elif defect == "stretch":
        change = put(PixelSpacing=[PIXEL * data.draw(st.sampled_from([1e-3, 0.1, 10, 1e3]))] * 2)
    direction = Rotation.from_euler("xyz", data.draw(st.tuples(*[st.floats(-180, 180)] * 3)), degrees=True).apply(SLANT)
    with tempfile.TemporaryDirectory() as temporary:
        write_slices(Path(temporary), depths, ramp(direction), np.ravel(orientation), change)
        files = sorted(Path(temporary).iterdir())
        for path, number in zip(files, data.draw(st.permutations(range(len(files)))), strict=True):
            path.rename(Path(temporary, f"slice-{number}.dcm"))  # names need not follow the slices
        if defect == "twin":
            shutil.copy(Path(temporary, "slice-0.dcm"), Path(temporary, "slice-99.dcm"))
        for path in list(Path(temporary).iterdir()):
            if defect == "gzip" and data.draw(st.booleans()):
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
                path.unlink()
        if defect in ("lack in one", "turn", "twin"):
            with pytest.raises(SeriesError, match=temporary):
                read_series(temporary)
            return
        read, facts = read_series(temporary)
    if facts.unplaced:
        assert defect not in ("none", "gzip")
        assert facts.unplaced.startswith(temporary)
        return
    rounding = 0.1  # mm: values are whole numbers
    assert millimetres_off(read, direction) <= max(PIXEL, facts.slice_spacing) / 2 + rounding
