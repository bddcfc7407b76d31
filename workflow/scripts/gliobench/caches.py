"""Where libraries keep what they download and compile: in the results, not in the user's home. Light to import."""

import os
from pathlib import Path

FOLDER = "results/.cache"
OWN = {  # of libraries that do not ask for XDG_CACHE_HOME first
    "MPLCONFIGDIR": "matplotlib",
    "KERAS_HOME": "keras",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",  # else in /tmp; Triton's is below it
    "CUDA_CACHE_PATH": "cuda",
}


def keep_caches(folder: str | Path = FOLDER) -> None:
    """
    Make libraries imported from now on keep their caches below a folder.

    A cache set by the user, such as a TORCH_HOME shared by a cluster's nodes, is kept.
    """
    folder = Path(folder).resolve()
    os.environ["XDG_CACHE_HOME"] = str(folder)
    for name, part in OWN.items():
        os.environ.setdefault(name, str(folder / part))
