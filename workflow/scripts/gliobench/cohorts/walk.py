"""All files below a folder, also behind links: a series may be a link to where an archive keeps it."""

import os
from collections.abc import Iterator
from pathlib import Path


def walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """
    Walk through folders and links to folders, but through none that leads back.

    Parameters
    ----------
    folder : Path
        Where to begin.

    Yields
    ------
    folder : Path
        By the links that led there.
    names : list of str
        What it holds, but for folders.
    """
    for home, inside, names in os.walk(folder, followlinks=True):
        place = Path(home)
        inside[:] = [name for name in inside if not _leads_back(place / name)]
        yield place, names


def _leads_back(path: Path) -> bool:
    """Whether a path is a link to a folder that holds it, or that holds a link on the way to it."""
    if not path.is_symlink():
        return False
    end = path.resolve()
    return any(folder.resolve().is_relative_to(end) for folder in path.absolute().parents)
