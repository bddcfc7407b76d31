"""Tables of keys for ``config/README.md``, as the models of settings and the approaches' YAML have them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from gliobench.marked import markdown
from gliobench.settings import cohorts, generators, inputs, splits
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.settings.approaches import Approach, Declaration, Protocol, Search, Tuning, Variant, parameters_model
from gliobench.settings.models import Settings
from gliobench.settings.study import Changes, Run, StudyFile

COLUMNS = ("key", "type", "default", "meaning")
ONE = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}
SEVERAL = {"integer": "integers", "number": "numbers", "string": "texts", "object": "mappings"}
NUMBERS = {2: "two", 3: "three"}
MOST_CHOICES = 8  # of a text; more are named below the table


@dataclass(frozen=True)
class Row:
    """One key, in the words of a table."""

    key: str
    type: str
    default: str
    meaning: str


def all_tables(root: Path) -> dict[str, str]:
    """Return every table of ``config/README.md`` by the name in its marker; `root` is the project's folder."""
    files = sorted((root / "config" / "approaches").glob("*.yaml"))
    approaches = {path.stem: StudyApproach(path) for path in files}
    models: dict[str, type[Settings]] = {
        "study": StudyFile,
        "runs": Run,
        "settings": Changes,
        "spiked": cohorts.Spiked,
        "visible": cohorts.Visible,
        "subgroups": cohorts.Subgroups,
        "features": cohorts.Features,
        "sites": generators.Site,
        "defects": generators.Defects,
        "synthetic-brainstem": generators.BrainstemGenerator,
        "approach": Approach,
        "protocol": Protocol,
        "variant": Variant,
        "parameter": Declaration,
        "tuning": Tuning,
        "search": Search,
    }
    return {
        **{name: key_table(model) for name, model in models.items()},
        "synthetic": key_table(generators.SyntheticGenerator, whole=["defects"]),
        "cohorts": kind_table(cohorts.KINDS, "kind", whole=["generator"]),
        "splits": kind_table(splits.METHODS, "method"),
        "kinds of input": input_kinds({name: approach.file.input["kind"] for name, approach in approaches.items()}),
        "inputs": kind_table(inputs.KINDS, "kind"),
        **{
            f"parameters of {name}": key_table(parameters_model(approach.file.parameters, name, approach.yaml))
            for name, approach in approaches.items()
        },
    }


def key_table(model: type[Settings], whole: Collection[str] = ()) -> str:
    """Return the table of a model's keys; keys of an inner model follow it with dots, unless `whole` names it."""
    return _markdown(COLUMNS, [astuple(row) for row in rows_of(model, whole)])


def kind_table(models: Mapping[str, type[Settings]], key: str, whole: Collection[str] = ()) -> str:
    """Return one table of several models, with a column of those that have a key; `key` is what names a model."""
    kinds_of: dict[Row, list[str]] = {}
    for kind, model in models.items():
        for row in rows_of(model, whole):
            if row.key != key:
                kinds_of.setdefault(row, []).append(kind)
    keys = list(dict.fromkeys(row.key for row in kinds_of))
    first = (key, "all", quoted(models, "or"), "required", _meaning_of_kinds(models, key))
    lines = [
        (row.key, "all" if len(kinds) == len(models) else quoted(kinds), row.type, row.default, row.meaning)
        for row, kinds in sorted(kinds_of.items(), key=lambda item: keys.index(item[0].key))
    ]
    return _markdown(("key", key, "type", "default", "meaning"), [first, *lines])


def _meaning_of_kinds(models: Mapping[str, type[Settings]], key: str) -> str:
    meanings = {kind: model.model_fields[key].description or "" for kind, model in models.items()}
    different = list(dict.fromkeys(meanings.values()))
    return (
        different[0] if len(different) == 1 else "; ".join(f"`{kind}`: {meaning}" for kind, meaning in meanings.items())
    )


def input_kinds(kind_of: Mapping[str, str]) -> str:
    """Return the table of the kinds of input; `kind_of` is that of each approach."""
    lines = [
        (f"`{kind}`", (model.__doc__ or "").rstrip("."), quoted([name for name in kind_of if kind_of[name] == kind]))
        for kind, model in inputs.KINDS.items()
    ]
    return _markdown(("kind", "what an approach reads", "approaches"), lines)


def rows_of(model: type[Settings], whole: Collection[str] = (), before: str = "") -> Iterator[Row]:
    """Yield one row per key: a model's own keys first, then those it shares with others."""
    properties = model.model_json_schema()["properties"]
    for key in sorted(model.model_fields, key=lambda key: key not in model.__annotations__):
        field = model.model_fields[key]
        key = field.alias or key
        name = f"{before}{key}"
        inner = field.annotation
        if not (isinstance(inner, type) and issubclass(inner, Settings)) or key in whole:
            default = "required" if field.is_required() else default_in_words(field.default, properties[key])
            yield Row(name, type_in_words(properties[key]), default, field.description or "")
            continue
        if field.description:
            yield Row(name, "mapping", "as below", field.description)
        yield from rows_of(inner, whole, f"{name}.")


def type_in_words(schema: Mapping[str, Any]) -> str:
    """Describe a value's type from its JSON schema: ``integer, 1 or more``."""
    options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
    choices = [choice for option in options for choice in _choices(option)]
    words = [_one(option) for option in options if not _choices(option)]
    if len(choices) > MOST_CHOICES:
        words.append("text")
    elif choices:
        words.append(quoted(choices, "or"))
    return (", or " if any(", " in word for word in words[:-1]) else " or ").join(words)


def _choices(schema: Mapping[str, Any]) -> list[str]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", []))


def _one(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "$ref" in schema else None)
    if kind == "array":
        return _list(schema)
    if "pattern" in schema:
        return "text: letters, digits, `-`, `_`"
    if kind is None:
        return "any value"
    return ", ".join([ONE.get(kind, "mapping"), *_bounds(schema)])


def _list(schema: Mapping[str, Any]) -> str:
    entry, least = schema["items"], schema.get("minItems", 0)
    named = 0 < len(_choices(entry)) <= MOST_CHOICES
    several = None if named else SEVERAL.get(entry.get("type", "object" if "$ref" in entry else None))
    if least and least == schema.get("maxItems"):
        words = f"{NUMBERS.get(least, least)} {several}"
    else:
        words = f"list of {f'{NUMBERS.get(least, least)} or more ' if least > 1 else ''}{several or _entries(entry)}"
    return ", ".join(
        [words, *(f"each {bound}" for bound in _bounds(entry)), *["the smaller first"] * ("rising" in schema)]
    )


def _entries(schema: Mapping[str, Any]) -> str:
    words = type_in_words(schema)
    return {"text": "texts", "any value": "values"}.get(words, words)


def _bounds(schema: Mapping[str, Any]) -> list[str]:
    """Say a range in words, if there is one."""
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    start = f"above {above:,g}" if above is not None else f"{low:,g}" if low is not None else ""
    if high is not None:
        return [f"{start} to {high:,g}" if start else f"{high:,g} or less"]
    if below is not None:
        return [f"{start} to below {below:,g}" if start else f"below {below:,g}"]
    return [f"{start} or more" if above is None else start] if start else []


def default_in_words(default: Any, schema: Mapping[str, Any]) -> str:
    """Write a default as YAML has it; nothing is ``none``, and every choice of a list ``all of them``."""
    if default is None or default in ({}, []):
        return "none"
    if isinstance(default, Settings):
        return "all defaults"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, int | float):
        return _number(default)
    if isinstance(default, list):
        if default and isinstance(default[0], Settings):
            return quoted([entry.name for entry in default if isinstance(entry, generators.Site)])
        if default == _choices(schema.get("items", {})):
            return "all of them"
        return f"`[{', '.join(_number(entry) if isinstance(entry, int | float) else entry for entry in default)}]`"
    return f"`{default}`"


def _number(value: float) -> str:
    """Write a number as YAML reads it: 1.0e-5, for 1e-05 is text."""
    if isinstance(value, int):
        return str(value)
    mantissa, _, exponent = f"{value:g}".partition("e")
    return f"{float(mantissa)}e{int(exponent):+}" if exponent else mantissa


def quoted(names: Collection[str], last: str = "") -> str:
    """Return names as code, between commas; the last one after `last`, if given."""
    codes = [f"`{name}`" for name in names]
    return f"{', '.join(codes[:-1])} {last} {codes[-1]}" if last and len(codes) > 1 else ", ".join(codes)


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown(columns, [[f"`{row[0]}`" if columns[0] == "key" else row[0], *row[1:]] for row in rows])
