"""A prediction request: one patient's folder or a folder of patients, and a run, checked before any job starts.

Light to import.
"""

import hashlib
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gliobench.cohorts.walk import walk
from gliobench.errors import GlioBenchError
from gliobench.files import check_record
from gliobench.terms import ALL_SERIES, TABLE

TARGET = "predict"
KEYS = ("patient", "patients", "model", "fold")
USAGE = "snakemake predict --config patient=<folder of one patient> model=<folder of a run>"
ENVIRONMENTS = {"tensorflow": "tensorflow", "torch": "torch", "sklearn": "report"}  # by toolchain
LIBRARY = Path(__file__).parents[1]
RESULTS = "results/predictions"
# Tables that tell more about a run
FILES = {"predictions": "predictions.tsv", "series": "series.tsv", "comparison": "tables/comparison.tsv"}


@dataclass(frozen=True)
class Request:
    """
    Patients and the models to score them with.

    Attributes
    ----------
    patients : dict of str to Path
        Folder of each patient by its name, which is the patient's id.
    run : Path
        Folder of a training job, absolute: no rule of a study re-creates its files.
    record : dict
        The run's ``run.json``, checked against the schema ``run``.
    fold : int, optional
        The only fold to use; all by default.
    listed : str, optional
        Name of the folder of patients; None if one patient is asked for.
    """

    patients: dict[str, Path]
    run: Path
    record: dict[str, Any]
    fold: int | None = None
    listed: str | None = None

    @property
    def models(self) -> list[Path]:
        """The models to use, by fold."""
        return find_models(self.run, self.fold)

    @property
    def environment(self) -> str:
        """The conda environment that the models need."""
        return ENVIRONMENTS[self.record["toolchain"]]

    @property
    def figure(self) -> str:
        """Name of the figure: Grad-CAM, or else the input."""
        return "gradcam" if self.record["grad_cam"] else "input"

    @property
    def name(self) -> str:
        """Name of the run in results: its cell and a digest of its record."""
        names = [self.record[name] for name in ("approach", "variant", "modality", "protocol")]
        names += [] if self.fold is None else [f"fold-{self.fold}"]
        digest = hashlib.sha256((self.run / "run.json").read_bytes()).hexdigest()[:8]
        return "-".join([*names, digest])

    @property
    def folder(self) -> str:
        """Folder of a patient's result, with the wildcard ``patient``."""
        if self.listed is None:
            return f"{RESULTS}/{{patient}}/{self.name}"
        return f"{RESULTS}/{self.listed}/{self.name}/{{patient}}"

    @property
    def folders(self) -> list[str]:
        """Folders of the results, one per patient."""
        return [self.folder.format(patient=patient) for patient in self.patients]

    @property
    def home(self) -> str:
        """The folder that holds all results of the request."""
        return self.folders[0] if self.listed is None else str(Path(self.folder).parent)

    @property
    def table(self) -> str | None:
        """The table of a list of patients."""
        return None if self.listed is None else f"{self.home}.tsv"

    @property
    def results(self) -> list[str]:
        """Files of the result."""
        names = ["prediction.json", "index.html", *self.figures]
        files = [f"{folder}/{name}" for folder in self.folders for name in names]
        return files if self.table is None else [self.table, *files]

    @property
    def figures(self) -> list[str]:
        """Files of the figures of a patient."""
        return [f"{name}.{suffix}" for name in ("cohort", self.figure) for suffix in ("png", "pdf")]

    @property
    def tables(self) -> dict[str, str]:
        """Those of `FILES` that are stored with the run, by name."""
        found = {name: _nearest(self.run, name, path) for name, path in FILES.items()}
        return {name: str(path) for name, path in found.items() if path}

    def images(self, patient: str) -> str:
        """Return a digest of a patient's files, by name, location, size and time: changed files are predicted anew."""
        home = self.patients[patient]
        files = sorted(folder / name for folder, names in walk(home) for name in names)
        about = [
            (str(path.relative_to(home)), os.path.realpath(path), path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
            if path.is_file()
        ]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def _nearest(run: Path, name: str, path: str) -> Path | None:
    """Return a table of a run: its own predictions, others in its folder or the nearest one above that has it."""
    folders = [run] if name == "predictions" else [run, *run.parents]
    return next((folder / path for folder in folders if (folder / path).is_file()), None)


def take_request(config: dict[str, Any]) -> Request | None:
    """
    Take ``patient`` or ``patients``, ``model`` and ``fold`` out of a config: the rest belongs to a study.

    Returns
    -------
    Request or None
        None if none is given.

    Raises
    ------
    GlioBenchError
        A patient is given without a model or the other way round, a folder is missing or is not a patient's or a run's,
        or the model is missing.
    """
    asked = {key: config.pop(key) for key in KEYS if key in config}
    if not asked:
        return None
    if "model" not in asked or not {"patient", "patients"} & set(asked):
        raise GlioBenchError(f"`{next(iter(asked))}` is not enough for a prediction: {USAGE}.")
    if {"patient", "patients"} <= set(asked):
        raise GlioBenchError("`patient` and `patients` exclude each other: one patient, or a folder of patients.")
    run = _folder(asked["model"], "model").resolve()
    if set("{}") & set(str(run)):
        raise GlioBenchError(f"`model`: Snakemake cannot use a path with braces, {run}; rename or move the folder.")
    listed = _named(_folder(asked["patients"], "patients"), "patients") if "patients" in asked else None
    patients = _patients(listed) if listed else [_named(_folder(asked["patient"], "patient"), "patient")]
    request = Request(
        {folder.name: folder for folder in patients},
        run,
        read_record(run),
        _fold(asked.get("fold")),
        listed.name if listed else None,
    )
    find_models(run, request.fold)
    return request


def check_target(request: Request | None, targets: Collection[str]) -> None:
    """Raise an error if a prediction is requested without its config, or the config given without the target."""
    if request is None and TARGET in targets:
        raise GlioBenchError(f"name a patient and a run: {USAGE}.")
    if request is not None and not targets:
        raise GlioBenchError(f"`patient` and `model` are for the target `predict`, not for a study: {USAGE}.")


def _folder(path: Any, key: str) -> Path:
    if not isinstance(path, str) or not path:
        raise GlioBenchError(
            f"`{key}` must be the path of a folder, not {path!r}; a name of digits is read as a number: "
            f"write {key}=./<name>."
        )
    if not Path(path).is_dir():
        raise GlioBenchError(f"`{key}`: there is no folder {path}; {USAGE}.")
    return Path(path)


def _named(path: Path, key: str) -> Path:
    """Return a folder, whose name must do as an id, by the user's name for it, even if it is a link."""
    folder = path.absolute()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", folder.name):
        raise GlioBenchError(
            f"`{key}`: the folder's name {folder.name!r} cannot be a patient id: use only letters, digits, - and _."
        )
    return folder


def _patients(home: Path) -> list[Path]:
    """Return the folders of the patients in a folder, but for hidden ones."""
    inside = sorted(path for path in home.iterdir() if not path.name.startswith("."))
    series = [path.name for path in inside if path.name.split(".")[0] in ALL_SERIES]
    if series:
        raise GlioBenchError(f"`patients`: {home} is one patient, because it holds {series[0]}; write patient={home}.")
    folders = [_named(path, "patients") for path in inside if path.is_dir()]
    if not folders:
        raise GlioBenchError(f"`patients`: {home} has no folders; it must have one for each patient.")
    return folders


def _fold(fold: Any) -> int | None:
    if fold is not None and (isinstance(fold, bool) or not isinstance(fold, int) or fold < 0):
        raise GlioBenchError(f"`fold` must be an integer of 0 or more, not {fold!r}.")
    return fold


def read_record(run: Path) -> dict[str, Any]:
    """
    Read the record of a run used for prediction.

    Raises
    ------
    GlioBenchError
        The folder is not a run's, its record lacks something a prediction needs, it reads tables instead of
        images, or its approach is missing here.
    """
    path = run / "run.json"
    if not path.is_file():
        raise GlioBenchError(
            f"`model`: {run} is not the folder of a run, because it has no run.json; give one that ends in "
            "repeat-<r>/seed-<s>/batch-<b> below a study's `runs`."
        )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise GlioBenchError(f"{path} cannot be read as JSON ({error}); train the run again.") from None
    check_record(record, "run", f"{path} (if an earlier version trained this run, train it again)")
    if record["input"]["kind"] == TABLE:
        raise GlioBenchError(
            f"{path}: this run reads tables, and cannot score the images of a patient; use another run."
        )
    for room, name in (("approaches", record["approach"]), ("inputs", record["input"]["kind"])):
        if not (LIBRARY / room / f"{name}.py").is_file():
            raise GlioBenchError(f"{path}: this GlioBench has no {name} in its {room}; add it or use another run.")
    return record


def find_models(run: Path, fold: int | None = None) -> list[Path]:
    """
    Find the models of a run.

    Parameters
    ----------
    run : Path
        The run's folder.
    fold : int, optional
        The only one to find; all by default.

    Returns
    -------
    list of Path
        In the order of the folds.

    Raises
    ------
    GlioBenchError
        There is none, or not that one.
    """
    there = {fold_of(path): path for path in (run / "models").glob("fold-*") if path.is_file()}
    if not there:
        raise GlioBenchError(
            f"{run / 'models'} has no model: every fold failed, the files were moved, or the run is on copies with "
            "permuted or drawn labels, whose models are not kept."
        )
    if fold is None:
        return [there[number] for number in sorted(there)]
    if fold not in there:
        folds = ", ".join(map(str, sorted(there)))
        raise GlioBenchError(f"`fold`: {run / 'models'} has no model of fold {fold}; it has {folds}.")
    return [there[fold]]


def fold_of(model: Path) -> int:
    """Return the fold of a model file."""
    number = model.stem.removeprefix("fold-")
    if not number.isdecimal():
        raise GlioBenchError(f"{model} is not the model of a fold; remove it from the folder.")
    return int(number)
