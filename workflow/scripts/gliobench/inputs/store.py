"""The array store: one ``.npy`` per shard, with a TSV that gives the patient of each row; and how series are joined."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError
from gliobench.files import read_table, whole, write_table

Indexed = tuple[np.ndarray, pd.DataFrame]
SHARD_INDEX = ["patient_id", "modality", "slice_index", "reason"]


def without_input(index: pd.DataFrame) -> pd.DataFrame:
    """
    Return the rows of an index that say why a series has no input, not those that only remark on one it has.

    Parameters
    ----------
    index : DataFrame
        As `gliobench.inputs.make.make_inputs` returns it, or as in the schema ``index``.
    """
    series = pd.MultiIndex.from_frame(index[["patient_id", "modality"]])
    return index[index["reason"].notna() & ~series.isin(series[index["reason"].isna()])]


def write_shard(arrays: Sequence[np.ndarray], index: pd.DataFrame, path: str | Path) -> None:
    """
    Write the arrays of a shard.

    Parameters
    ----------
    arrays : sequence of ndarray
        One per row of `index` without a reason, all of one shape; may be empty.
    index : DataFrame
        As `gliobench.inputs.make.make_inputs` returns it.
    path : path
        The ``.npy`` file; the index is written next to it as ``.tsv``.
    """
    with shard_writer(path) as append:
        append(arrays, index)


@contextmanager
def shard_writer(path: str | Path) -> Iterator[Callable[[Sequence[np.ndarray], pd.DataFrame], None]]:
    """
    Yield a function that appends arrays and their rows to a shard, so memory does not grow with the patients.

    The function takes what `write_shard` takes. Both files appear once the block ends without an error.

    Raises
    ------
    GlioBenchError
        An array differs in shape or type from those before it.
    """
    with whole(path) as temporary:
        with temporary.open("wb") as file:
            arrays = _ArrayFile(file, path)
            tables: list[pd.DataFrame] = []

            def append(some: Sequence[np.ndarray], index: pd.DataFrame) -> None:
                arrays.append(some)
                tables.append(index)

            yield append
            arrays.finish()
        index = pd.concat([pd.DataFrame(columns=SHARD_INDEX), *tables], ignore_index=True)
        made = index["reason"].isna()
        index.insert(0, "row", (made.cumsum() - 1).where(made).astype("Int64"))
        write_table(index, Path(path).with_suffix(".tsv"), "index")


class _ArrayFile:
    """An ``.npy`` file that grows; numpy leaves room in its header for the number of rows."""

    def __init__(self, file: BinaryIO, path: str | Path):
        self.file, self.path = file, path
        self.first = np.empty((), np.float32)
        self.rows = 0

    def append(self, arrays: Sequence[np.ndarray]) -> None:
        for array in arrays:
            if not self.rows:
                self.first = array
                self._write_header()
            if (array.shape, array.dtype) != (self.first.shape, self.first.dtype):
                raise GlioBenchError(
                    f"{self.path}: an input is {array.dtype} {array.shape}, those before it {self.first.dtype} "
                    f"{self.first.shape}; inputs of one approach must have one shape."
                )
            self.file.write(np.ascontiguousarray(array).data)
            self.rows += 1

    def finish(self) -> None:
        self.file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        header = {
            "descr": np.lib.format.dtype_to_descr(self.first.dtype),
            "fortran_order": False,
            "shape": (self.rows, *self.first.shape),
        }
        np.lib.format.write_array_header_1_0(self.file, header)


def read_shards(paths: Sequence[str | Path], name: str, patients: Collection[str] | None = None) -> Indexed:
    """
    Read one series of an approach's inputs into one array.

    Parameters
    ----------
    paths : sequence of path
        The ``.npy`` files of the shards; one without any of the patients is not opened.
    name : str
        The series.
    patients : collection of str, optional
        Whose rows to read; all by default.

    Returns
    -------
    array : ndarray
        Shape (rows, ...), in the order of patients and slices, however they are split into shards.
    index : DataFrame
        As in the schema ``index`` without ``reason``, with ``row`` counting through the whole array.

    Raises
    ------
    GlioBenchError
        The shards differ in shape or type.
    """
    tables = [read_table(Path(path).with_suffix(".tsv"), "index").assign(shard=n) for n, path in enumerate(paths)]
    index = pd.concat(tables, ignore_index=True)
    index = index[index["reason"].isna() & (index["modality"] == name)].drop(columns="reason")
    if patients is not None:
        index = index[index["patient_id"].isin(list(patients))]
    index = index.sort_values(["patient_id", "slice_index"], kind="stable", ignore_index=True)
    array = np.empty((0,), np.float32)
    for shard, rows in index.groupby("shard"):
        stored = np.load(paths[int(str(shard))], mmap_mode="r")
        if not array.size:
            array = np.empty((len(index), *stored.shape[1:]), stored.dtype)
        if (stored.shape[1:], stored.dtype) != (array.shape[1:], array.dtype):
            raise GlioBenchError(
                f"{paths[int(str(shard))]}: its rows are {stored.dtype} {stored.shape[1:]}, those of other shards "
                f"{array.dtype} {array.shape[1:]}; delete the folder and run the study again."
            )
        array[rows.index] = stored[rows["row"].to_numpy(int)]
    return array, index.drop(columns="shard").assign(row=np.arange(len(index)))


def single(series: Mapping[str, Indexed]) -> Indexed:
    """Return the one series there is, as `read_shards` gives it."""
    if len(series) != 1:
        raise GlioBenchError(f"this input takes one modality, not {', '.join(series) or 'none'}; see `modalities`.")
    _check_something_left(series)
    return next(iter(series.values()))


def append_rows(series: Mapping[str, Indexed]) -> Indexed:
    """
    Concatenate the rows of all series, in the order of patient, series as given, and slice.

    Parameters
    ----------
    series : mapping of str to (ndarray, DataFrame)
        Arrays of shape (rows, ...) and their indexes, by name.

    Raises
    ------
    GlioBenchError
        No series has a row, or they differ in shape.
    """
    _check_something_left(series)
    filled = {name: stored for name, stored in series.items() if len(stored[0])}
    _check_one_shape(filled)
    first = next(iter(filled.values()))[0]
    index = pd.concat([table for _, table in filled.values()], ignore_index=True)
    place = index["modality"].map({name: n for n, name in enumerate(filled)})
    order = index.assign(place=place).sort_values(["patient_id", "place", "slice_index"], kind="stable").index
    target = np.argsort(order.to_numpy())
    array = np.empty((len(index), *first.shape[1:]), first.dtype)  # row by row in place: slices are many gigabytes
    start = 0
    for stored, _ in filled.values():
        array[target[start : start + len(stored)]] = stored
        start += len(stored)
    return array, index.loc[order].assign(row=np.arange(len(index))).reset_index(drop=True)


def stack_channels(series: Mapping[str, Indexed]) -> Indexed:
    """
    Make each series a channel, for patients who have all of them.

    Parameters
    ----------
    series : mapping of str to (ndarray, DataFrame)
        Arrays of shape (patients, ...) and their indexes, by name.

    Returns
    -------
    array : ndarray
        Shape (patients, channels, ...), channels in the order given.
    index : DataFrame
        ``modality`` is the series' name, or ``all`` if there are several.

    Raises
    ------
    GlioBenchError
        No patient has all series, or they differ in shape.
    """
    _check_something_left(series)
    common = sorted(set.intersection(*(set(index["patient_id"]) for _, index in series.values())))
    if not common:
        counts = ", ".join(f"{name} {len(array)}" for name, (array, _) in series.items())
        raise GlioBenchError(
            f"no patient has a usable series of each kind ({counts} patients); see series.tsv for why."
        )
    _check_one_shape(series)
    first = next(iter(series.values()))[0]
    stacked = np.empty((len(common), len(series), *first.shape[1:]), first.dtype)
    for channel, (array, index) in enumerate(series.values()):
        stacked[:, channel] = array[index.set_index("patient_id").loc[common, "row"].to_numpy(int)]
    modality = "all" if len(series) > 1 else next(iter(series))
    index = pd.DataFrame({"row": np.arange(len(common)), "patient_id": common, "modality": modality})
    return stacked, index.assign(slice_index=pd.array([None] * len(common), dtype="Int64"))


# By kind of input. Defined here because trainings join inputs where no imaging library is installed
JOINS = {
    "volume": single,
    "slices": append_rows,
    "grid": stack_channels,
    "facts": stack_channels,
    "table": stack_channels,
    "radiomics": stack_channels,
}


def join_shards(
    kind: str, arrays: Sequence[str | Path], series: Iterable[str], patients: Collection[str] | None = None
) -> Indexed:
    """
    Read the shards of an approach's inputs, with series joined according to the kind of input.

    Parameters
    ----------
    kind : str
        Kind of the input.
    arrays, patients
        As for `read_shards`.
    series : iterable of str
        Series to join, in the order of the channels.

    Returns
    -------
    array, index
        As `read_shards` returns them.
    """
    return JOINS[kind]({name: read_shards(arrays, name, patients) for name in series})


def _check_something_left(series: Mapping[str, Indexed]) -> None:
    if not any(len(array) for array, _ in series.values()):
        raise GlioBenchError(f"no patient has a usable series of {', '.join(series)}; see series.tsv for the reasons.")


def _check_one_shape(series: Mapping[str, Indexed]) -> None:
    shapes = {name: (array.shape[1:], array.dtype) for name, (array, _) in series.items()}
    if len(set(shapes.values())) > 1:
        named = ", ".join(f"{name} {dtype} {shape}" for name, (shape, dtype) in shapes.items())
        raise GlioBenchError(
            f"the inputs of one approach differ in shape ({named}); delete them and run the study again."
        )
