"""
How fast each approach trains: through its own `fit`, by its training step alone, and in a plain loop.

Inputs are random, of the size, batch and main variant that ``config/approaches`` names; an approach that trains in
phases is measured in its last, which trains the whole network. Weights are random: nothing is downloaded.

- pipeline: the approach's own `fit`, by its clock of an epoch, which holds batches, augmentation, steps, the epoch's
  scores and two validation rows.
- resident: the same step, compiled as in `fit`, again and again on one batch that lies ready on the device.
- plain: what one would write first. PyTorch: a `DataLoader` with up to four worker processes reads and augments on the
  host, one row at a time, and an ordinary loop trains the same network, neither compiled nor in mixed precision. Keras:
  `fit` on arrays in host memory; where the approach augments, scipy does so, one slice at a time.

Each approach has a process of its own. The three take turns, and each is warm before it is timed; ratios are of
medians. Peak memory is of `fit` alone: what the framework held on the GPU, or else the process with its training data.
Keras runs on the backend that ``KERAS_BACKEND`` names, tensorflow or torch.
"""

import argparse
import json
import os
import platform
import sys
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.contenders import CONTENDERS, CORES, WORKERS, Task, Training, Turn

from gliobench.errors import GlioBenchError
from gliobench.processes import peak_memory as most_memory
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Machine, Part
from gliobench.training.timing import random_part as random_rows

ROOT = Path(__file__).parents[1]
CHANNELS = 4  # FLAIR, T1w, T1wCE and T2w
DTYPES = {"volume": np.float32, "slices": np.uint8, "grid": np.float16}  # of the inputs, by kind
LEAST_SIDE = {"volume": 8, "slices": 32, "grid": 32}  # what the networks can still halve as often as they do
PACKAGES = ("torch", "torchvision", "tensorflow", "keras", "monai")


def read_task(approach: str, scale: float, steps: int, repeats: int, device: str) -> Task:
    """Read an approach's settings, and shrink each side and the batch to `scale` of theirs, as far as its net goes."""
    settings = StudyApproach(ROOT / "config" / "approaches" / f"{approach}.yaml")
    parameters, phase = settings.parameters, settings.file.phases[-1]
    own = parameters.get(phase, parameters)
    own |= {"epochs": 2, "batch_size": max(2, round(own["batch_size"] * scale))}
    made = settings.input(segmented=False)
    kind = made["kind"]
    sides = [min(side, max(LEAST_SIDE[kind], round(side * scale))) for side in made["shape"]]
    channels = [CHANNELS] if kind == "grid" else []
    return Task(approach, (*channels, *sides), kind, phase, parameters, own["batch_size"], steps, repeats, device)


def random_part(task: Task, rows: int) -> Part:
    """Return random patients with both labels, of the values and type that the approach's inputs have."""
    return random_rows(task.shape, DTYPES[task.kind], rows)


def measure(task: Task) -> dict[str, Any]:
    """Measure one approach; to be called in a process of its own."""
    approach = import_module(f"gliobench.approaches.{task.approach}")
    device = approach.prepare(Machine(CORES, task.device))
    model = approach.build(task.shape, task.parameters, "none")
    rows = task.steps * task.batch_size
    training = Training(task, approach, model, random_part(task, rows), random_part(task, 2))
    training.pipeline()  # also compiles
    peak = peak_memory(on_gpu=device != "cpu")
    resident, plain = CONTENDERS[task.approach](training)
    turns: dict[str, Turn] = {"": training.pipeline, "_resident": resident, "_plain": plain}
    seconds: dict[str, list[float]] = {name: [] for name in turns}
    resident(), plain()
    for _ in range(task.repeats):
        for name, turn in turns.items():
            seconds[name].append(turn())
    speeds = {f"samples_per_second{name}": rows / median(values) for name, values in seconds.items()}
    return {"approach": task.approach, "device": device} | speeds | {"peak_memory_bytes": peak}


def peak_memory(on_gpu: bool) -> int:
    """Return the most bytes that this process has held: on the GPU if it computes there, else in all."""
    if on_gpu and "tensorflow" in sys.modules:
        return sys.modules["tensorflow"].config.experimental.get_memory_info("GPU:0")["peak"]
    if on_gpu:
        import torch

        return torch.cuda.max_memory_allocated()
    return most_memory()


def measured(task: Task) -> dict[str, Any] | None:
    """Measure in a process of its own; what cannot be measured is said, and does not cost the others their rows."""
    say(f"{task.approach}: {'x'.join(map(str, task.shape))}, batches of {task.batch_size}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(measure, task).result()
        except ModuleNotFoundError as error:
            say(f"{task.approach} is not measured: the package {error.name} is not installed.")
        except Exception as error:
            kind = "" if isinstance(error, GlioBenchError) else f"{type(error).__name__}: "
            say(f"{task.approach} is not measured: {kind}{str(error).partition(chr(10))[0]}")
    return None


def say(sentence: str) -> None:
    """Print progress, separately from the result."""
    print(sentence, file=sys.stderr, flush=True)


def table(rows: list[dict[str, Any]], tasks: dict[str, Task], scale: float) -> str:
    """Return the measurement in Markdown."""
    device = rows[0]["device"] if rows[0]["device"] != "cpu" else f"{CORES}-core CPU"
    steps, repeats = tasks[rows[0]["approach"]].steps, tasks[rows[0]["approach"]].repeats
    size = "full size" if scale == 1 else f"sides and batches {scale:g} of the full size"
    lines = [
        f"**{device}**; {', '.join(versions())}",
        "",
        f"{size[0].upper()}{size[1:]}; random inputs; {steps} batches per turn; medians of {repeats} turns; "
        f"samples per second; plain PyTorch loops with {WORKERS} workers.",
        "",
        "| approach | input | batch | pipeline | resident | plain | pipeline/resident | pipeline/plain | peak memory |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        task = tasks[row["approach"]]
        ours, resident, plain = (row[f"samples_per_second{name}"] for name in ("", "_resident", "_plain"))
        cells = [task.approach, "x".join(map(str, task.shape)), str(task.batch_size)]
        cells += [f"{speed:#.3g}".rstrip(".") for speed in (ours, resident, plain)]
        cells += [f"{ours / resident:.2f}", f"{ours / plain:.2f}", f"{row['peak_memory_bytes'] / 1e9:.2f} GB"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def versions() -> list[str]:
    """Return the versions of Python and of what trains, without loading it, and Keras' backend."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return [*found, f"Keras on {os.environ.get('KERAS_BACKEND', 'tensorflow')}"]


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print a list of JSON objects, one an approach")
    parser.add_argument("--approaches", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--steps", type=int, default=10, help="batches of one measurement (default 10)")
    parser.add_argument("--repeats", type=int, default=5, help="timed turns of each contender (default 5)")
    parser.add_argument(
        "--scale", type=float, default=1, help="shrinks sides and batches for slow machines (default 1)"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    options = parser.parse_args()
    if options.steps < 1 or options.repeats < 1 or not 0 < options.scale <= 1:
        parser.error("--steps and --repeats must be 1 or more, --scale above 0 and at most 1")
    tasks = {
        name: read_task(name, options.scale, options.steps, options.repeats, options.device)
        for name in options.approaches
    }
    rows = [row for task in tasks.values() if (row := measured(task))]
    if not rows:
        sys.exit("No approach was measured.")
    print(json.dumps(rows, indent=2) if options.json else table(rows, tasks, options.scale))


if __name__ == "__main__":
    main()
