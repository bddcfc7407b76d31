"""
What it saves a training on a CPU to keep the memory that it frees, instead of returning it to the system.

Each approach trains through its own `fit` on random inputs, as in ``perf/training.py``, in processes that take turns:
some keep freed memory, as in a study, the others leave it to the C library, as is the default. Ratios are of medians,
above 1 where keeping is faster; that of processor time, the system's included, hardly depends on other programs.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from perf.contenders import CONTENDERS, CORES, Task, Training
from perf.training import random_part, read_task

from gliobench.processes import peak_memory
from gliobench.training import Machine, freed_memory, import_approach

WAYS = ("kept", "returned")
TURNS = 2  # timed by one process, besides one that warms up


def measure(task: Task, way: str) -> list[tuple[float, float, int]]:
    """Return an epoch's seconds, a training's processor seconds and peak bytes, some times; in a process of its own."""
    left = mock.patch.object(freed_memory, "mallopt", return_value=None) if way == "returned" else nullcontext()
    with left:
        approach = import_approach(task.approach, task.backend)
        approach.prepare(Machine(CORES, "cpu"))
    model = approach.build(task.shape, task.parameters, "none")
    rows = task.steps * task.batch_size
    training = Training(task, approach, model, random_part(task, rows), random_part(task, 2))
    training.pipeline()
    turns = []
    for _ in range(TURNS):
        start = time.process_time()
        seconds = training.pipeline()
        turns.append((seconds, time.process_time() - start, peak_memory()))
    return turns


def compare(task: Task) -> list[str]:
    """Return an approach's cells of the table."""
    turns: dict[str, list[tuple[float, float, int]]] = {way: [] for way in WAYS}
    for _ in range(task.repeats):
        for way in WAYS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                turns[way] += process.submit(measure, task, way).result()
    seconds, processor, memory = zip(*(medians(turns[way]) for way in WAYS), strict=True)
    speeds = [f"{task.steps * task.batch_size / taken:#.3g}" for taken in seconds]
    ratios = [f"{returned / kept:.2f}" for kept, returned in (seconds, processor)]
    peaks = [f"{held / 1e9:.2f} GB" for held in memory]
    return [task.approach, "x".join(map(str, task.shape)), str(task.batch_size), *speeds, *ratios, *peaks]


def medians(turns: Sequence[tuple[float, float, int]]) -> list[float]:
    """Return the medians of what `measure` returns."""
    return [median(values) for values in zip(*turns, strict=True)]


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--approaches", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--steps", type=int, default=8, help="batches of a timed epoch (default 8)")
    parser.add_argument("--repeats", type=int, default=3, help="processes of each way (default 3)")
    parser.add_argument("--scale", type=float, default=0.25, help="of sides and batches (default 0.25)")
    options = parser.parse_args()
    heads = ["approach", "input", "batch", "kept", "returned", "ratio", "of processor time"]
    heads += ["peak, kept", "peak, returned"]
    print(f"| {' | '.join(heads)} |", f"|{' --- |' * 2}{' ---: |' * 7}", sep="\n")
    for name in options.approaches:
        task = read_task(name, options.scale, options.steps, options.repeats, "cpu")
        print(f"| {' | '.join(compare(task))} |", flush=True)


if __name__ == "__main__":
    main()
