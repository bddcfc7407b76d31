"""Which files of the library a script depends on, so that an edit re-runs what it must and nothing else."""

import ast
import os
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]


def library_files(*entries: str) -> list[str]:
    """
    Return the library files that scripts or modules import, directly or through each other.

    Parameters
    ----------
    *entries : str
        Paths below ``workflow/scripts``: scripts, or modules that a script picks by name at run time.

    Returns
    -------
    list of str
        Sorted, relative to the working directory, so that a study that is moved with its results stays finished.
        Entries inside the library are among them, scripts are not: Snakemake watches those.
    """
    return list(_relative(entries, Path.cwd()))


@cache  # hundreds of jobs ask for the same
def _relative(entries: tuple[str, ...], start: Path) -> tuple[str, ...]:
    found: set[Path] = set()
    waiting = [SCRIPTS / entry for entry in entries]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return tuple(sorted(os.path.relpath(path, start) for path in found if path.parent != SCRIPTS))


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(file for name in sorted(names) if name.startswith("gliobench") for file in _module_files(name))


def _module_files(name: str) -> list[Path]:
    path = SCRIPTS / Path(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
