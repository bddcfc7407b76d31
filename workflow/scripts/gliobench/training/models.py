"""Trained models from possibly untrusted files: reading one never runs code from it."""

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
        The file is not a model of the approach, or holds more than a model.
    """
    name = approach.__name__.rpartition(".")[2]
    if path.suffix != approach.SUFFIX:
        raise GlioBenchError(
            f"{path} is not a model of {name}, because those files end in {approach.SUFFIX}; give another run."
        )
    try:
        return approach.load(path)
    except GlioBenchError:
        raise
    except Exception as reason:  # frameworks raise many types
        raise GlioBenchError(
            f"{path} cannot be read as a model of {name}: it is damaged, for another network, or holds code "
            f"({first_line(reason)}); train the run again, or give another."
        ) from reason
