import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.files import (
    SCHEMAS,
    check_table,
    read_json,
    read_table,
    shard_of,
    table_schema,
    whole,
    write_json,
    write_table,
)


def patients(**columns):
    table = {"patient_id": ["00007", "00010"], "label": [0, 1], "label_name": ["unmethylated", "methylated"]}
    return pd.DataFrame(table | {"site": [None, "north"], "oracle_probability": [0.25, None]} | columns)


def test_a_table_comes_back_as_it_was_written(tmp_path):
    path = tmp_path / "new" / "patients.tsv"
    write_table(patients(), path, "patients")
    read = read_table(path, "patients")
    assert read["patient_id"].tolist() == ["00007", "00010"], "text keeps its leading zeros"
    assert read["label"].tolist() == [0, 1]
    assert read["site"].isna().tolist() == [True, False]
    write_table(read, tmp_path / "again.tsv", "patients")
    assert (tmp_path / "again.tsv").read_bytes() == path.read_bytes()


def test_a_table_is_tab_separated_utf8_with_a_header_in_the_order_of_its_schema(tmp_path):
    shuffled = patients(label_name=["ungemäß", "méthylé"])[
        ["site", "label", "oracle_probability", "patient_id", "label_name"]
    ]
    write_table(shuffled, tmp_path / "patients.tsv", "patients")
    lines = (tmp_path / "patients.tsv").read_bytes().decode("utf-8").split("\n")
    assert lines[0] == "patient_id\tlabel\tlabel_name\tsite\toracle_probability"
    assert lines[1] == "00007\t0\tungemäß\t\t0.25"


def test_an_optional_column_may_be_absent_and_is_checked_where_it_is_there(tmp_path):
    assert "scan_of" not in check_table(patients(), "patients", "here")
    dated = patients(scan_of=["p1", None], date=["1", None])
    write_table(dated, tmp_path / "patients.tsv", "patients")
    assert read_table(tmp_path / "patients.tsv", "patients")["scan_of"].tolist()[0] == "p1"


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1), min_size=1))
def test_any_text_comes_back(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("text") / "patients.tsv"
    ids = [f"{number:05}" for number in range(len(names))]
    table = pd.DataFrame({"patient_id": ids, "label": 0, "label_name": names, "site": "NA", "oracle_probability": None})
    write_table(table, path, "patients")
    read = read_table(path, "patients")
    assert read["label_name"].tolist() == names
    assert set(read["site"]) == {"NA"}, "the text NA is no missing cell"


@given(st.floats(0, 1))
def test_a_number_comes_back_to_the_last_bit(tmp_path_factory, number):
    path = tmp_path_factory.mktemp("numbers") / "patients.tsv"
    write_table(patients(oracle_probability=[number, None]), path, "patients")
    assert read_table(path, "patients")["oracle_probability"].iloc[0] == number


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (patients().drop(columns="site"), r"the table lacks the columns \['site'\]; its columns are \['patient_id',"),
        (patients(age=[60, 70]), r"the table has the unknown columns \['age'\]"),
        (
            patients(label=[0, 2]),
            r"column label, row 2 holds (np\.int64\()?2\)?, which its schema does not allow \(0 or 1\)",
        ),
        (patients(label=["0", "yes"]), "column label must hold integer values"),
        (patients(label=[0, None]), "column label, row 2 holds <NA>, which its schema does not allow"),
        (patients(patient_id=[None, "00010"]), "column patient_id, row 1 holds nan"),
        (patients(oracle_probability=[0.5, 1.5]), r"column oracle_probability, row 2 holds .*1\.5.*true probability"),
        (patients(oracle_probability=[-0.5, 0.5]), "column oracle_probability, row 1 holds"),
    ],
)
def test_a_bad_table_is_refused_by_column_and_row_and_leaves_no_file(tmp_path, table, sentence):
    path = tmp_path / "patients.tsv"
    with pytest.raises(GlioBenchError, match=sentence) as caught:
        write_table(table, path, "patients")
    assert str(caught.value).startswith(f"{path}: ")
    assert not list(tmp_path.iterdir())


def test_a_bad_file_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "patients.tsv"
    path.write_text("patient_id\tlabel\tlabel_name\tsite\toracle_probability\n00001\t7\tx\t\t\n")
    with pytest.raises(GlioBenchError, match="column label, row 1 holds"):
        read_table(path, "patients")


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "array.npy"
    path.write_text("old")

    def write_half():
        with whole(path) as temporary:
            assert temporary.suffix == ".npy", "writers choose their format by the suffix"
            temporary.write_text("half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["array.npy"]
    with whole(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    with whole(tmp_path / "file.txt") as one, whole(tmp_path / "file.txt") as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")


def test_a_record_comes_back_and_may_not_hold_what_json_lacks(tmp_path):
    record = {"name": "méthylé", "values": [1, 2.5, None]}
    write_json(record, tmp_path / "record.json")
    assert read_json(tmp_path / "record.json") == record
    with pytest.raises(ValueError, match="JSON"):
        write_json({"loss": float("nan")}, tmp_path / "bad.json")
    assert not (tmp_path / "bad.json").exists()


@given(st.integers(0, 40), st.integers(1, 12))
def test_every_row_is_in_one_shard(n_rows, n_shards):
    table = pd.DataFrame({"row": range(n_rows)})
    shards = [shard_of(table, f"{number}-of-{n_shards}") for number in range(1, n_shards + 1)]
    assert sorted(pd.concat(shards)["row"]) == list(range(n_rows))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("name", sorted(path.name.split(".")[0] for path in SCHEMAS.glob("*.table.json")))
def test_every_column_of_every_table_is_described_and_typed(name):
    for column, rule in table_schema(name)["properties"].items():
        assert rule.get("description"), column
        assert rule.get("type"), column


def test_a_column_that_several_tables_have_is_defined_once():
    seen: dict[str, list[str]] = {}
    for path in sorted(SCHEMAS.glob("*.table.json")):
        for column, rule in read_json(path)["properties"].items():
            seen.setdefault(f"{column} {rule}", []).append(path.name)
    twice = {rule: tables for rule, tables in seen.items() if len(tables) > 1 and "$ref" not in rule}
    assert not twice
