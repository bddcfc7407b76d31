"""Config files: YAML with duplicate keys rejected, because YAML itself would keep only the last."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from gliobench.errors import GlioBenchError

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML has it: a tenth of the time


def read_config(path: Path, where: str) -> Any:
    """
    Read a YAML (or JSON) file.

    Raises
    ------
    GlioBenchError
        A key occurs twice in its mapping, or the file is not valid YAML; `where` names it in the message.
    """
    try:
        loader = LOADER(path.read_text(encoding="utf-8"))
        root = loader.get_single_node()
        _check_keys(root, where)
        return loader.construct_document(root) if root else None
    except (OSError, UnicodeDecodeError) as error:
        raise GlioBenchError(f"{where} cannot be read: {error}.") from None
    except yaml.YAMLError as error:
        raise GlioBenchError(f"{where} is not valid YAML: {' '.join(str(error).split())}.") from None


def as_in_a_file(value: Any) -> Any:
    """Return a value of ``--config`` as a file would hold it: Snakemake leaves ``true`` and inner numbers as text."""
    if isinstance(value, Mapping):
        return {key: as_in_a_file(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_in_a_file(inner) for inner in value]
    if not isinstance(value, str):
        return value
    try:
        read = yaml.load(value, LOADER)
    except yaml.YAMLError:
        return value
    return read if isinstance(read, bool | int | float) else value


def _check_keys(root: yaml.Node | None, where: str) -> None:
    for mapping in _mappings(root, set()):
        lines: dict[str, int] = {}
        for key in (key for key, _ in mapping.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if key.value in lines and key.tag != "tag:yaml.org,2002:merge":
                raise GlioBenchError(
                    f"{where}, line {line}: the key {key.value!r} occurs twice, first in line "
                    f"{lines[key.value]}; only one of them would count: join them or rename one."
                )
            lines[key.value] = line


def _mappings(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.MappingNode]:
    if node is None or id(node) in seen:  # an alias leads to a node that was seen
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        yield node
    for child in node.value if isinstance(node.value, list) else []:
        for part in child if isinstance(child, tuple) else (child,):
            yield from _mappings(part, seen)
