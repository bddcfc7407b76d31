"""Public collections as downloaded: who is in, who is out and why; and cohorts joined."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collections_on_disk import ucsf_rows, write_brats, write_ucsf, write_upenn
from gliobench.cohorts import layout, read_patient_series
from gliobench.cohorts.audit import audit_patients
from gliobench.cohorts.features import read_group
from gliobench.cohorts.patients import check_excluded, read_sites
from gliobench.cohorts.selection import brats_id, divide, flow_sentence
from gliobench.errors import GlioBenchError
from gliobench.files import check_table
from gliobench.imaging.facts import SeriesError
from gliobench.settings.cohorts import KINDS
from gliobench.settings.models import check
from gliobench.study import Study
from gliobench.terms import ALL_SERIES, MODALITIES

ROOT = Path(__file__).parents[2]
OPEN = ROOT.parent / "shared/data/open"
WRITERS = {
    "upenn-gbm": lambda folder: write_upenn(folder, 4),
    "ucsf-pdgm": lambda folder: write_ucsf(folder, ucsf_rows(4)),
    "brats2021": lambda folder: write_brats(folder, 4),
}


def settings_of(kind, **changes):
    return check(KINDS[kind], {"kind": kind, "path": "unused"} | changes, "the test").model_dump(exclude_none=True)


def read(kind, folder, sites=None, **changes):
    found = layout(kind).read_patients(folder, sites, settings_of(kind, **changes))
    patients, left_out = divide(found, "here")
    check_table(patients, "patients", "here")
    return patients, check_table(left_out, "left_out", "here")


def real(name):
    folder = OPEN / name
    if not folder.is_dir():
        pytest.skip(f"the open tables of {name} are not here")
    return folder


def test_upenn_has_671_scans_611_before_surgery_and_262_with_a_label():
    patients, left_out = read("upenn-gbm", real("upenn-gbm"))
    assert flow_sentence("upenn", patients, left_out) == (
        "upenn: 671 found, 611 before surgery, 262 with a label; 111 of 262 have label 1"
    )
    assert left_out["reason"].value_counts().to_dict() == {
        "MGMT is Not Available": 322,
        "the scan is from after surgery": 60,
        "MGMT is Indeterminate": 27,
    }
    wildtype, left_out = read("upenn-gbm", real("upenn-gbm"), idh=["wildtype"])
    assert (len(wildtype), wildtype["label"].sum()) == (255, 104)
    idh, _ = read("upenn-gbm", real("upenn-gbm"), label="idh")
    assert (len(idh), idh["label"].sum()) == (515, 16)


@pytest.mark.parametrize(
    ("changes", "n", "positive"),
    [
        ({}, 416, 302),
        ({"mgmt": "index 1"}, 413, 300),
        ({"mgmt": "index 2"}, 413, 255),
        ({"mgmt": "without index 1"}, 368, 255),
        ({"label": "idh"}, 501, 103),
    ],
)
def test_ucsf_has_501_patients_and_every_rule_its_count(changes, n, positive):
    patients, left_out = read("ucsf-pdgm", real("ucsf-pdgm"), **changes)
    assert (len(patients), patients["label"].sum(), len(patients) + len(left_out)) == (n, positive, 501)


def test_ucsf_narrowed_to_wildtype_grade_4_and_not_biopsied_says_so_step_by_step():
    changes = {"idh": ["wildtype"], "grades": [4], "biopsied": False}
    patients, left_out = read("ucsf-pdgm", real("ucsf-pdgm"), **changes)
    table = pd.read_csv(real("ucsf-pdgm") / "UCSF-PDGM-metadata_v2.csv", dtype="str")
    kept = table[
        table["MGMT status"].isin(["positive", "negative"])
        & (table["IDH"] == "wildtype")
        & (table["WHO CNS Grade"] == "4")
        & (table["Biopsy prior to imaging"] == "No")
    ]
    assert set(patients["patient_id"]) == set(kept["ID"])
    steps = ["with a label", "IDH wildtype", "grade 4", "not biopsied before imaging"]
    assert list(left_out["step"].unique()) == steps
    assert len(left_out) + len(patients) == 501


def test_the_competitions_rule_is_an_index_of_2_or_more():
    patients, _ = read("ucsf-pdgm", real("ucsf-pdgm"), mgmt="index 2")
    table = pd.read_csv(real("ucsf-pdgm") / "UCSF-PDGM-metadata_v2.csv", dtype="str").set_index("ID")
    index = table.loc[patients["patient_id"], "MGMT index"].astype(int)
    assert (patients["label"].to_numpy() == (index >= 2).to_numpy()).all()


@pytest.mark.parametrize("kind", WRITERS)
def test_every_series_of_a_downloaded_folder_is_found_and_read(tmp_path, kind):
    folder = tmp_path / kind
    WRITERS[kind](folder)
    patients, left_out = read(kind, folder, segmentation=True)
    assert len(patients) == 4
    assert len(left_out) == (2 if kind == "upenn-gbm" else 1)
    series, _ = audit_patients(patients["patient_id"], ALL_SERIES, folder, {}, kind)
    assert set(series["status"]) == {"ok"}, series["reason"].dropna().tolist()
    regions, _ = read_patient_series(kind, folder, patients["patient_id"][0], "segmentation")
    assert set(np.unique(regions.voxels)) == {0, 1, 2, 4}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_missing_series_is_a_sentence_that_names_the_file(tmp_path, kind):
    folder = tmp_path / kind
    WRITERS[kind](folder)
    patient = read(kind, folder)[0]["patient_id"][1]
    path = layout(kind).locate(folder, patient, "T1wCE")
    path.unlink()
    with pytest.raises(SeriesError, match=f"patient {patient} has no T1wCE series: there is no file .*{path.name}"):
        layout(kind).locate(folder, patient, "T1wCE")


def test_the_corrected_segmentation_of_upenn_comes_before_the_automatic_one(tmp_path):
    write_upenn(tmp_path / "upenn", 2)
    locate = layout("upenn-gbm").locate
    assert locate(tmp_path / "upenn", "UPENN-GBM-00001_11", "segmentation").parent.name == "images_segm"
    assert locate(tmp_path / "upenn", "UPENN-GBM-00002_11", "segmentation").parent.name == "automated_segm"


def test_tables_alone_are_enough(tmp_path):
    write_upenn(tmp_path / "upenn", 2, images=False)
    write_ucsf(tmp_path / "ucsf", ucsf_rows(2), images=False)
    write_brats(tmp_path / "brats", 2, images=False)
    for kind, folder in {"upenn-gbm": "upenn", "ucsf-pdgm": "ucsf", "brats2021": "brats"}.items():
        assert len(read(kind, tmp_path / folder, modalities=[])[0]) == 2


def with_cells(folder, column, *cells):
    rows = ucsf_rows(4)
    for row, cell in zip(rows, cells, strict=False):
        row[column] = cell
    write_ucsf(folder, rows, images=False)
    return folder


@pytest.mark.parametrize(
    ("column", "cell", "changes", "message"),
    [
        ("MGMT status", "maybe", {}, "MGMT status of UCSF-PDGM-004 is 'maybe'; known are"),
        ("MGMT index", "many", {"mgmt": "index 2"}, "MGMT index of UCSF-PDGM-004 is 'many', not a number"),
        ("Biopsy prior to imaging", "", {}, "Biopsy prior to imaging of UCSF-PDGM-004 is ''; known are 'Yes', 'No'"),
        ("ID", "UCSF-PDGM-005", {}, "lists patient UCSF-PDGM-005 more than once"),
        ("ID", "no id", {}, "'no id' cannot be a patient id"),
    ],
)
def test_a_cell_that_no_rule_reads_is_a_sentence(tmp_path, column, cell, changes, message):
    folder = with_cells(tmp_path / "ucsf", column, cell)
    with pytest.raises(GlioBenchError, match=message):
        read("ucsf-pdgm", folder, **changes)


def test_a_missing_table_and_a_missing_column_are_sentences(tmp_path):
    with pytest.raises(GlioBenchError, match=r"UPENN-GBM_clinical_info_v2.1.csv does not exist: `path` in the config"):
        read("upenn-gbm", tmp_path)
    (tmp_path / "UPENN-GBM_clinical_info_v2.1.csv").write_text("ID,MGMT\n", encoding="utf-8")
    with pytest.raises(GlioBenchError, match=r"lacks the columns \['IDH1'\]"):
        read("upenn-gbm", tmp_path)


def test_a_cohort_with_nobody_left_counts_who_is_out(tmp_path):
    write_ucsf(tmp_path / "ucsf", ucsf_rows(4), images=False)
    with pytest.raises(GlioBenchError, match=r"none of the 5 found is left \(1 not with a label, 4 not grade 2\)"):
        read("ucsf-pdgm", tmp_path / "ucsf", grades=[2])


@given(
    cells=st.lists(
        st.tuples(
            st.sampled_from(["positive", "negative", "indeterminate", ""]),
            st.sampled_from(["", "0", "1", "2", "17"]),
            st.sampled_from(["wildtype", "mutated (NOS)", ""]),
            st.sampled_from(["2", "3", "4"]),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=12,
    ),
    rule=st.sampled_from(["status", "index 1", "index 2", "without index 1"]),
    idh=st.sampled_from([["wildtype"], ["wildtype", "mutated"], ["wildtype", "mutated", "unknown"]]),
    grades=st.sampled_from([[4], [2, 3], [2, 3, 4]]),
    biopsied=st.booleans(),
    in_brats=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_nobody_is_dropped_without_a_row(tmp_path_factory, cells, rule, idh, grades, biopsied, in_brats):
    names = ("MGMT status", "MGMT index", "IDH", "WHO CNS Grade", "Biopsy prior to imaging", "BraTS21 ID")
    rows = [
        {"ID": f"UCSF-PDGM-{number:03}"}
        | dict(zip(names, [*each[:4], "Yes" if each[4] else "No", f"BraTS2021_{number:05}" * each[5]], strict=True))
        for number, each in enumerate(cells)
    ]
    folder = tmp_path_factory.mktemp("made") / "ucsf"
    write_ucsf(folder, rows, images=False)
    keys = {"mgmt": rule, "idh": idh, "grades": grades, "biopsied": biopsied, "in_brats": in_brats}
    found = layout("ucsf-pdgm").read_patients(folder, None, settings_of("ucsf-pdgm", **keys))
    assert sorted(found["patient_id"]) == [row["ID"] for row in rows]
    assert (found["step"].isna() == found["reason"].isna()).all()
    inside = found[found["step"].isna()].set_index("patient_id")
    for row, each in zip(rows, cells, strict=True):
        status, index, mutation, grade, biopsy, brats = each
        value = {"positive": 1, "negative": 0}.get(status) if rule == "status" else None
        if rule != "status" and index and not (rule == "without index 1" and index == "1"):
            value = int(int(index) >= (1 if rule == "index 1" else 2))
        kind = {"wildtype": "wildtype", "": "unknown"}.get(mutation, "mutated")
        stays = value is not None and kind in idh and int(grade) in grades
        stays = stays and (biopsied or not biopsy) and (in_brats or not brats)
        assert (row["ID"] in inside.index) == stays
        if stays:
            assert inside.loc[row["ID"], "label"] == value


def union_of(folder, **changes):
    write_upenn(folder / "upenn", 4)
    write_ucsf(folder / "ucsf", ucsf_rows(4))
    members = {"penn": ("upenn-gbm", "upenn"), "california": ("ucsf-pdgm", "ucsf")}
    return {
        name: {"folder": folder / place, "sites": None, "settings": settings_of(kind, **changes.get(name, {}))}
        for name, (kind, place) in members.items()
    }


def test_a_union_has_all_patients_each_with_its_member_as_site(tmp_path):
    members = union_of(tmp_path)
    patients, left_out = divide(layout("union").read_patients(members), "both")
    assert patients["site"].value_counts().to_dict() == {"penn": 4, "california": 4}
    assert patients["patient_id"].str.startswith(("penn--UPENN-GBM-", "california--UCSF-PDGM-")).all()
    assert len(left_out) == 3
    path = layout("union").locate(members, "california--UCSF-PDGM-004", "T1wCE")
    assert path == tmp_path / "ucsf/UCSF-PDGM-0004_nifti/UCSF-PDGM-0004_T1c.nii.gz"
    series, _ = audit_patients(patients["patient_id"], MODALITIES, members, {}, "union")
    assert set(series["status"]) == {"ok"}


def test_a_patient_in_two_members_of_a_union_is_refused_unless_left_out(tmp_path):
    write_brats(tmp_path / "brats", 8, images=False)
    write_ucsf(tmp_path / "ucsf", ucsf_rows(4), images=False)

    def members(**changes):
        return {
            "ucsf": {"folder": tmp_path / "ucsf", "sites": None, "settings": settings_of("ucsf-pdgm", **changes)},
            "brats": {"folder": tmp_path / "brats", "sites": None, "settings": settings_of("brats2021", modalities=[])},
        }

    with pytest.raises(
        GlioBenchError,
        match="1 patients are in two members of the union: BraTS2021_00006 is brats--BraTS2021_00006 and ucsf--",
    ):
        layout("union").read_patients(members())
    patients, left_out = divide(layout("union").read_patients(members(in_brats=False)), "both")
    assert len(patients) == 11
    assert "in BraTS 2021 as BraTS2021_00006" in left_out["reason"].tolist()


def test_a_union_of_labels_with_two_meanings_is_refused(tmp_path):
    members = union_of(tmp_path)
    rows = [row | {"IDH": "mutated (NOS)"} for row in ucsf_rows(2)]
    write_ucsf(tmp_path / "other", rows, images=False)
    members["california"] = {
        "folder": tmp_path / "other",
        "sites": None,
        "settings": settings_of("ucsf-pdgm", label="idh"),
    }
    with pytest.raises(GlioBenchError, match="call label 1 'methylated' and 'IDH mutated'"):
        layout("union").read_patients(members)


@pytest.mark.parametrize("text", ["97", "00097", "BraTS2021_00097", " BraTS2021_97 "])
def test_a_brats_id_has_one_form(text):
    assert brats_id(text) == "BraTS2021_00097"


SITE = "Site No (represents the originating institution)"


def write_crosswalk(folder, n, without):
    """Write a crosswalk with the public one's columns, and its gaps: patients without a site."""
    rows = [
        {
            "BraTS2021": f"BraTS2021_{number:05}",
            "Cohort Name (if publicly available)": "UPENN-GBM" if number % 2 else "",
            SITE: "" if number in without else str(1 + 17 * (number % 2)),
        }
        for number in range(n)
    ]
    pd.DataFrame(rows).to_csv(folder / "crosswalk.csv", index=False)
    return {"folder": str(folder), "table": "crosswalk.csv", "id": "BraTS2021", "column": SITE}


@pytest.mark.parametrize("kind", ["rsna", "brats2021"])
def test_the_public_crosswalk_names_the_sites_but_for_its_gaps(tmp_path, kind):
    write_brats(tmp_path / "data", 585, images=False)
    without = set(range(100, 108))
    sites = write_crosswalk(tmp_path / "data", 585, without)
    patients, _ = read(kind, tmp_path / "data", sites, modalities=[])
    assert len(patients) == 585
    assert patients["site"].isna().sum() == 8
    assert set(patients["site"].dropna()) == {"1", "18"}
    assert patients.set_index("patient_id").loc["00003" if kind == "rsna" else "BraTS2021_00003", "site"] == "18"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column": "Site"}, "has no column 'Site', which `sites` names"),
        ({"id": "BraTS21"}, "has no column 'BraTS21', which `sites` names; did you mean 'BraTS2021'"),
        ({"table": "crosswalk.xlsx"}, "crosswalk.xlsx does not exist"),
    ],
)
def test_a_wrong_column_of_sites_is_a_sentence(tmp_path, changes, message):
    sites = write_crosswalk(tmp_path, 3, ()) | changes
    with pytest.raises(GlioBenchError, match=message):
        read_sites(sites)


def test_sites_of_other_patients_are_noticed(tmp_path):
    write_upenn(tmp_path / "upenn", 2, images=False)
    sites = write_crosswalk(tmp_path / "upenn", 3, ())
    with pytest.raises(GlioBenchError, match="`sites` names no patient of the cohort: its column 'BraTS2021' holds"):
        read("upenn-gbm", tmp_path / "upenn", sites)


def study(cohorts, runs):
    return Study({"study": "one", "seed": 1, "cohorts": cohorts, "runs": runs}, ROOT)


CLINICAL = {"table": "a.csv", "id": "ID", "numbers": {"age": "Age_at_scan_years"}, "categories": {"sex": "Gender"}}
COHORTS = {
    "upenn": {
        "kind": "upenn-gbm",
        "path": "u",
        "modalities": [],
        "features": {"clinical": CLINICAL, "radiomics": {"table": "r.csv", "id": "ID", "numbers": ["*"]}},
    },
    "ucsf": {
        "kind": "ucsf-pdgm",
        "path": "c",
        "modalities": [],
        "features": {"clinical": CLINICAL, "radiomics": {"table": "r.csv", "id": "ID", "numbers": ["*"]}},
    },
    "both": {"kind": "union", "members": ["upenn", "ucsf"]},
}
BOTH_WAYS = [{"approach": "tabular", "cohorts": ["both"], "protocols": ["leave-one-site-out"]}]


def test_a_union_shares_the_features_that_its_members_define_alike():
    made = study(COHORTS, BOTH_WAYS)
    assert made.features("both") == ["clinical"], "patterns may match other columns"
    sources = made.feature_sources("both")["clinical"]
    assert [(each["folder"], each["prefix"]) for each in sources] == [("u", "upenn--"), ("c", "ucsf--")]
    assert sources[1]["label_columns"] == ["MGMT status", "MGMT index"]


def test_a_union_excludes_the_series_that_its_members_exclude(tmp_path):
    reasons = {
        "penn": {"FLAIR": {"UPENN-GBM-00002_11": "motion"}},
        "california": {"FLAIR": {"UCSF-PDGM-004": "blurred"}},
    }
    members = union_of(tmp_path, **{name: {"exclude": exclude} for name, exclude in reasons.items()})
    cohorts = {name: member["settings"] for name, member in members.items()}
    both = {"kind": "union", "members": list(cohorts)}
    made = study(cohorts | {"both": both}, [{"approach": "baseline", "cohorts": ["both"]}])
    assert {name: made.excluded(name) for name in reasons} == reasons
    patients = layout("union").read_patients(members).query("step.isna()")
    check_excluded(patients, made.excluded("both"))
    series, _ = audit_patients(patients["patient_id"], ["FLAIR", "T1w"], members, made.excluded("both"), "union")
    left_out = series[series["status"] == "excluded"].set_index("patient_id")
    assert left_out["reason"].to_dict() == {
        "penn--UPENN-GBM-00002_11": "motion",
        "california--UCSF-PDGM-004": "blurred",
    }
    assert set(left_out["modality"]) == {"FLAIR"}


def test_leaving_out_a_member_of_a_union_is_named_external_validation():
    made = study(COHORTS, BOTH_WAYS)
    caveat = made.caveat(made.cells[0])
    assert "external validation" in caveat
    assert "two collections say nothing of the variance between hospitals" in caveat
    alone = study({"upenn": COHORTS["upenn"]}, [{"approach": "tabular"}])
    assert alone.caveat(alone.cells[0]) is None


@pytest.mark.parametrize(
    ("both", "message"),
    [
        ({"members": ["upenn", "ucsg"]}, "cohorts.both.members: no cohort 'ucsg'; did you mean 'ucsf'?"),
        ({"members": ["upenn", "both"]}, "'both' is several cohorts"),
        ({"members": ["upenn"]}, "needs 2 or more entries"),
        ({"members": ["upenn", "upenn"]}, "'upenn' is listed twice"),
    ],
)
def test_a_union_of_what_is_not_there_is_a_sentence(both, message):
    with pytest.raises(GlioBenchError) as refused:
        assert study(COHORTS | {"both": {"kind": "union"} | both}, BOTH_WAYS).cells
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methylated": ["Methylated", "Unmethylated"]}, "'Unmethylated' is under `methylated` and `unmethylated`"),
        ({"idh": ["wild"]}, "'wild' is not a choice; did you mean 'wildtype'?"),
        ({"grades": [4]}, "unknown key 'grades'"),
    ],
)
def test_a_wrong_key_of_a_collection_is_a_sentence(changes, message):
    with pytest.raises(GlioBenchError) as refused:
        settings_of("upenn-gbm", **changes)
    assert message in str(refused.value)


def test_no_column_of_the_label_is_a_feature_and_no_outcome(tmp_path):
    write_ucsf(tmp_path / "ucsf", ucsf_rows(2), images=False)
    cohorts = {"ucsf": COHORTS["ucsf"] | {"path": str(tmp_path / "ucsf")}}
    for column, message in {"MGMT index": "what the label is read from"}.items():
        features = {"clinical": {"table": "UCSF-PDGM-metadata_v2.csv", "id": "ID", "numbers": [column]}}
        made = study({"ucsf": cohorts["ucsf"] | {"features": features}}, [{"approach": "tabular"}])
        with pytest.raises(GlioBenchError, match=message):
            read_group("clinical", made.feature_sources("ucsf")["clinical"])


def test_a_baseline_that_reads_series_is_refused_on_tables_alone():
    cohorts = {"upenn": COHORTS["upenn"]}
    assert study(cohorts, [{"approach": "baseline", "variants": ["prior"]}]).cells
    with pytest.raises(GlioBenchError, match="the variant header reads series, and cohort upenn has none"):
        assert study(cohorts, [{"approach": "baseline", "variants": ["header"]}]).cells
