"""Tables of numbers and categories: what is read of them, and the sentence on what cannot be."""

import re
import zlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.cohorts.features import audit_features, check_known_patients, read_features, read_group, read_number
from gliobench.cohorts.names import feature_tables
from gliobench.errors import GlioBenchError
from gliobench.files import check_table
from gliobench.imaging.facts import SeriesError
from gliobench.inputs.make import make_inputs, usable_series
from gliobench.inputs.store import join_shards, write_shard

TABLE = "ID,Age,Sex,Spacing,Survival days\np1,52.5,F,0.94\\0.94,10\np2,Not Available,M,1,20\np3,61,,0.5\\0.5,30\n"


def source(folder, table="a.csv", prefix="", **changes):
    default = {"id": "ID", "numbers": ["Age", "Spacing"], "categories": ["Sex"]}
    return {"folder": str(folder), "table": table, "prefix": prefix} | default | changes


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.csv").write_text(TABLE, encoding="utf-8")
    return tmp_path


def code(text):
    return float(zlib.crc32(text.encode()))


def test_a_row_holds_numbers_categories_and_what_each_column_is(folder):
    features = {"clinical": [source(folder)]}
    values, facts = read_features(features, "p1", "clinical")
    np.testing.assert_array_equal(values, [[52.5, 0.94, code("F")], [0, 0, 1]])
    assert facts.n_slices is None
    np.testing.assert_array_equal(read_features(features, "p2", "clinical")[0][0], [np.nan, 1, code("M")])
    np.testing.assert_array_equal(read_features(features, "p3", "clinical")[0][0], [61, 0.5, np.nan])


def test_narrower_groups_end_with_absent_columns(folder):
    features = {"all": [source(folder)], "age": [source(folder, numbers=["Age"], categories=[])]}
    np.testing.assert_array_equal(
        read_features(features, "p1", "age")[0], [[52.5, np.nan, np.nan], [0, np.nan, np.nan]]
    )


def test_columns_may_be_given_new_names_so_that_two_collections_agree(folder):
    (folder / "b.tsv").write_text("id\tAge at MRI\tGender\nq1\t40\tF\n", encoding="utf-8")
    shared = {"numbers": {"age": "Age"}, "categories": {"sex": "Sex"}}
    other = {"id": "id", "numbers": {"age": "Age at MRI"}, "categories": {"sex": "Gender"}}
    group = read_group("clinical", [source(folder, prefix="a--", **shared), source(folder, "b.tsv", "b--", **other)])
    assert group.names == ["age", "sex"]
    assert list(group.rows) == ["a--p1", "a--p2", "a--p3", "b--q1"]
    assert group.rows["a--p1"][1] == group.rows["b--q1"][1], "the same text is the same category"


def test_a_pattern_joins_several_tables_and_a_patient_may_lack_one(folder):
    for name, rows in {"r_ED.csv": "ID,ED_x,ED_y\np1,1,2\np2,3,-nan\n", "r_ET.csv": "ID,ET_x\np2,5\np3,6\n"}.items():
        (folder / name).write_text(rows, encoding="utf-8")
    wanted = source(folder, "r_*.csv", numbers=["*"], categories=[])
    group = read_group("radiomics", [wanted])
    assert group.names == ["ED_x", "ED_y", "ET_x"]
    np.testing.assert_array_equal(group.rows["p2"], [3, np.nan, 5])
    np.testing.assert_array_equal(group.rows["p3"], [np.nan, np.nan, 6])
    assert [path.rpartition("/")[2] for path in feature_tables({"radiomics": [wanted]})] == ["r_ED.csv", "r_ET.csv"]


def test_one_column_of_numbers_is_a_quantity_by_patient(folder):
    ages = read_number("clinical", [source(folder)], "Age")
    pd.testing.assert_series_equal(ages, pd.Series([52.5, np.nan, 61.0], ["p1", "p2", "p3"]))
    for column, hint in (("Agee", "did you mean 'Age'?"), ("Sex", "")):
        with pytest.raises(
            GlioBenchError, match=f"the features clinical have no numbers {column!r}; {re.escape(hint)}"
        ):
            read_number("clinical", [source(folder)], column)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"numbers": ["Agee"]}, r"a.csv: no column matches 'Agee' of the features clinical; did you mean 'Age'\?"),
        ({"id": "IDs"}, r"a.csv has no column 'IDs', which `id` names; did you mean 'ID'\?"),
        ({"table": "b.csv"}, r"there is no table .*b.csv"),
        ({"table": "none_*.csv"}, r"there is no table .*none_\*.csv"),
        ({"numbers": ["Sex"], "categories": []}, "'Sex' of patient p1 is 'F', not a finite number"),
        ({"numbers": ["Age", "A*"]}, "name the column 'Age' twice"),
        ({"numbers": ["Age"], "categories": ["Age"]}, "name 'Age' as a number and as a category"),
        ({"numbers": ["Surv*"]}, "'Survival days' of the features clinical is known only after the images"),
        ({"label_columns": ["Sex"]}, "'Sex' of the features clinical is what the label is read from"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(folder, changes, message):
    with pytest.raises(GlioBenchError, match=message):
        read_group("clinical", [source(folder, **changes)])


@pytest.mark.parametrize(
    "title",
    [
        "Survival_from_surgery_days_UPDATED",
        "Survival_Status",
        "Survival_Censor",
        "OS",
        "1-dead 0-alive",
        "PsP_TP_score",
    ],
)
def test_every_column_of_the_collections_on_what_came_after_is_refused(tmp_path, title):
    (tmp_path / "a.csv").write_text(f"ID,{title}\np1,1\n", encoding="utf-8")
    with pytest.raises(GlioBenchError, match="known only after the images"):
        read_group("clinical", [source(tmp_path, numbers=["*"], categories=[])])


@pytest.mark.parametrize(
    "title", ["Age", "Loss", "T1_Intensity_Closest", "Position", "original_glcm_Imc1", "T1 Echo Time"]
)
def test_other_columns_are_not_mistaken_for_outcomes(tmp_path, title):
    (tmp_path / "a.csv").write_text(f"ID,{title}\np1,1\n", encoding="utf-8")
    assert read_group("clinical", [source(tmp_path, numbers=["*"], categories=[])]).names == [title]


def test_a_patient_listed_twice_is_refused(folder):
    (folder / "a.csv").write_text("ID,Age,Sex,Spacing\np1,1,F,1\np1,2,F,1\n", encoding="utf-8")
    with pytest.raises(GlioBenchError, match="lists patient p1 more than once"):
        read_group("clinical", [source(folder)])


def test_ids_of_another_kind_are_noticed_before_anything_is_trained(folder):
    features = {"clinical": [source(folder)]}
    check_known_patients(["p1", "somebody"], features)
    with pytest.raises(GlioBenchError, match=r"no row of any patient .* p1, p2, p3, the cohort has patient 0001"):
        check_known_patients(["0001"], features)


def test_the_audit_says_who_has_no_row_or_no_value(folder):
    (folder / "a.csv").write_text(TABLE + "p4,,,,\n", encoding="utf-8")
    series = audit_features(["p1", "p4", "p5"], {"clinical": [source(folder)]})
    checked = check_table(series, "series", "the audit")
    assert list(checked["status"]) == ["ok", "failed", "failed"]
    assert "has a row, but no value" in checked["reason"][1]
    assert "has no row" in checked["reason"][2]
    assert len(check_table(audit_features(["p1"], {}), "series", "nothing asked")) == 0


def test_the_inputs_of_groups_are_joined_for_patients_who_have_all_of_them(folder, tmp_path):
    (folder / "b.csv").write_text("ID,x\np2,1\np3,2\n", encoding="utf-8")
    features = {
        "clinical": [source(folder)],
        "x": [source(folder, "b.csv", numbers=["x"], categories=[])],
    }
    series = audit_features(["p1", "p2", "p3"], features)
    settings_ = {"kind": "table"}
    usable = usable_series(series, list(features), settings_)
    made = [make_inputs(patient, names, features, "features", settings_) for patient, names in sorted(usable.items())]
    path = tmp_path / "1-of-1.npy"
    write_shard([array for arrays, _ in made for array in arrays], pd.concat([index for _, index in made]), path)
    alone, index = join_shards("table", [path], ["clinical"])
    assert alone.shape == (3, 1, 2, 3)
    both, index = join_shards("table", [path], ["clinical", "x"])
    assert both.shape == (2, 2, 2, 3)
    assert list(index["patient_id"]) == ["p2", "p3"]
    np.testing.assert_array_equal(both[0, 1], [[1, np.nan, np.nan], [0, np.nan, np.nan]])


def test_a_patient_without_a_row_is_a_sentence(folder):
    with pytest.raises(SeriesError, match="patient p9 has no row"):
        read_features({"clinical": [source(folder)]}, "p9", "clinical")


@given(
    cells=st.lists(
        st.one_of(
            st.floats(allow_nan=False, allow_infinity=False).map(repr),
            st.integers(-(10**9), 10**9).map(str),
            st.sampled_from(["", "NA", "nan", "-nan", " Not Available "]),
        ),
        min_size=1,
        max_size=8,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_number_is_what_float_says_and_what_is_not_known_stays_unknown(tmp_path_factory, cells):
    folder = tmp_path_factory.mktemp("tables")
    rows = "".join(f"p{number},1,{cell}\n" for number, cell in enumerate(cells))
    (folder / "a.csv").write_text(f"ID,one,x\n{rows}", encoding="utf-8")
    group = read_group("any", [source(folder, numbers=["one", "x"], categories=[])])
    expected = [
        np.nan if cell.strip().lower() in ("", "na", "nan", "-nan", "not available") else float(cell) for cell in cells
    ]
    np.testing.assert_array_equal([group.rows[f"p{number}"][1] for number in range(len(cells))], expected)
