"""The C compiler of a machine, without which PyTorch does not compile networks for a GPU. Light to import."""

import os
import shutil


def finds_c_compiler() -> bool:
    """Whether there is the C compiler that ``torch.compile`` starts kernels on a GPU with."""
    named = os.environ.get("CC")
    return any(map(shutil.which, [named] if named else ["gcc", "clang"]))  # as Triton looks for it
