import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dicom_files import write_series
from gliobench.__main__ import main
from gliobench.cohorts import table as own_table
from gliobench.cohorts.find import find_series
from gliobench.cohorts.walk import walk

VOXELS = np.arange(2 * 4 * 4, dtype=np.uint16).reshape(2, 4, 4)
FLAIR = {"RepetitionTime": 9000, "EchoTime": 120, "InversionTime": 2500}
T1 = {"RepetitionTime": 550, "EchoTime": 12}
T2 = {"RepetitionTime": 4500, "EchoTime": 100}


def told(folder):
    return {found.path.name: found.modality or found.why for found in find_series(folder)}


@pytest.mark.parametrize(
    ("header", "modality"),
    [
        (FLAIR, "FLAIR"),
        (T1, "T1w"),
        (T1 | {"ContrastBolusAgent": "agent"}, "T1wCE"),
        (T2, "T2w"),
        ({"SeriesDescription": "AX T2 FLAIR"}, "FLAIR"),
        ({"SeriesDescription": "t1_mprage_sag"}, "T1w"),
        ({"SeriesDescription": "T1 post Gd"}, "T1wCE"),
        ({"SeriesDescription": "AX_T1_+C"}, "T1wCE"),
        ({"SeriesDescription": "t2_tse_tra"} | T2, "T2w"),
        ({"SeriesDescription": "SAG MPRAGE", "ContrastBolusAgent": "agent"}, "T1wCE"),
        ({"SeriesDescription": "SAG MPRAGE +C"}, "T1wCE"),
        ({"SeriesDescription": "ep2d_diff_ADC"}, "its description names another kind of image"),
        ({"SeriesDescription": "T2* gre"}, "its description names another kind of image"),
        ({"SeriesDescription": "T2*w gre"}, "its description names another kind of image"),
        ({"SeriesDescription": "T1 axial"} | T2, "its description says T1w, its times say T2w"),
        ({}, "neither its description nor TR, TE and TI tell its modality"),
        ({"Modality": "CT"}, "its header says CT, not MR"),
    ],
)
def test_a_dicom_series_is_told_by_its_header(tmp_path, header, modality):
    write_series(tmp_path / "p1" / "series", VOXELS, **header)
    assert told(tmp_path) == {"series": modality}


@pytest.mark.parametrize("agent", ["NONE", "none ", "No", "n", "N/A", "0", ""])
def test_a_header_that_says_there_was_no_agent_makes_no_contrast(tmp_path, agent):
    write_series(tmp_path / "p1" / "series", VOXELS, ContrastBolusAgent=agent, **T1)
    assert told(tmp_path) == {"series": "T1w"}


@pytest.mark.parametrize(
    "description",
    [
        *("AX T1 PRE CONTRAST", "T1 without contrast", "T1 non-contrast", "AX T1 W/O CONTRAST", "T1 3D pre gd"),
        *("T1 precontrast", "T1 no contrast", "AX_T1_WO_CONTRAST", "T1 w/o IV gad", "T1 tra ohne KM", "pre-gd T1"),
    ],
)
def test_a_description_that_denies_contrast_is_no_t1wce(tmp_path, description):
    write_series(tmp_path / "p1" / "series", VOXELS[:1], SeriesDescription=description)
    write_series(tmp_path / "p1" / "agent", VOXELS[1:], SeriesDescription=description, ContrastBolusAgent="agent")
    why = "its description says that there is no contrast agent, its header names one"
    assert told(tmp_path) == {"series": "T1w", "agent": why}


@pytest.mark.parametrize(
    "description", ["PRE-OP T1 +C", "T1 pre and post contrast", "T1 W/WO CONTRAST", "T1 W & W/O GD"]
)
def test_contrast_that_is_not_denied_stays_t1wce(tmp_path, description):
    write_series(tmp_path / "p1" / "series", VOXELS[:1], SeriesDescription=description)
    assert told(tmp_path) == {"series": "T1wCE"}


def told_by_description(folder, descriptions, **header):
    """What series of these descriptions are told as, each a folder of one slice."""
    for number, description in enumerate(descriptions):
        write_series(folder / "p1" / str(number), VOXELS[:1], SeriesDescription=description, **header)
    by_number = told(folder)
    return {description: by_number[str(number)] for number, description in enumerate(descriptions)}


def test_post_of_a_treatment_is_not_after_contrast_but_by_the_agent_of_the_header(tmp_path):
    descriptions = ["POST OP SAG MPRAGE", "mprage_postop", "AX BRAVO POST-OP", "3D SPGR post resection", "T1 post-RT"]
    descriptions += ["t1 post radiochemotherapy", "POSTSURGICAL T1", "status post GBM T1", "SAG T1 POST FOSSA"]
    told = told_by_description(tmp_path / "without", descriptions)
    assert told == dict.fromkeys(descriptions, "T1w")
    told = told_by_description(tmp_path / "with", descriptions, ContrastBolusAgent="agent")
    assert told == dict.fromkeys(descriptions, "T1wCE")


def test_contrast_is_told_by_any_of_its_words_wherever_they_stand(tmp_path):
    descriptions = ["postcontrast T1", "contrast MPRAGE", "ce mprage", "T1 MPRAGE SAG CE", "AX FS+C T1", "T1 C+"]
    descriptions += ["T1post", "T1 POST FS", "AX POST T1", "mprage post", "POST-OP T1 POST GD", "T1 post op +C"]
    assert told_by_description(tmp_path, descriptions) == dict.fromkeys(descriptions, "T1wCE")


def test_contrast_is_told_by_its_words_also_where_only_the_times_say_t1(tmp_path):
    assert told_by_description(tmp_path, ["POST GAD AX"], **T1) == {"POST GAD AX": "T1wCE"}


def test_a_minus_and_a_prefix_deny_contrast(tmp_path):
    descriptions = ["t1_mprage_c-", "AX T1 -C", "T1 unenhanced"]
    assert told_by_description(tmp_path, descriptions) == dict.fromkeys(descriptions, "T1w")


def test_post_of_something_unknown_is_placed_by_the_agent_of_the_header_or_not_at_all(tmp_path):
    descriptions = ["T1 POST STEALTH", "MPRAGE post cycle 2"]
    why = "it is called `post`, which may mean after contrast or after treatment"
    assert told_by_description(tmp_path / "without", descriptions) == dict.fromkeys(descriptions, why)
    told = told_by_description(tmp_path / "with", descriptions, ContrastBolusAgent="agent")
    assert told == dict.fromkeys(descriptions, "T1wCE")


@pytest.mark.filterwarnings("ignore:.*exceeds the maximum length")
def test_a_description_longer_than_dicom_allows_is_matched_up_to_that_length(tmp_path):
    write_series(tmp_path / "p1" / "series", VOXELS[:1], SeriesDescription=8000 * "t1 " + "flair")
    assert told(tmp_path) == {"series": "T1w"}


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("UPENN-GBM-00001_11_FLAIR.nii.gz", "FLAIR"),
        ("UPENN-GBM-00001_11_T1.nii.gz", "T1w"),
        ("UPENN-GBM-00001_11_T1GD.nii.gz", "T1wCE"),
        ("UCSF-PDGM-0004_T1c.nii.gz", "T1wCE"),
        ("p01_T1_pre_contrast.nii.gz", "T1w"),
        ("p01_T1_postop.nii.gz", "T1w"),
        ("01_Post_Scan_T1.nii.gz", "it is called `post`, which may mean after contrast or after treatment"),
        ("sub-01_ce-gadolinium_T1w.nii.gz", "T1wCE"),
        ("p01_T2_star.nii.gz", "its name says another kind of image"),
        ("T1_perfusion.nii.gz", "its name says another kind of image"),
        ("adc_T1.nii.gz", "its name says another kind of image"),
        ("BraTS2021_00000_t1ce.nii.gz", "T1wCE"),
        ("BraTS2021_00000_t2.nii.gz", "T2w"),
        ("BraTS2021_00000_seg.nii.gz", "segmentation"),
        ("scan1.nii", "its name says no modality; a NIfTI header has none"),
        ("start1.nii", "its name says no modality; a NIfTI header has none"),
    ],
)
def test_a_nifti_file_is_told_by_its_name(tmp_path, name, modality):
    (tmp_path / "p1").mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / "p1" / name)
    assert told(tmp_path) == {name: modality}


@pytest.mark.parametrize(
    ("patient", "name", "modality"),
    [
        ("LOC-001", "LOC-001_T1.nii.gz", "T1w"),
        ("DTI-42", "dti_42_flair.nii.gz", "FLAIR"),
        ("SEG-7", "SEG-7_T2.nii.gz", "T2w"),
        ("CE-1", "CE-1_T1.nii.gz", "T1w"),
        ("T1-01", "T1-01_T1.nii.gz", "T1w"),
        ("LOC-001", "LOC-001_loc_T1.nii.gz", "its name says another kind of image"),
        ("a", "loca_T1.nii.gz", "T1w"),
    ],
)
def test_the_id_of_a_patient_in_the_name_of_a_file_says_nothing_of_the_image(tmp_path, patient, name, modality):
    (tmp_path / patient).mkdir()
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2), np.uint8), np.eye(4)), tmp_path / patient / name)
    assert told(tmp_path) == {name: modality}


def test_several_series_in_one_folder_are_not_placed(tmp_path):
    write_series(tmp_path / "p1", VOXELS, **T1)
    (tmp_path / "p1" / "Image-1.dcm").rename(tmp_path / "p1" / "other.dcm")
    write_series(tmp_path / "p1", VOXELS[:1], SeriesInstanceUID="1.2.3", **T2)
    assert told(tmp_path) == {"p1": "it holds 2 series; put each into a folder of its own"}


@pytest.fixture
def clinic(tmp_path):
    for patient in ("p1", "p2", "p3", "p 4"):
        write_series(tmp_path / "images" / patient / "a", VOXELS, **FLAIR)
    write_series(tmp_path / "images" / "p2" / "b", VOXELS + 1, **FLAIR)
    write_series(tmp_path / "images" / "p1" / "c", VOXELS + 2, SeriesDescription="Smith^John T1", **T1)
    (tmp_path / "labels.csv").write_text("patient_id,label,site\np1,1,north\np2,0,south\np5,0,south\n")
    return tmp_path


def scan(clinic, images="images", labels="labels.csv", *options):
    """Write the clinic's patients.tsv as a user would."""
    main(
        [
            "scan",
            str(clinic / images),
            "--labels",
            str(clinic / labels),
            "--table",
            str(clinic / "patients.tsv"),
            *options,
        ]
    )


def test_the_table_is_one_that_a_cohort_can_be_read_from(clinic, capsys):
    scan(clinic)
    assert (clinic / "patients.tsv").read_text().splitlines() == [
        "patient_id\tlabel\tsite\tFLAIR\tT1w",
        "p1\t1\tnorth\timages/p1/a\timages/p1/c",
    ]
    assert own_table.read_patients(clinic / "patients.tsv")["patient_id"].tolist() == ["p1"]
    assert own_table.locate(clinic / "patients.tsv", "p1", "T1w") == clinic / "images/p1/c"
    printed = capsys.readouterr().out
    assert "1 patients; FLAIR 1, T1w 1" in printed
    assert "Smith" not in printed + (clinic / "patients.unplaced.tsv").read_text()


def test_what_has_no_place_in_the_table_is_listed_with_the_reason(clinic):
    scan(clinic)
    lines = (clinic / "patients.unplaced.tsv").read_text().splitlines()[1:]
    unplaced = {path.removeprefix(f"{clinic}/images/"): why for path, why in (line.split("\t") for line in lines)}
    twice = "patient p2 has 2 series that look like FLAIR: write the right one into the table"
    assert unplaced == {
        "p 4/a": "'p 4' cannot be a patient's id: letters, digits, - and _, at most 64",
        "p2/a": twice,
        "p2/b": twice,
        "p3/a": "patient p3 has no row in the table of labels",
        "p2": "the patient has a label, and no series that was placed",
        "p5": "the patient has a label, and no series that was placed",
    }


def test_labels_in_words_become_numbers_with_names(clinic):
    (clinic / "words.csv").write_text("patient_id,label\np1,methylated\np2,unmethylated\n")
    scan(clinic, "images", "words.csv", "--positive", "methylated")
    assert (clinic / "patients.tsv").read_text().splitlines() == [
        "patient_id\tlabel\tlabel_name\tFLAIR\tT1w",
        "p1\t1\tmethylated\timages/p1/a\timages/p1/c",
    ]
    assert own_table.read_patients(clinic / "patients.tsv")["label_name"].tolist() == ["methylated"]


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (["yes", "no", "maybe"], r"must be 'yes' and one other word; they are 'maybe', 'no', 'yes'\."),
        (["yes", "yes"], r"they are 'yes'\."),
        (["Yes", "no"], r"they are 'Yes', 'no'\."),
        (list("abcdefg"), r"they are 'a', 'b', 'c', 'd', 'e' and others\."),
    ],
)
def test_words_that_are_not_two_are_refused(clinic, labels, why):
    rows = "".join(f"p{number},{label}\n" for number, label in enumerate(labels))
    (clinic / "words.csv").write_text(f"patient_id,label\n{rows}")
    with pytest.raises(SystemExit, match=why):
        scan(clinic, "images", "words.csv", "--positive", "yes")


def test_a_table_is_replaced_where_that_is_asked_for_with_its_list_of_what_has_no_place(clinic):
    (clinic / "patients.tsv").write_text("mine")
    scan(clinic, "images", "labels.csv", "--force")
    assert (clinic / "patients.tsv").read_text().startswith("patient_id\t")
    for patient in ("p 4", "p2", "p3"):
        shutil.rmtree(clinic / "images" / patient)
    (clinic / "labels.csv").write_text("patient_id,label\np1,1\n")
    scan(clinic, "images", "labels.csv", "--force")
    assert not (clinic / "patients.unplaced.tsv").exists()


def test_an_existing_table_is_never_overwritten_unasked(clinic):
    (clinic / "patients.tsv").write_text("mine")
    with pytest.raises(SystemExit, match=r"patients.tsv exists: name another table with --table, or replace it"):
        scan(clinic)
    assert (clinic / "patients.tsv").read_text() == "mine"


def test_a_folder_without_images_and_labels_without_their_column_are_said(clinic):
    (clinic / "empty").mkdir()
    (clinic / "none.csv").write_text("patient_id,label\n")
    with pytest.raises(SystemExit, match="it holds neither DICOM nor NIfTI"):
        scan(clinic, "empty", "none.csv")
    (clinic / "words.csv").write_text("patient_id,label\np1,methylated\n")
    with pytest.raises(SystemExit, match=r"patient p1 has the label 'methylated'; label must be 0 or 1 \(its name"):
        scan(clinic, "empty", "words.csv")
    (clinic / "labels.csv").write_text("id,label\np1,1\n")
    with pytest.raises(SystemExit, match="has no column patient_id; its columns are id, label"):
        scan(clinic)


def test_a_patient_with_two_labels_is_refused(clinic):
    (clinic / "labels.csv").write_text("patient_id,label\np1,1\np2,0\np1,1\n")
    with pytest.raises(SystemExit, match=r"labels\.csv lists patient p1 more than once: keep one row per patient"):
        scan(clinic)
    assert not (clinic / "patients.tsv").exists()


def test_links_to_patients_and_series_are_followed(clinic):
    (clinic / "linked" / "p2").mkdir(parents=True)
    (clinic / "linked" / "p1").symlink_to(clinic / "images" / "p1")
    (clinic / "linked" / "p2" / "mine").symlink_to(clinic / "images" / "p2" / "b")
    scan(clinic, "linked")
    assert (clinic / "patients.tsv").read_text().splitlines()[1:] == [
        "p1\t1\tnorth\tlinked/p1/a\tlinked/p1/c",
        "p2\t0\tsouth\tlinked/p2/mine\t",
    ]


def test_links_that_lead_back_are_walked_once(tmp_path):
    for one, other in (("p1", "p2"), ("p2", "p1")):
        write_series(tmp_path / "images" / one / "series", VOXELS, **FLAIR)
        (tmp_path / "images" / one / "up").symlink_to(tmp_path / "images")
        (tmp_path / "images" / one / "other").symlink_to(tmp_path / "images" / other)
    found = [str(each.path.relative_to(tmp_path / "images")) for each in find_series(tmp_path / "images")]
    assert found == ["p1/other/series", "p1/series", "p2/other/series", "p2/series"]


def test_a_link_to_what_holds_the_place_where_it_lies_leads_back(tmp_path):
    (tmp_path / "archive" / "p1" / "series").mkdir(parents=True)
    (tmp_path / "archive" / "p1" / "all").symlink_to(tmp_path / "archive")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "p1").symlink_to(tmp_path / "archive" / "p1")
    images = tmp_path / "images"
    assert [str(place.relative_to(images)) for place, _ in walk(images)] == [".", "p1", "p1/series"]


def test_only_links_are_resolved_in_a_walk(tmp_path, monkeypatch):
    (tmp_path / "p1" / "series").mkdir(parents=True)
    (tmp_path / "p2").symlink_to(tmp_path / "p1")
    resolved = []
    resolve = Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda path: resolved.append(path) or resolve(path))
    assert len(list(walk(tmp_path))) == 5
    assert set(resolved) == {tmp_path / "p2", *(tmp_path / "p2").parents}


def test_a_file_whose_header_is_damaged_is_passed_over(tmp_path):
    write_series(tmp_path / "p1" / "series", VOXELS, **FLAIR)
    first = min((tmp_path / "p1" / "series").iterdir())
    head = first.read_bytes()
    assert head.count(b"\x08\0\x60\0CS") == 1  # the modality
    first.write_bytes(head.replace(b"\x08\0\x60\0CS", b"\x08\0\x60\0ZZ"))
    assert told(tmp_path) == {"series": "FLAIR"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("patient_id\tlabel\na\t1\n", "its columns are separated by tabs; separate them with commas."),
        ("patient_id;label\na;1\n", "its columns are separated by semicolons; separate them with commas."),
        (None, "labels.csv does not exist; give the path of a table."),
    ],
)
def test_labels_in_other_columns_or_nowhere_are_a_sentence(tmp_path, text, said):
    labels = tmp_path / "labels.csv"
    if text:
        labels.write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["scan", str(tmp_path), "--labels", str(labels)])
    assert str(ended.value).endswith(said)


def test_a_table_that_cannot_be_written_is_a_sentence_with_the_folder(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system", str(tmp_path / ".patients.1f.tsv"))

    monkeypatch.setattr("gliobench.cohorts.find.scan", refuse)
    with pytest.raises(SystemExit) as ended:
        main(["scan", str(tmp_path), "--labels", "labels.csv"])
    assert str(ended.value) == (
        f"GlioBench: Read-only file system in the folder {tmp_path}: check the path, and who may write there."
    )
