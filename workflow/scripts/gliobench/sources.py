"""Which files of the library a script depends on, so that an edit re-runs what it must and nothing else."""

import ast
import hashlib
from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parents[1]


@cache  # hundreds of jobs ask for the same
def library_digest(*entries: str) -> str:
    """
    Return a digest of the library files that scripts or modules import: as a parameter of a job, it lets edits be seen.

    As inputs, the same files would be most of what Snakemake looks at while it plans, several dozen a job.

    Parameters
    ----------
    *entries : str
        As `library_files` has them.

    Returns
    -------
    str
        16 hexadecimal digits, of names and contents: a study that is moved with its results stays finished.
    """
    digest = hashlib.sha256()
    for path in library_files(*entries):
        digest.update(path.relative_to(SCRIPTS).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def library_files(*entries: str) -> list[Path]:
    """
    Return the library files that scripts or modules import, directly or through each other.

    Parameters
    ----------
    *entries : str
        Paths below ``workflow/scripts``: scripts, or modules that a script picks by name at run time.

    Returns
    -------
    list of Path
        Sorted. Entries inside the library are among them, scripts are not: Snakemake watches those.
    """
    found: set[Path] = set()
    waiting = [SCRIPTS / entry for entry in entries]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imports(path))
    return sorted(path for path in found if path.parent != SCRIPTS)


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
