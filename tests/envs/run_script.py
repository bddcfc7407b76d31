"""Run a script of the workflow in this Python without Snakemake: its job stands in a JSON file."""

import json
import runpy
import sys
from pathlib import Path
from typing import Any


class Named(dict[str, Any]):
    """What Snakemake gives a script: values by name, as attributes too."""

    __getattr__ = dict.__getitem__


if __name__ == "__main__":
    script, job = sys.argv[1:]
    given = json.loads(Path(job).read_text(encoding="utf-8"))
    snakemake = Named({name: Named(value) if isinstance(value, dict) else value for name, value in given.items()})
    runpy.run_path(script, init_globals={"snakemake": snakemake}, run_name="__main__")
