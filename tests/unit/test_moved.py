"""The same files at another place: what is known of them, and when nothing but their place is new."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gliobench.moved import only_moved, place_of, table_digest

SERIES = ["FLAIR", "T1w"]
TABLE = "patient_id\tlabel\tFLAIR\tT1w\n1\t0\t1/flair\t1/t1\n2\t1\t2/flair\t\n"


def write(path: Path, text: str = TABLE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def place(table: str, made_with: str = "code") -> dict:
    return place_of([table], table, SERIES, made_with)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TABLE, True),
        (TABLE.replace("1/", "/scratch/1/").replace("2/", "/scratch/2/"), True),
        (TABLE.replace("2\t1\t", "2\t0\t"), False),
        (TABLE.replace("patient_id", "patient"), False),
    ],
)
def test_a_table_in_another_folder_only_moved_unless_it_says_something_else(tmp_path, text, expected):
    before, now = place(write(tmp_path / "a/mine.tsv")), place(write(tmp_path / "b/mine.tsv", text))
    assert only_moved(before, now) == expected


def test_one_path_of_a_table_that_is_another_is_an_edit_and_all_of_them_a_move(tmp_path):
    before = place(write(tmp_path / "mine.tsv"))
    assert only_moved(before, place(write(tmp_path / "mine.tsv")))
    assert not only_moved(before, place(write(tmp_path / "mine.tsv", TABLE.replace("1/t1", "1/other"))))
    assert only_moved(before, place(write(tmp_path / "mine.tsv", TABLE.replace("/", "/new/"))))


def test_other_code_or_settings_of_the_audit_are_no_move(tmp_path):
    table = write(tmp_path / "mine.tsv")
    assert not only_moved(place(table), place(table, "other code"))


def test_a_folder_that_lies_elsewhere_moved_if_its_labels_are_the_same(tmp_path):
    here, there = (write(tmp_path / name / "train_labels.csv", "BraTS21ID,MGMT_value\n00000,1\n") for name in "ab")
    before = place_of([here], str(tmp_path / "a"), SERIES, "")
    assert only_moved(before, place_of([there], str(tmp_path / "b"), SERIES, ""))
    write(Path(there), "BraTS21ID,MGMT_value\n00000,0\n")
    assert not only_moved(before, place_of([there], str(tmp_path / "b"), SERIES, ""))


@pytest.mark.parametrize("columns", [3, 12_000])
def test_an_edited_table_of_features_is_no_move_however_wide_it_is(tmp_path, columns):
    table, header = write(tmp_path / "mine.tsv"), ",".join(["ID", *(f"f{number}" for number in range(columns))])

    def place_with(folder: str, number: float) -> dict:
        features = write(tmp_path / folder / "wide.csv", f"{header}\n1{f',{number:.12f}' * columns}\n")
        return place_of([features, table], table, SERIES, "code")

    assert only_moved(place_with("a", 1), place_with("b", 1))
    assert not only_moved(place_with("a", 1), place_with("a", 2))


def test_a_broken_table_of_images_that_is_edited_is_no_move(tmp_path):
    before = place(write(tmp_path / "mine.tsv", f'{TABLE}3\t1\t"{"x" * 200_000}\t\n'))
    assert not only_moved(before, place(write(tmp_path / "mine.tsv", f'{TABLE}3\t0\t"{"x" * 200_000}\t\n')))


def test_a_table_that_is_not_there_or_broken_is_no_error_here(tmp_path):
    (tmp_path / "broken.tsv").write_bytes(b"patient_id\tlabel\n\xff\t1\n")
    for name in ("none.tsv", "broken.tsv"):
        assert place(str(tmp_path / name))["paths"] == []
    assert table_digest([tmp_path / "none.tsv"]) == table_digest([tmp_path / "broken.tsv"])


@given(
    cells=st.lists(st.text("ab1", max_size=3), min_size=4, max_size=4),
    at=st.integers(0, 3),
    said=st.text("ab", max_size=3),
)
def test_the_content_of_tables_is_all_that_they_say_but_their_reasons(tmp_path_factory, cells, at, said):
    folder = tmp_path_factory.mktemp("tables")

    def table(name: str, values: list[str], reason: str) -> Path:
        first, second = "\t".join(values[:2]), "\t".join(values[2:])
        text = f"content\tstatus\treason\nx{first}\t{reason}\ny{second}\t\n"
        return Path(write(folder / name, text))

    other = [value + "!" * (number == at) for number, value in enumerate(cells)]
    before = table_digest([table("a.tsv", cells, "")])
    assert table_digest([table("b.tsv", cells, said)]) == before
    assert table_digest([table("c.tsv", other, "")]) != before
