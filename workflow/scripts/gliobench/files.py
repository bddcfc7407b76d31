"""Reading and writing the files passed between stages: complete or not at all, and checked against a schema."""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gliobench.errors import GlioBenchError, nearest

SCHEMAS = Path(__file__).parents[2] / "schemas"
DTYPES: dict[str, Any] = {
    "string": pd.api.types.pandas_dtype("str"),
    "integer": pd.Int64Dtype(),
    "number": np.dtype(float),
}


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """
    Yield a temporary path for writing, and rename it to `path` if the block ends without an error.

    The temporary name keeps the suffix of `path`, because writers choose their format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        with suppress(OSError):  # the first error counts, such as that of a folder nobody may write to
            temporary.unlink()


def write_text(text: str, path: str | Path) -> None:
    """Write `text` as UTF-8."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(record: Any, path: str | Path) -> None:
    """Write a record as indented JSON."""
    write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def check_record(record: Any, schema: str, where: str) -> None:
    """
    Check a record against ``workflow/schemas/<schema>.schema.json``.

    Raises
    ------
    GlioBenchError
        With the first problem and its place, and the nearest known key for an unknown one.
    """
    from jsonschema import Draft202012Validator  # slow to import, and most jobs check tables only

    rules = read_json(SCHEMAS / f"{schema}.schema.json")
    errors = Draft202012Validator(rules).iter_errors(record)
    for error in sorted(errors, key=lambda error: [str(part) for part in error.absolute_path]):
        place = ".".join(str(part) for part in error.absolute_path) or "the top level"
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            key = next(str(key) for key in error.instance if key not in known)
            raise GlioBenchError(f"{where}, {place}: unknown key {key!r}; {nearest(key, known)}")
        if error.validator == "required":
            raise GlioBenchError(f"{where}, {place}: {error.message}.")
        raise GlioBenchError(f"{where}, {place}: {error.message} ({error.schema.get('description', schema)}).")


@cache
def table_schema(name: str) -> dict[str, Any]:
    """
    Return the schema of a table from ``workflow/schemas/<name>.table.json``.

    It is a JSON schema of one row: ``properties`` in column order, each with ``type`` (a list with ``"null"`` where
    a cell may be empty), ``description``, and optionally ``enum``, ``pattern``, ``minimum``, ``maximum``. What several
    tables have is defined once, in ``columns.json``, and put in place of the reference to it.
    """
    schema: dict[str, Any] = read_json(SCHEMAS / f"{name}.table.json")
    shared = read_json(SCHEMAS / "columns.json")["$defs"]
    columns = schema["properties"]
    return schema | {
        "properties": {
            column: shared[rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule
            for column, rule in columns.items()
        }
    }


def write_table(table: pd.DataFrame, path: str | Path, schema: str) -> None:
    """
    Check `table` against a table schema and write it as TSV (UTF-8, header, empty for a missing cell).

    Raises
    ------
    GlioBenchError
        A column is missing or unknown, a cell is empty that may not be, or a value is out of its range.
    """
    checked = check_table(table, schema, str(path))
    with whole(path) as temporary:
        checked.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def read_table(path: str | Path, schema: str) -> pd.DataFrame:
    """
    Read a TSV with the types of its schema: text stays text, so that ``patient_id`` keeps its leading zeros.

    Raises
    ------
    GlioBenchError
        The file does not follow the schema.
    """
    text = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8")
    return check_table(text, schema, str(path))


def join_tables(tables: Sequence[pd.DataFrame], schema: str) -> pd.DataFrame:
    """Concatenate tables of one schema; none, or only empty ones, give a table without rows or optional columns."""
    filled = [table for table in tables if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=required_columns(schema))


def required_columns(schema: str) -> list[str]:
    """Return the columns that every table of a schema has, in its order."""
    return [name for name, rule in table_schema(schema)["properties"].items() if not rule.get("optional")]


def check_table(table: pd.DataFrame, schema: str, where: str) -> pd.DataFrame:
    """
    Return `table` with the columns of the schema, in its order and types; optional ones may be absent.

    Raises
    ------
    GlioBenchError
        As for `write_table`; the message names the column and the first bad value.
    """
    columns = table_schema(schema)["properties"]
    left_out = [name for name in columns if name not in table.columns]
    missing = [name for name in left_out if not columns[name].get("optional")]
    unknown = [name for name in table.columns if name not in columns]
    if missing or unknown:
        problem = f"lacks the columns {missing}" if missing else f"has the unknown columns {unknown}"
        raise GlioBenchError(f"{where}: the table {problem}; its columns are {list(columns)}.")
    there = {name: rule for name, rule in columns.items() if name not in left_out}
    checked = {name: _check_column(table[name], rule, where).array for name, rule in there.items()}
    return pd.DataFrame(checked, index=table.index)


def _check_column(values: pd.Series, rule: dict[str, Any], where: str) -> pd.Series:
    kinds = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    kind = next(kind for kind in kinds if kind != "null")
    try:
        typed = values if values.dtype == DTYPES[kind] else values.astype(DTYPES[kind])
    except (ValueError, TypeError) as error:
        raise GlioBenchError(f"{where}: column {values.name} must hold {kind} values: {error}.") from error
    missing = np.asarray(typed.array.isna())
    bad = missing & ("null" not in kinds)
    if "enum" in rule:
        bad |= ~(missing | typed.isin(rule["enum"]).to_numpy())
    if "pattern" in rule:  # of the whole text
        bad |= ~(missing | typed.str.fullmatch(rule["pattern"]).to_numpy(bool, na_value=False))
    if "minimum" in rule or "maximum" in rule:
        numbers = typed.to_numpy(float, na_value=np.nan)  # a comparison with NaN is false
        bad |= (numbers < rule.get("minimum", -np.inf)) | (numbers > rule.get("maximum", np.inf))
    if bad.any():
        row = int(bad.argmax())
        value = typed.iloc[row]
        raise GlioBenchError(
            f"{where}: column {values.name}, row {row + 1} holds {value!r}, which its schema does not allow "
            f"({rule.get('description', kind)})."
        )
    return typed


def shard_of(table: pd.DataFrame, shard: str) -> pd.DataFrame:
    """Return the rows of one shard, every n-th from the k-th: `shard` is ``k-of-n``."""
    number, count = map(int, shard.split("-of-"))
    return table.iloc[number - 1 :: count]
