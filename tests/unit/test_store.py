import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.inputs.store import read_shards, write_shard


def index(ids):
    return pd.DataFrame({"patient_id": ids, "slice_index": [None] * len(ids)})


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
    array, rows = read_shards(paths)
    assert len(array) == count
    assert rows["row"].tolist() == list(range(count))
    assert rows["patient_id"].tolist() == [f"{row:05}" for row in range(count)]
    if count:
        assert array.shape == (count, 2, 3, 4)
        assert array.dtype == np.float32
        assert (array == np.arange(count)[:, None, None, None]).all()


@pytest.mark.parametrize("n_shards", [1, 2, 3, 7])
def test_the_order_of_patients_does_not_depend_on_the_number_of_shards(tmp_path, n_shards):
    ids = [f"{row:05}" for row in range(6)]
    paths = [tmp_path / f"{number}.npy" for number in range(n_shards)]
    for number, path in enumerate(paths):
        mine = ids[number::n_shards]
        write_shard([np.full(2, int(name), np.float32) for name in mine], index(mine), path)
    array, rows = read_shards(paths)
    assert rows["patient_id"].tolist() == ids
    assert array[:, 0].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_shard_may_be_empty(tmp_path):
    write_shard([], index([]), tmp_path / "none.npy")
    array, rows = read_shards([tmp_path / "none.npy"])
    assert len(array) == len(rows) == 0


def test_an_index_without_a_patient_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match="column patient_id, row 1"):
        write_shard([np.zeros(3, np.float32)], index([None]), tmp_path / "bad.npy")
