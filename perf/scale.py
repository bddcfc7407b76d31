"""
Overhead of the engine at the size of the real cohort, and whether memory remains constant.

A generated cohort with the real number of patients, series and slices (small images) goes through audit, inputs of
every MGMT approach and splits, once by Snakemake on one core and once by a plain loop over the same library functions
in one process. Repeats are interleaved; the overhead is the ratio of medians less one. The peak is that of the largest
process, Snakemake's own included, at both sizes. A dry run of the full study is timed too.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow" / "scripts"))

from gliobench.cohorts import DECODED_KIND, audit, rsna, synthetic
from gliobench.cohorts.decoded import keep_series
from gliobench.files import write_table
from gliobench.inputs.make import make_inputs, usable_series
from gliobench.inputs.store import shard_writer
from gliobench.settings.generators import SyntheticGenerator
from gliobench.splits import draw_split
from gliobench.study import Study

ROOT = Path(__file__).parents[1]
SETTINGS = {
    "cnn3d": {"input": {"shape": [32, 32, 32]}},
    "efficientnet": {"input": {"shape": [32, 32]}},
    "resnet18": {"input": {"shape": [32, 32]}},
    "stacked_cnn3d": {"input": {"shape": [24, 24, 24], "spacing": 8.0}},
}
COHORT = "real-counts"


def main() -> None:
    """Measure and print."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    projects = {number: _project(options.folder / str(number), number, options) for number in options.patients}
    if options.plain:
        for project in projects.values():
            plain(project, Path("plain"))
        return
    if options.one_pass:
        for number, project in projects.items():
            print(f"{number} patients: {json.dumps(one_pass(project, options.repeats))}")
        return
    found: dict[str, Any] = {"dry_run_full_study_seconds": _dry_run(options.folder)}
    for number, project in projects.items():
        found[str(number)] = _measure(project, options.repeats, options.shards)
    few, many = (found[str(patients)] for patients in (min(options.patients), max(options.patients)))
    found["peak_memory_ratio"] = many["peak_memory_mb"] / few["peak_memory_mb"]
    print(json.dumps(found, indent=2) if options.json else _sentences(found, options))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where cohorts and results are written and kept")
    parser.add_argument("--patients", type=int, nargs="+", default=[60, 585])
    parser.add_argument("--matrix", type=int, default=32, help="rows and columns of a slice")
    parser.add_argument("--slices", type=int, nargs=2, default=[15, 400], help="fewest and most slices of a series")
    parser.add_argument("--shards", type=int, default=1, help="jobs that audit and each input are cut into")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one-pass", action="store_true", help="only what keeping decoded series costs and saves")
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _project(folder: Path, patients: int, options: argparse.Namespace) -> Path:
    """Generate a cohort as a user's own data, with a study of it."""
    images = folder / "data"
    if not (images / "train_labels.csv").exists():
        settings = SyntheticGenerator(patients=patients, matrix=options.matrix, slices=options.slices, signal=2.0)
        synthetic.write_cohort(settings.model_dump(), 1, images, os.cpu_count() or 1)
    runs = [{"approach": "baseline"}, *({"approach": name} for name in SETTINGS)]
    study = {"study": "scale", "seed": 1, "cohorts": {COHORT: {"kind": "rsna", "path": "data"}}, "runs": runs}
    study["settings"] = SETTINGS
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return folder


def _study(project: Path) -> Study:
    return Study(yaml.safe_load((project / "study.yaml").read_text(encoding="utf-8")), ROOT)


def plain(project: Path, results: Path) -> None:
    """Do all the work in one process, without the engine."""
    data, results = project / "data", project / results
    study = _study(project)
    patients = rsna.read_patients(data)
    decoded = results / "decoded"
    names, keep = study.modalities(COHORT), partial(keep_series, decoded)
    series, _ = audit.audit_patients(patients["patient_id"], names, data, {}, "rsna", keep)
    write_table(series, results / "series.tsv", "series")
    write_table(draw_split(patients, series, study.splits["kfold"], 1), results / "kfold.tsv", "split")
    for approach in study.approaches:
        settings = study.input(approach, COHORT)
        usable = usable_series(series, study.made_series(approach, COHORT), settings)
        with shard_writer(results / approach / "all.npy") as append:
            for patient_id, wanted in usable.items():
                append(*make_inputs(patient_id, wanted, decoded, DECODED_KIND, settings))


def one_pass(project: Path, repeats: int) -> dict[str, float]:
    """
    Time audit and inputs with the series that the audit keeps, and with every input reading the images itself.

    Files are read from disk each time, as those of a set larger than memory are.
    """
    data, results, study = project / "data", project / "one-pass", _study(project)
    patients, names = rsna.read_patients(data)["patient_id"], study.modalities(COHORT)
    ways = {"kept": (partial(keep_series, results), results, DECODED_KIND), "images": (None, data, "rsna")}
    seconds: dict[str, list[float]] = {}
    kept_mb = 0.0

    def timed(stage: str, way: str, folder: Path, work: Callable[[], Any]) -> Any:
        _drop_from_memory(folder)
        start = time.perf_counter()
        done = work()
        seconds.setdefault(f"{stage}_{way}", []).append(time.perf_counter() - start)
        return done

    for _ in range(repeats):
        for way, (keep, images, kind) in ways.items():
            shutil.rmtree(results, ignore_errors=True)
            audited = partial(audit.audit_patients, patients, names, data, {}, "rsna", keep)
            series, _ = timed("audit", way, data, audited)
            for approach in study.approaches:
                inputs = partial(_all_inputs, study, approach, series, images, kind)
                timed(f"inputs_{approach}", way, images, inputs)
            kept_mb = kept_mb or sum(path.stat().st_size for path in results.rglob("*.npz")) / 1e6
    found = {name: statistics.median(values) for name, values in seconds.items()}
    sums = [sum(value for name, value in found.items() if name.endswith(way)) for way in ways]
    ratios = {
        f"ratio_{approach}": found[f"inputs_{approach}_images"] / found[f"inputs_{approach}_kept"]
        for approach in study.approaches
    }
    images_mb = sum(path.stat().st_size for path in data.rglob("*.dcm")) / 1e6
    return found | ratios | {"sum_ratio": sums[0] / sums[1], "images_mb": images_mb, "kept_mb": kept_mb}


def _all_inputs(study: Study, approach: str, series: pd.DataFrame, images: Path, kind: str) -> None:
    settings = study.input(approach, COHORT)
    for patient_id, wanted in usable_series(series, study.made_series(approach, COHORT), settings).items():
        make_inputs(patient_id, wanted, images, kind, settings)


def _drop_from_memory(folder: Path) -> None:
    """Let the page cache forget the files of a folder: the next to read them waits for the disk."""
    os.sync()  # pages not yet written would stay
    for path in folder.rglob("*.*"):
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)


def _measure(project: Path, repeats: int, shards: int) -> dict[str, float]:
    results = f"results/scale/{COHORT}"
    numbers = [f"{number}-of-{shards}" for number in range(1, shards + 1)]
    targets = [f"{results}/inputs/{approach}/{n}.npy" for approach in _study(project).approaches for n in numbers]
    engine = [*_snakemake("1", shards), "--configfile", "study.yaml", "--", *targets, f"{results}/splits/kfold.tsv"]
    by_hand = [sys.executable, __file__, "--plain", "--folder", str(project.parent), "--patients", project.name]
    peaks: list[float] = []
    seconds: dict[str, list[float]] = {"engine": [], "plain": []}
    for _ in range(repeats):  # where the page cache is cold, that is the engine's loss
        for name, command in (("engine", engine), ("plain", by_hand)):
            _run(["rm", "-rf", "results", ".snakemake", "plain"], project)
            spent, peak = _run(command, project)
            seconds[name].append(spent)
            peaks += [peak] * (name == "engine")
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "engine_seconds": medians["engine"],
        "plain_seconds": medians["plain"],
        "overhead": medians["engine"] / medians["plain"] - 1,
        "peak_memory_mb": max(peaks),
    }


def _snakemake(cores: str, shards: int) -> list[str]:
    snakefile = str(ROOT / "Snakefile")
    options = [
        "--cores",
        cores,
        "--set-scatter",
        f"shards={shards}",
        "--quiet",
        "all",
    ]
    return [sys.executable, "-m", "snakemake", "-s", snakefile, *options]


def _dry_run(folder: Path) -> float:
    command = [*_snakemake("1", 16), "--dry-run", "--configfile", str(ROOT / "config" / "config.yaml")]
    return statistics.median(_run(command, folder)[0] for _ in range(3))


def _run(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a command that must succeed; return its seconds and the peak memory of its largest process in MB."""
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def _sentences(found: dict[str, Any], options: argparse.Namespace) -> str:
    lines = [f"Dry run of config/config.yaml with 16 shards: {found['dry_run_full_study_seconds']:.1f} s."]
    lines += [
        f"{patients} patients: Snakemake {at['engine_seconds']:.0f} s, plain loop {at['plain_seconds']:.0f} s, "
        f"overhead {at['overhead']:.1%}, peak of the largest process {at['peak_memory_mb']:.0f} MB."
        for patients in options.patients
        for at in [found[str(patients)]]
    ]
    return "\n".join([*lines, f"Peak memory, most to fewest patients: {found['peak_memory_ratio']:.2f}."])


if __name__ == "__main__":
    main()
