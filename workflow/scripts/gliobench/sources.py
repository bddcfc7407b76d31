"""Digests of what scripts compute, so that an edit re-runs only what it must."""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
LEFT_OUT = (  # of every digest, because they produce no output numbers; their imports are not followed
    "gliobench/caches.py",  # where libraries keep what they download and compile
    "gliobench/errors.py",  # the error that users read
    "gliobench/processes.py",  # locks, and processes that end with their parent
    "gliobench/processor.py",  # what ``run.json`` says of the processor
    "gliobench/recipe.py",  # the frame of scripts: log, progress, readable errors
    "gliobench/results.py",  # what notebooks use
    "gliobench/training/gpus.py",  # which of several GPUs a training takes
    "gliobench/training/meter.py",  # time, memory and energy: measured, never twice the same
)
ARITHMETIC = "gliobench/arithmetic.py"  # in every digest: the frame of scripts, itself left out, pins libraries with it


@cache  # hundreds of jobs request the same
def library_digest(*entries: str) -> str:
    """
    Return a digest of what scripts or modules compute: as a parameter of a job, it lets edits be seen.

    Comments, docstrings and layout do not count. As inputs, these files, several dozen per job, would be most of what
    Snakemake checks while planning. Python versions write syntax trees differently, so a job with another Python in
    its environment is given the digest and cannot compute it.

    Parameters
    ----------
    *entries : str
        As `source_files` has them.

    Returns
    -------
    str
        16 hexadecimal digits, of names and syntax trees: a study moved with its results remains finished.
    """
    digest = hashlib.sha256()
    for path in source_files(*entries, ARITHMETIC, left_out=LEFT_OUT):
        digest.update(f"{path.relative_to(SCRIPTS).as_posix()}\0{_read(path)[0]}\0".encode())
    return digest.hexdigest()[:16]


def source_files(*entries: str, left_out: Collection[str] = ()) -> list[Path]:
    """
    Return scripts or modules with the library files that they import, directly or through each other.

    Parameters
    ----------
    *entries : str
        Paths below ``workflow/scripts``: scripts, or modules that a script picks by name at run time.
    left_out : collection of str
        Paths below ``workflow/scripts`` to ignore.

    Returns
    -------
    list of Path
        Sorted.
    """
    found: set[Path] = set()
    passed = {SCRIPTS / path for path in left_out}
    waiting = [SCRIPTS / entry for entry in entries]
    while waiting:
        path = waiting.pop()
        if path not in found | passed:
            found.add(path)
            waiting.extend(_read(path)[1])
    return sorted(found)


@cache
def _read(path: Path) -> tuple[str, tuple[Path, ...]]:
    """Return the digest of a file's code, and the library files that it imports."""
    tree = parse_code(path.read_text(encoding="utf-8"))
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest(), tuple(_imports(tree))


def parse_code(text: str) -> ast.Module:
    """Return the syntax tree of Python code without the docstrings of its module, classes and functions."""
    tree = ast.parse(text)
    for node in [tree, *_statements(tree)]:
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements in a node and in each other; expressions, which are most of a tree, are not visited."""
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, field, ()):
            yield child
            yield from _statements(child)


def _imports(tree: ast.Module) -> list[Path]:
    names: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return [file for name in sorted(names) if name.startswith("gliobench") for file in _module_files(name)]


def _module_files(name: str) -> list[Path]:
    path = SCRIPTS / Path(*name.split("."))
    return [file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()]
