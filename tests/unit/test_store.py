import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.inputs.store import (
    append_rows,
    join_shards,
    read_shards,
    shard_writer,
    single,
    stack_channels,
    write_shard,
)


def index(ids, modality="FLAIR", slices=None):
    return pd.DataFrame({"patient_id": ids, "modality": modality, "slice_index": slices or [None] * len(ids)})


def stored(ids, modality="FLAIR", slices=None, value=0.0, shape=(2,)):
    """Arrays and index as `read_shards` gives them; row n holds value + n."""
    rows = index(ids, modality, slices).assign(row=np.arange(len(ids)))
    arrays = [np.full(shape, value + row, np.float32) for row in range(len(ids))]
    return (np.stack(arrays) if ids else np.empty((0,), np.float32)), rows


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_shards_come_back_in_order_each_row_with_its_patient(tmp_path_factory, sizes):
    folder = tmp_path_factory.mktemp("store")
    count = 0
    paths = []
    for number, size in enumerate(sizes):
        ids = [f"{row:05}" for row in range(count, count + size)]
        arrays = [np.full((2, 3, 4), row, np.float32) for row in range(count, count + size)]
        paths.append(folder / f"{number}.npy")
        write_shard(arrays, index(ids), paths[-1])
        count += size
    array, rows = read_shards(paths, "FLAIR")
    assert len(array) == count
    assert rows["row"].tolist() == list(range(count))
    assert rows["patient_id"].tolist() == [f"{row:05}" for row in range(count)]
    if count:
        assert array.shape == (count, 2, 3, 4)
        assert array.dtype == np.float32
        assert (array == np.arange(count)[:, None, None, None]).all()


@pytest.mark.parametrize("n_shards", [1, 2, 3, 7])
def test_the_order_of_rows_does_not_depend_on_the_number_of_shards(tmp_path, n_shards):
    ids = [f"{row:05}" for row in range(6)]
    paths = [tmp_path / f"{number}.npy" for number in range(n_shards)]
    for number, path in enumerate(paths):
        mine = [name for name in ids[number::n_shards] for _ in range(2)]
        arrays = [np.full(2, 2 * int(name) + place % 2, np.uint8) for place, name in enumerate(mine)]
        write_shard(arrays, index(mine, slices=[9, 11] * (len(mine) // 2)), path)
    array, rows = read_shards(paths[::-1], "FLAIR")
    assert rows["patient_id"].tolist() == [name for name in ids for _ in range(2)]
    assert rows["slice_index"].tolist() == [9, 11] * 6
    assert array[:, 0].tolist() == list(range(12))
    assert array.dtype == np.uint8


def test_only_shards_with_a_wanted_patient_are_opened(tmp_path):
    paths = [tmp_path / "0.npy", tmp_path / "1.npy"]
    write_shard([np.full(2, 1.0), np.full(2, 2.0)], index(["a", "c"]), paths[0])
    write_shard([np.full(2, 3.0)], index(["b"]), paths[1])
    paths[1].write_bytes(b"damaged")
    array, rows = read_shards(paths, "FLAIR", patients={"c"})
    assert rows["patient_id"].tolist() == ["c"]
    assert rows["row"].tolist() == [0]
    assert array.tolist() == [[2.0, 2.0]]
    with pytest.raises(ValueError, match="pickle"):
        read_shards(paths, "FLAIR", patients=["b"])


def test_a_shard_holds_several_series_and_each_is_read_by_its_name(tmp_path):
    rows = pd.concat([index(["a"], "T2w"), index(["a"]), index(["b"], "T2w")], ignore_index=True)
    write_shard([np.full(2, value) for value in (1.0, 2.0, 3.0)], rows, tmp_path / "all.npy")
    for name, expected in {"FLAIR": [2.0], "T2w": [1.0, 3.0], "T1w": []}.items():
        array, read = read_shards([tmp_path / "all.npy"], name)
        assert [row[0] for row in array] == expected
        assert set(read["modality"]) <= {name}
    joined, _ = join_shards("grid", [tmp_path / "all.npy"], ["T2w", "FLAIR"])
    assert joined.tolist() == [[[1.0, 1.0], [2.0, 2.0]]]


def test_a_shard_may_be_empty(tmp_path):
    write_shard([], index([]), tmp_path / "none.npy")
    array, rows = read_shards([tmp_path / "none.npy"], "FLAIR")
    assert len(array) == len(rows) == 0


def test_a_shard_written_patient_by_patient_is_the_one_written_at_once(tmp_path):
    arrays = np.random.default_rng(0).normal(size=(5, 3, 2)).astype(np.float16)
    write_shard(list(arrays), index(list("abcde")), tmp_path / "once.npy")
    with shard_writer(tmp_path / "bit.npy") as append:
        for patient_id, array in zip("abcde", arrays, strict=True):
            append([array], index([patient_id]))
    for suffix in (".npy", ".tsv"):
        assert (tmp_path / f"bit{suffix}").read_bytes() == (tmp_path / f"once{suffix}").read_bytes()
    np.testing.assert_array_equal(np.load(tmp_path / "once.npy"), arrays)


def test_a_shard_that_nothing_is_appended_to_is_empty(tmp_path):
    with shard_writer(tmp_path / "none.npy"):
        pass
    array, rows = read_shards([tmp_path / "none.npy"], "FLAIR")
    assert len(array) == len(rows) == 0


def test_inputs_of_two_shapes_in_one_shard_are_refused_and_leave_no_file(tmp_path):
    with pytest.raises(GlioBenchError, match=r"an input is float64 \(3,\), those before it float64 \(2,\)"):
        write_shard([np.zeros(2), np.zeros(3)], index(["a", "b"]), tmp_path / "bad.npy")
    assert not list(tmp_path.iterdir())


def test_an_index_without_a_patient_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match="column patient_id, row 1"):
        write_shard([np.zeros(3, np.float32)], index([None]), tmp_path / "bad.npy")


def test_shards_of_two_shapes_are_refused(tmp_path):
    paths = [tmp_path / "0.npy", tmp_path / "1.npy"]
    write_shard([np.zeros((2, 3))], index(["a"]), paths[0])
    write_shard([np.zeros((2, 4))], index(["b"]), paths[1])
    with pytest.raises(GlioBenchError, match=r"1\.npy: its rows are float64 \(2, 4\), those of other shards"):
        read_shards(paths, "FLAIR")


def test_a_single_series_stays_as_it_is():
    one = stored(["a", "b"])
    assert single({"FLAIR": one}) is one
    with pytest.raises(GlioBenchError, match="takes one modality, not FLAIR, T2w"):
        single({"FLAIR": one, "T2w": one})


def test_rows_are_ordered_by_patient_then_series_as_given_then_slice():
    flair = stored(["a", "a", "b"], "FLAIR", [4, 12, 5])
    t2w = stored(["a", "b"], "T2w", [7, 2], value=10)
    array, rows = append_rows({"T2w": t2w, "FLAIR": flair, "T1w": stored([], "T1w")})
    assert array[:, 0].tolist() == [10, 0, 1, 11, 2]
    assert rows["row"].tolist() == list(range(5))
    assert rows["patient_id"].tolist() == list("aaabb")
    assert rows["modality"].tolist() == ["T2w", "FLAIR", "FLAIR", "T2w", "FLAIR"]
    assert rows["slice_index"].tolist() == [7, 4, 12, 2, 5]


@pytest.mark.parametrize("join", [append_rows, stack_channels])
def test_a_join_holds_little_more_than_its_series_and_its_result(join):
    series = {name: stored([f"{row:02}" for row in range(40)], name, shape=(100, 100)) for name in ("T1w", "T2w")}
    tracemalloc.start()
    array, _ = join(series)
    highest = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert highest < 1.6 * array.nbytes


def test_channels_are_the_series_as_given_of_the_patients_who_have_all():
    flair = stored(["a", "b", "c"], "FLAIR", shape=(2, 3, 4))
    t2w = stored(["b", "c", "d"], "T2w", value=10, shape=(2, 3, 4))
    array, rows = stack_channels({"T2w": t2w, "FLAIR": flair})
    assert array.shape == (2, 2, 2, 3, 4)
    assert array[:, :, 0, 0, 0].tolist() == [[10, 1], [11, 2]]
    assert rows["patient_id"].tolist() == ["b", "c"]
    assert rows["modality"].tolist() == ["all", "all"]
    assert rows["slice_index"].isna().all()


def test_one_series_alone_is_one_channel():
    array, rows = stack_channels({"FLAIR": stored(["a", "b"], shape=(2, 3, 4))})
    assert array.shape == (2, 1, 2, 3, 4)
    assert rows["modality"].tolist() == ["FLAIR", "FLAIR"]


@pytest.mark.parametrize("join", [single, append_rows, stack_channels])
def test_a_join_of_nothing_is_a_sentence(join):
    with pytest.raises(GlioBenchError, match=r"no patient has a usable series of FLAIR; see series\.tsv"):
        join({"FLAIR": stored([])})


def test_channels_without_a_common_patient_are_a_sentence():
    with pytest.raises(GlioBenchError, match=r"of each kind \(FLAIR 1, T2w 2 patients\); see series\.tsv"):
        stack_channels({"FLAIR": stored(["a"]), "T2w": stored(["b", "c"], "T2w")})


@pytest.mark.parametrize("join", [append_rows, stack_channels])
def test_series_of_two_shapes_are_a_sentence(join):
    other = stored(["a"], "T2w", shape=(3,))
    with pytest.raises(GlioBenchError, match=r"differ in shape \(FLAIR float32 \(2,\), T2w float32 \(3,\)\)"):
        join({"FLAIR": stored(["a"]), "T2w": other})
