"""
How fast each approach trains: through its own `fit`, by its training step alone, and in two loops without this project.

Inputs are random, of the size, batch and main variant that ``config/approaches`` names; an approach that trains in
phases is measured in its last, which trains the whole network. Weights are random: nothing is downloaded.

- pipeline: the approach's own `fit`, by its clock of an epoch, which holds batches, augmentation, steps, the epoch's
  scores and two validation rows.
- resident: the same step, compiled as in `fit`, again and again on one batch that lies ready on the device.
- plain: what one would write first. PyTorch: a `DataLoader` with up to four worker processes reads and augments on the
  host, one row at a time, and an ordinary loop trains the same network, neither compiled nor in mixed precision. Keras:
  `fit` on arrays in host memory; where the approach augments, scipy does so, one slice at a time.
- peer: the fastest loop that one can write by hand for the same network and augmentation (`perf/peers.py`): data on the
  device, augmented in batches, fused optimiser, never waiting for the device, compiled if that is faster, and on a GPU
  in bf16 with channels last.

Each approach has a process of its own. The contenders take turns, and each is warm before it is timed; ratios are of
medians. Peak memory is of `fit` alone: what the framework held on the GPU, or else the process with its training data.
Keras runs on what a study on this machine would choose, or on ``--backend``; ``KERAS_BACKEND`` has no say.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.contenders import CONTENDERS, CORES, WORKERS, Task, Training, Turn, say
from perf.peers import PEERS, fastest

from gliobench.backends import AUTO, TENSORFLOW, TORCH, backend_for
from gliobench.errors import GlioBenchError
from gliobench.processes import peak_memory as most_memory
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.training import Machine, Part, import_approach
from gliobench.training.timing import random_part as random_rows

ROOT = Path(__file__).parents[1]
CHANNELS = 4  # FLAIR, T1w, T1wCE and T2w
DTYPES = {"volume": np.float32, "slices": np.uint8, "grid": np.float16}  # of the inputs, by kind
LEAST_SIDE = {"volume": 8, "slices": 32, "grid": 32}  # what the networks can still halve as often as they do
RIVALS = ("resident", "plain", "peer")
PACKAGES = ("torch", "torchvision", "tensorflow", "keras", "monai")


def read_task(approach: str, scale: float, steps: int, repeats: int, device: str, backend: str = AUTO) -> Task:
    """Read an approach's settings, and shrink each side and the batch to `scale` of theirs, as far as its net goes."""
    settings = StudyApproach(ROOT / "config" / "approaches" / f"{approach}.yaml")
    parameters, phase = settings.parameters, settings.file.phases[-1]
    own = parameters.get(phase, parameters)
    own |= {"epochs": 2, "batch_size": max(2, round(own["batch_size"] * scale))}
    made = settings.input(segmented=False)
    kind = made["kind"]
    sides = [min(side, max(LEAST_SIDE[kind], round(side * scale))) for side in made["shape"]]
    channels = [CHANNELS] if kind == "grid" else []
    backend = backend_for(device) if backend == AUTO else backend
    shape = (*channels, *sides)
    return Task(approach, shape, kind, phase, parameters, own["batch_size"], steps, repeats, device, backend)


def random_part(task: Task, rows: int) -> Part:
    """Return random patients with both labels, of the values and type that the approach's inputs have."""
    return random_rows(task.shape, DTYPES[task.kind], rows)


def measure(task: Task, rivals: Sequence[str]) -> dict[str, Any]:
    """Measure one approach beside its rivals; to be called in a process of its own."""
    approach = import_approach(task.approach, task.backend)
    device = approach.prepare(Machine(CORES, task.device))
    model = approach.build(task.shape, task.parameters, "none")
    rows = task.steps * task.batch_size
    training = Training(task, approach, model, random_part(task, rows), random_part(task, 2))
    training.pipeline()  # also compiles
    found = {"approach": task.approach, "device": device, "peak_memory_bytes": peak_memory(on_gpu=device != "cpu")}
    turns: dict[str, Turn] = {"pipeline": training.pipeline}
    turns |= dict(zip(("resident", "plain"), CONTENDERS[task.approach](training), strict=True))
    if "peer" in rivals:
        turns["peer"] = peer = fastest(PEERS[CONTENDERS[task.approach]](training))
        found["peer"] = peer.form
    seconds: dict[str, list[float]] = {name: [] for name in turns if name in ("pipeline", *rivals)}
    for _ in range(1 + task.repeats):  # the first warms up
        for name, taken in seconds.items():
            taken.append(turns[name]())
    return found | {f"samples_per_second_{name}": rows / median(taken[1:]) for name, taken in seconds.items()}


def peak_memory(on_gpu: bool) -> int:
    """Return the most bytes that this process has held: on the GPU if it computes there, else in all."""
    if on_gpu and "tensorflow" in sys.modules:
        return sys.modules["tensorflow"].config.experimental.get_memory_info("GPU:0")["peak"]
    if on_gpu:
        import torch

        return torch.cuda.max_memory_allocated()
    return most_memory()


def measured(task: Task, rivals: Sequence[str]) -> dict[str, Any] | None:
    """Measure in a process of its own; what cannot be measured is said, and does not cost the others their rows."""
    say(f"{task.approach}: {'x'.join(map(str, task.shape))}, batches of {task.batch_size}")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            row = process.submit(measure, task, rivals).result()
            say(f"{task.approach}: {speeds(row)} samples per second")  # a run that is stopped loses no measurement
            return row
        except ModuleNotFoundError as error:
            say(f"{task.approach} is not measured: the package {error.name} is not installed.")
        except Exception as error:
            kind = "" if isinstance(error, GlioBenchError) else f"{type(error).__name__}: "
            say(f"{task.approach} is not measured: {kind}{str(error).partition(chr(10))[0]}")
    return None


def speeds(row: dict[str, Any]) -> str:
    """Return an approach's speeds, each with its name."""
    prefix = "samples_per_second_"
    return ", ".join(f"{name.removeprefix(prefix)} {row[name]:#.3g}" for name in row if name.startswith(prefix))


def table(rows: list[dict[str, Any]], tasks: dict[str, Task], scale: float) -> str:
    """Return the measurement in Markdown."""
    device = rows[0]["device"] if rows[0]["device"] != "cpu" else f"{CORES}-core CPU"
    task = tasks[rows[0]["approach"]]
    size = "full size" if scale == 1 else f"sides and batches {scale:g} of the full size"
    rivals = [name for name in RIVALS if f"samples_per_second_{name}" in rows[0]]
    heads = ["approach", "input", "batch", "pipeline", *rivals, *(f"pipeline/{name}" for name in rivals), "peak memory"]
    heads += ["peer's step"] if "peer" in rivals else []
    text = ("approach", "input", "peer's step")
    lines = [
        f"**{device}**; {', '.join(versions())}, Keras on {task.backend}",
        "",
        f"{size[0].upper()}{size[1:]}; random inputs; {task.steps} batches per turn; medians of {task.repeats} turns; "
        f"samples per second; plain PyTorch loops with {WORKERS} workers.",
        "",
        f"| {' | '.join(heads)} |",
        f"| {' | '.join('---' if head in text else '---:' for head in heads)} |",
    ]
    return "\n".join(lines + [f"| {' | '.join(cells(row, tasks[row['approach']], rivals))} |" for row in rows])


def cells(row: dict[str, Any], task: Task, rivals: Sequence[str]) -> list[str]:
    """Return an approach's line of the table."""
    ours, *theirs = (row[f"samples_per_second_{name}"] for name in ("pipeline", *rivals))
    return [
        task.approach,
        "x".join(map(str, task.shape)),
        str(task.batch_size),
        *(f"{speed:#.3g}".rstrip(".") for speed in (ours, *theirs)),
        *(f"{ours / speed:.2f}" for speed in theirs),
        f"{row['peak_memory_bytes'] / 1e9:.2f} GB",
        *([row["peer"]] if "peer" in rivals else []),
    ]


def versions() -> list[str]:
    """Return the versions of Python and of what trains, without loading it."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found


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
    parser.add_argument("--backend", choices=(AUTO, TENSORFLOW, TORCH), default=AUTO, help="of Keras (default auto)")
    parser.add_argument(
        "--rivals", nargs="*", choices=RIVALS, default=RIVALS, help=f"beside the pipeline (default {' '.join(RIVALS)})"
    )
    options = parser.parse_args()
    if options.steps < 1 or options.repeats < 1 or not 0 < options.scale <= 1:
        parser.error("--steps and --repeats must be 1 or more, --scale above 0 and at most 1")
    tasks = {
        name: read_task(name, options.scale, options.steps, options.repeats, options.device, options.backend)
        for name in options.approaches
    }
    rows = [row for task in tasks.values() if (row := measured(task, options.rivals))]
    if not rows:
        sys.exit("No approach was measured.")
    print(json.dumps(rows, indent=2) if options.json else table(rows, tasks, options.scale))


if __name__ == "__main__":
    main()
