"""
Which approaches give the same bytes on another processor, and what portable arithmetic costs.

Every approach trains a tiny model through its own `build`, `fit` and `predict` on random inputs, in a process of its
own: on this machine with the libraries left to themselves (native) and pinned as the workflow does (portable), and
pinned under processor models of QEMU's user mode (Debian: `apt install qemu-user`). Compared are digests of the
probabilities. QEMU shows a processor without AVX-512, and cache sizes of its own, by which some libraries cut blocks.

The price is the time of `fit`, native against portable, which take turns in one run; the ratio is of medians. It is
measured without QEMU, whose times mean nothing.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.arithmetic import PINNED, pin
from gliobench.processor import processor

ROOT = Path(__file__).parents[1]
PROCESSORS = ("Haswell", "EPYC")  # an Intel and an AMD processor with AVX2 and without AVX-512, as QEMU names them
SEED = 3
TINY: dict[str, dict[str, Any]] = {  # inputs as the approach reads them, and changes to its parameters
    "baseline": {"shape": (4, 16), "type": "float64", "rows": 24, "changes": {}},
    "cnn3d": {"shape": (12, 12, 12), "type": "float32", "rows": 8, "changes": {"epochs": 3, "batch_size": 4}},
    "efficientnet": {
        "shape": (32, 32),
        "type": "uint8",
        "scale": 255,
        "rows": 8,
        "changes": {name: {"epochs": 1, "batch_size": 4} for name in ("transfer", "finetuned")},
    },
    "resnet18": {
        "shape": (32, 32),
        "type": "uint8",
        "scale": 255,
        "rows": 8,
        "changes": {"epochs": 2, "batch_size": 4},
    },
    "stacked_cnn3d": {
        "shape": (4, 16, 16, 16),
        "type": "float32",
        "rows": 8,
        "changes": {"epochs": 3, "batch_size": 4, "depth": 2, "filters": 4},
    },
    "densenet121": {
        "shape": (4, 16, 16, 16),
        "type": "float32",
        "rows": 8,
        "changes": {"epochs": 2, "batch_size": 4, "blocks": [2, 2]},
    },
    "resnet10_3d": {
        "shape": (16, 16, 16),
        "type": "float32",
        "rows": 8,
        "changes": {"epochs": 2, "batch_size": 4, "widen_factor": 0.125},
    },
}


def train(approach: str) -> dict[str, Any]:
    """Train a tiny model of an approach in this process, and return the digest of its answers and the seconds."""
    import numpy as np

    from gliobench.settings.approach_of_study import StudyApproach
    from gliobench.settings.models import merge
    from gliobench.training import Machine, Part

    task, settings = TINY[approach], StudyApproach(ROOT / "config" / "approaches" / f"{approach}.yaml")
    module = import_module(f"gliobench.approaches.{approach}")
    module.prepare(Machine(1, "cpu"))
    rng = np.random.default_rng(SEED)
    inputs = (rng.random((task["rows"], *task["shape"])) * task.get("scale", 1)).astype(task["type"])
    labels = np.arange(task["rows"]) % 2
    part = Part(inputs, labels, np.array([f"{row:02}" for row in range(task["rows"])]))
    variant = "main" if "main" in settings.file.variants else "intensity"
    parameters = merge(settings.parameters_of(variant), task["changes"])
    model = module.build(task["shape"], parameters, "none")
    start = time.perf_counter()
    for phase in settings.file.phases:
        module.fit(model, phase, part, part, parameters, SEED, lambda record: None)
    seconds = time.perf_counter() - start
    answers = np.ascontiguousarray(module.predict(model, inputs), np.float64)
    digest = hashlib.sha256(answers.tobytes()).hexdigest()[:12]
    return {"digest": digest, "seconds": seconds, "answer": float(answers[0]), "processor": processor()}


def child(approach: str, portable: bool, model: str | None = None) -> dict[str, Any]:
    """Train in another process, if need be under a processor model."""
    environment = {name: value for name, value in os.environ.items() if name not in PINNED}
    python = [sys.executable]
    if model:
        # argv[0] is the virtual environment's python, by whose place it finds its packages.
        python = ["qemu-x86_64", "-cpu", model, "-0", sys.executable, str(Path(sys.executable).resolve())]
    command = [*python, __file__, "--child", approach, *(["--portable"] if portable else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{approach} under {model or 'this processor'}: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(approach: str, repeats: int, models: tuple[str, ...]) -> dict[str, Any]:
    """Return an approach's digests, by processor, and what portable arithmetic costs it."""
    runs: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for _ in range(repeats):
        for portable in runs:
            runs[portable].append(child(approach, portable))
    digests = {"this": runs[True][0]["digest"]} | {name: child(approach, True, name)["digest"] for name in models}
    price = median(run["seconds"] for run in runs[True]) / median(run["seconds"] for run in runs[False])
    return {"native": runs[False][0]["digest"], "digests": digests, "price": price}


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Lay the comparison out as Markdown."""
    models = list(next(iter(rows.values()))["digests"])[1:]
    lines = [
        f"| approach | portable as native | {' | '.join(f'{name} as here' for name in models)} | time of `fit` |",
        f"| --- | --- |{' --- |' * (len(models) + 1)}",
    ]
    for approach, row in rows.items():
        here = row["digests"]["this"]
        same = [row["native"] == here, *(row["digests"][name] == here for name in models)]
        lines.append(
            f"| `{approach}` | {' | '.join('same' if one else 'other' for one in same)} | x {row['price']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Compare the approaches and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--approaches", nargs="+", default=list(TINY), choices=list(TINY))
    parser.add_argument("--repeats", type=int, default=5, help="of the time, native and portable in turn")
    parser.add_argument("--models", nargs="*", default=list(PROCESSORS), help="QEMU's processor models; none: no QEMU")
    parser.add_argument("--child", choices=list(TINY), help=argparse.SUPPRESS)
    parser.add_argument("--portable", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        if options.portable:
            pin()
        print(json.dumps(train(options.child)))
        return
    if options.models and not shutil.which("qemu-x86_64"):
        raise SystemExit("qemu-x86_64 is not there: install Debian's qemu-user, or say --models for none.")
    rows = {}
    for approach in options.approaches:
        rows[approach] = compare(approach, options.repeats, tuple(options.models))
        print(f"{approach}: {rows[approach]}", file=sys.stderr, flush=True)
    print(f"\nPinned: {', '.join(PINNED)}. This processor: {child('baseline', True)['processor']}\n\n{table(rows)}")


if __name__ == "__main__":
    main()
