"""Base of all settings models: strict types, the nearest known name, and one message per error."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from gliobench.errors import GlioBenchError, nearest


class Settings(BaseModel):
    """A mapping of a config file: keys are known, types strict (2.0 is not an integer), numbers finite."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _know_keys(cls, given: Any) -> Any:
        known = cls.keys()
        for key in given if isinstance(given, Mapping) else ():
            if key not in known:
                refuse(f"unknown key {key!r}; {nearest(key, known)}")
        return given

    @classmethod
    def keys(cls) -> list[str]:
        """Return the keys as a file has them: an alias where Python keeps the word for itself."""
        return [field.alias or name for name, field in cls.model_fields.items()]


Checked = TypeVar("Checked", bound=Settings)


def refuse(sentence: str) -> None:
    """Raise, inside a validator, an error whose whole message is `sentence`."""
    raise PydanticCustomError("refused", "{sentence}", {"sentence": sentence})


def each_once(values: list[Any]) -> list[Any]:
    """Refuse a list that contains a value twice."""
    for number, value in enumerate(values):
        if value in values[:number]:
            refuse(f"{value!r} is listed twice; list it once.")
    return values


def _smaller_first(ends: list[Any]) -> list[Any]:
    if ends[0] > ends[1]:
        refuse(f"{ends[0]} is above {ends[1]}; give the smaller one first.")
    return ends


Count = Annotated[int, Field(ge=1)]
WholeNumber = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Length = Annotated[float, Field(gt=0)]
Text = Annotated[str, Field(min_length=1)]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, Field(pattern=NAME)]
Entry = TypeVar("Entry")
Some = Annotated[list[Entry], Field(min_length=1)]
Different = Annotated[list[Entry], Field(min_length=1), AfterValidator(each_once)]
Range = Annotated[
    list[Entry],
    Field(min_length=2, max_length=2, json_schema_extra={"rising": True}),
    AfterValidator(_smaller_first),
]


def check(model: type[Checked], settings: Any, where: str) -> Checked:
    """
    Check settings against a model.

    Parameters
    ----------
    model : type
        What they must be.
    settings : object
        As read from YAML.
    where : str
        The file or key they belong to, for the message.

    Raises
    ------
    GlioBenchError
        With the first problem and its place, and the nearest known name for an unknown one.
    """
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        raise GlioBenchError(_sentence(model, settings, where, error.errors(include_url=False))) from None


def check_kind(models: Mapping[str, type[Settings]], key: str, settings: Any, where: str) -> Settings:
    """Check settings against the model that their own `key` names, such as the ``kind`` of a cohort."""
    if not isinstance(settings, Mapping):
        raise GlioBenchError(f"{where}: must be a mapping, not {settings!r}.")
    if key not in settings:
        raise GlioBenchError(f"{where}: the key {key!r} is missing.")
    if settings[key] not in list(models):
        place = _join(where, [key])
        raise GlioBenchError(f"{place}: {settings[key]!r} is not a choice; {nearest(settings[key], models)}")
    return check(models[settings[key]], settings, where)


def check_known(name: object, names: Iterable[str], problem: str) -> None:
    """Raise an error that starts with `problem` unless `name` is one of `names`."""
    if name not in (names := list(names)):
        raise GlioBenchError(f"{problem} {name!r}; {nearest(name, names)}")


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `changes`, mappings merged key by key; what may be changed, a model says."""
    both = {name: (base.get(name), new) for name, new in changes.items()}
    return dict(base) | {
        name: merge(old, new) if isinstance(old, Mapping) and isinstance(new, Mapping) else new
        for name, (old, new) in both.items()
    }


LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")  # of Markdown: meanings are used in config/README.md too
LINKED = r"\1"
WORDS = {
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be letters, digits, - and _, starting with a letter or digit",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be {ge} or more",
    "less_than": "must be below {lt}",
    "less_than_equal": "must be {le} or less",
    "too_short": "needs {min_length} or more entries",
    "too_long": "may have at most {max_length} entries",
}


def _sentence(model: type[Settings], settings: Any, where: str, errors: list[ErrorDetails]) -> str:
    places = [_place(settings, error) for error in errors]
    same = [error for error, place in zip(errors, places, strict=True) if place == places[0]]
    # If several types are allowed, prefer an error other than a wrong type.
    error = next((error for error in same if not error["type"].endswith("_type")), same[0])
    place, value = _join(where, places[0]), error["input"]
    if error["type"] == "missing":
        return f"{place}: the key {error['loc'][-1]!r} is missing."
    if error["type"] == "refused":
        return f"{place}: {error['ctx']['sentence']}"
    if error["type"] == "literal_error":
        choices = re.findall("'(.*?)'", error["ctx"]["expected"])
        return f"{place}: {value!r} is not a choice; {nearest(value, choices)}"
    bounds = {name: f"{bound:g}" for name, bound in error.get("ctx", {}).items() if isinstance(bound, int | float)}
    words = WORDS.get(error["type"], error["msg"]).format(**bounds)
    return f"{place}: {words}, not {value!r}{_trap(error['type'], value)}{_meaning(model, places[0])}."


def _join(where: str, place: Sequence[str | int]) -> str:
    """Write a place as ``<file>, <key>.<key>``; `where` may hold the file alone, or the first keys too."""
    keys = ".".join(map(str, place))
    return f"{where}{'.' if ', ' in where else ', '}{keys}" if keys else where


def _place(settings: Any, error: ErrorDetails) -> list[str | int]:
    """Return the keys that lead to a value; pydantic names the types that it tried among them."""
    place, at = [], settings
    for part in error["loc"]:
        if (isinstance(at, Mapping) and part in at) or (isinstance(at, Sequence) and isinstance(part, int)):
            place.append(part)
            at = at[part]  # type: ignore[index]
    return place


def _trap(problem: str, value: Any) -> str:
    numeric = (
        problem in ("float_type", "int_type") and isinstance(value, str) and re.fullmatch(r"[\d.+-]+e[\d+-]+", value)
    )
    return " (YAML reads 1e-3 as text: write 1.0e-3)" if numeric else ""


def _meaning(model: Any, place: Sequence[str | int]) -> str:
    """Return what a key means, in brackets, where its model says so."""
    meaning = None
    for part in place:
        if isinstance(part, str) and part in getattr(model, "model_fields", {}):
            found = model.model_fields[part]
            model, meaning = _inner_model(found.annotation), found.description or meaning
    return f" ({LINK.sub(LINKED, meaning)})" if meaning else ""


def _inner_model(annotation: Any) -> Any:
    """Return the model that an annotation such as ``list[Site]`` is made of, if any."""
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner_model(part))), None)
