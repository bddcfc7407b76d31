"""Keras on PyTorch in a process of its own, as the approaches run it: the backend is chosen when Keras is imported."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gliobench.sources import SCRIPTS


def run_on_torch(code: str, model: Path) -> Any:
    """Run code that saves a model at the path that it is given; return what it prints last, as JSON."""
    environment = os.environ | {"KERAS_BACKEND": "torch", "PYTHONPATH": str(SCRIPTS)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(model)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
