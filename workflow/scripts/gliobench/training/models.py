"""Trained models from files, which may come from anybody: whatever is wrong with one, it runs no code."""

from pathlib import Path
from types import ModuleType
from typing import Any

from gliobench.errors import GlioBenchError
from gliobench.training import first_line


def load_model(approach: ModuleType, path: Path) -> Any:
    """
    Read a model that an approach saved.

    Parameters
    ----------
    approach : module
        From `gliobench.approaches`; its formats hold numbers and settings, and its ``load`` refuses code.
    path : Path
        The file.

    Raises
    ------
    GlioBenchError
        The file is no model of the approach, or holds more than one.
    """
    name = approach.__name__.rpartition(".")[2]
    if path.suffix != approach.SUFFIX:
        raise GlioBenchError(f"{path} is no model of {name}, whose files end in {approach.SUFFIX}; give another run.")
    try:
        return approach.load(path)
    except GlioBenchError:
        raise
    except Exception as reason:  # frameworks raise many kinds
        raise GlioBenchError(
            f"{path} is not read as a model of {name}, for it is damaged, of another network, or holds code "
            f"({first_line(reason)}); train the run again, or give another."
        ) from reason
