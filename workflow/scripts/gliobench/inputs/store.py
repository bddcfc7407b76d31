"""The array store: one ``.npy`` a shard, with a TSV that says which patient is which row."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from gliobench.files import read_table, whole, write_table


def write_shard(arrays: Sequence[np.ndarray], index: pd.DataFrame, path: str | Path) -> None:
    """
    Write the arrays of a shard.

    Parameters
    ----------
    arrays : sequence of ndarray
        One a row of `index`, all of one shape; may be empty.
    index : DataFrame
        patient_id and slice_index (empty for whole volumes).
    path : path
        The ``.npy`` file; the index goes beside it as ``.tsv``.
    """
    with whole(path) as temporary:
        np.save(temporary, np.stack(arrays) if len(arrays) else np.empty((0,), np.float32))
    rows = index.reset_index(drop=True).rename_axis("row").reset_index()
    write_table(rows, Path(path).with_suffix(".tsv"), "index")


def read_shards(paths: Sequence[str | Path]) -> tuple[np.ndarray, pd.DataFrame]:
    """
    Read shards into one array.

    Returns
    -------
    array : ndarray
        Shape (rows, ...), in the order of patients and slices, however they are cut into shards.
    index : DataFrame
        As in the schema ``index``, with ``row`` counting through the whole array.
    """
    arrays = [np.load(path, mmap_mode="r") for path in paths]
    index = pd.concat([read_table(Path(path).with_suffix(".tsv"), "index") for path in paths], ignore_index=True)
    order = index.sort_values(["patient_id", "slice_index"], kind="stable").index
    filled = [array for array in arrays if len(array)]
    array = np.concatenate(filled)[order] if filled else np.empty((0,), np.float32)
    return array, index.loc[order].assign(row=np.arange(len(index))).reset_index(drop=True)
