"""One patient under two ids is found by what the series hold, and leaves no series in two folds."""

import numpy as np
import pandas as pd
import pytest

from dicom_files import write_series
from gliobench.cohorts.audit import audit_patients, voxel_digest
from gliobench.cohorts.twins import exclude_twins
from gliobench.files import check_table


def table(*rows):
    columns = ["patient_id", "modality", "content", "series_uid", "status", "reason"]
    return pd.DataFrame([(*row, "ok", None) for row in rows], columns=columns)


def reasons(series, labels):
    found = exclude_twins(series, labels)
    return {
        (row["patient_id"], row["modality"]): row["reason"]
        for row in found.to_dict("records")
        if row["status"] == "excluded"
    }


SERIES = [
    ("a", "FLAIR", "1", "u1"), ("a", "T1w", "2", "u2"),
    ("b", "FLAIR", "1", "u3"), ("b", "T1w", "3", "u4"),
    ("c", "FLAIR", "5", "u5"), ("c", "T1w", "6", "u2"),
    ("d", "FLAIR", "7", None), ("d", "T1w", "8", None),
]  # fmt: skip


def test_of_patients_with_one_image_the_first_stays():
    found = reasons(table(*SERIES), dict.fromkeys("abcd", 1))
    pixels = "its FLAIR and FLAIR of patient a hold the same pixels: one patient under two ids."
    uid = "its T1w and T1w of patient a hold the same SeriesInstanceUID: one patient under two ids."
    assert found == {
        ("b", "FLAIR"): pixels, ("b", "T1w"): pixels,
        ("c", "FLAIR"): uid, ("c", "T1w"): uid,
    }  # fmt: skip


def test_of_patients_with_one_image_and_two_labels_none_stays():
    found = reasons(table(*SERIES[:4]), {"a": 0, "b": 1})
    assert set(found) == {("a", "FLAIR"), ("a", "T1w"), ("b", "FLAIR"), ("b", "T1w")}
    assert found["a", "T1w"] == (
        "its FLAIR and FLAIR of patient b hold the same pixels: one patient under two ids, with two labels."
    )


def test_one_image_under_two_names_is_used_under_none():
    found = reasons(table(("a", "FLAIR", "1", "u"), ("a", "T1w", "1", "v"), ("a", "T2w", "2", "w")), {"a": 1})
    assert found == {
        ("a", name): "FLAIR and T1w hold the same pixels: one image under two names." for name in ("FLAIR", "T1w")
    }


def test_a_uid_that_stands_in_every_file_is_no_identity():
    everywhere = [(patient, name, f"{patient}{name}", "u") for patient in "abc" for name in ("FLAIR", "T1w")]
    assert reasons(table(*everywhere), dict.fromkeys("abc", 1)) == {}
    assert reasons(table(*everywhere[:2]), {"a": 1}) == {}


def test_blank_series_and_masks_are_no_twins():
    series = table(("a", "segmentation", "1", None), ("b", "segmentation", "1", None), ("c", "FLAIR", "2", None))
    series.loc[len(series)] = ["d", "FLAIR", "2", None, "excluded", "all 3 slices are blank."]
    assert reasons(series, dict.fromkeys("abcd", 0)) == {("d", "FLAIR"): "all 3 slices are blank."}


@pytest.mark.parametrize("copy", ["link", "other header"])
def test_copies_and_links_are_found_by_their_content(tmp_path, copy):
    rng = np.random.default_rng(0)
    first, other = (rng.integers(1, 999, (4, 12, 12)).astype(np.uint16) for _ in range(2))
    train = tmp_path / "train"
    write_series(train / "1" / "T1w", first, gap=10, PixelSpacing=[12, 12])
    write_series(train / "3" / "T1w", other, gap=10, PixelSpacing=[12, 12], SeriesInstanceUID="1.2.3")
    (train / "2").mkdir()
    if copy == "link":
        (train / "2" / "T1w").symlink_to(train / "1" / "T1w")
    else:
        write_series(train / "2" / "T1w", first, gap=10, PixelSpacing=[12, 12], SeriesInstanceUID="1.2.4")
    series, _ = audit_patients(["1", "2", "3"], ["T1w"], tmp_path, {}, "rsna")
    found = exclude_twins(series, {"1": 1, "2": 1, "3": 0})
    assert found["status"].tolist() == ["ok", "excluded", "ok"]
    check_table(found, "series", "the audit")


def test_the_digest_is_that_of_the_values_and_the_shape():
    voxels = np.random.default_rng(0).integers(0, 999, (3, 4, 5)).astype(np.uint16)
    assert voxel_digest(voxels) == voxel_digest(voxels.astype(np.float32))
    assert voxel_digest(voxels) != voxel_digest(voxels.reshape(3, 5, 4))
    assert voxel_digest(voxels) != voxel_digest(voxels + 1)
