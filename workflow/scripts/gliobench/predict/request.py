"""A prediction request: a patient's folder and a run, checked before any job starts. Light to import."""

import hashlib
import json
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gliobench.errors import GlioBenchError
from gliobench.records import check_record
from gliobench.terms import TABLE

TARGET = "predict"
KEYS = ("patient", "model", "fold")
USAGE = "snakemake predict --config patient=<folder of one patient> model=<folder of a run>"
ENVIRONMENTS = {"tensorflow": "tensorflow", "torch": "torch", "sklearn": "report"}  # by toolchain
LIBRARY = Path(__file__).parents[1]


@dataclass(frozen=True)
class Request:
    """
    One patient and the models to score it with.

    Attributes
    ----------
    patient : Path
        The patient's folder; its name is the patient's id.
    run : Path
        Folder of a training job, absolute: no rule of a study re-creates its files.
    record : dict
        The run's ``run.json``, checked against the schema ``run``.
    fold : int, optional
        The only fold to use; all by default.
    """

    patient: Path
    run: Path
    record: dict[str, Any]
    fold: int | None = None

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        return self.patient.name

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
    def folder(self) -> str:
        """Folder of the result: it names the run by its cell and a digest of its record."""
        names = [self.record[name] for name in ("approach", "variant", "modality", "protocol")]
        names += [] if self.fold is None else [f"fold-{self.fold}"]
        digest = hashlib.sha256((self.run / "run.json").read_bytes()).hexdigest()[:8]
        return f"results/predictions/{self.patient_id}/{'-'.join([*names, digest])}"

    @property
    def results(self) -> list[str]:
        """Files of the result, below `folder`."""
        return ["prediction.json", "index.html", f"{self.figure}.png", f"{self.figure}.pdf"]

    @property
    def images(self) -> str:
        """A digest of the patient's files, by name, location, size and time: changed files need a new prediction."""
        # Links are followed: a series may be a link to where an archive keeps it.
        folders = os.walk(self.patient, followlinks=True)
        files = sorted(Path(folder, name) for folder, _, names in folders for name in names)
        about = [
            (str(path.relative_to(self.patient)), os.path.realpath(path), path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
            if path.is_file()
        ]
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def take_request(config: dict[str, Any]) -> Request | None:
    """
    Take ``patient``, ``model`` and ``fold`` out of a config: the rest belongs to a study.

    Returns
    -------
    Request or None
        None if neither is given.

    Raises
    ------
    GlioBenchError
        One is given without the other, a folder is missing or is not a patient's or a run's, or the model is missing.
    """
    asked = {key: config.pop(key) for key in KEYS if key in config}
    if not asked:
        return None
    if not {"patient", "model"} <= set(asked):
        raise GlioBenchError(f"`{next(iter(asked))}` is not enough for a prediction: {USAGE}.")
    run = _folder(asked["model"], "model").resolve()
    if set("{}") & set(str(run)):
        raise GlioBenchError(f"`model`: Snakemake cannot use a path with braces, {run}; rename or move the folder.")
    request = Request(_patient(asked["patient"]), run, read_record(run), _fold(asked.get("fold")))
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


def _patient(path: Any) -> Path:
    folder = _folder(path, "patient").absolute()  # the user's name for it, even if it is a link
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", folder.name):
        raise GlioBenchError(
            f"`patient`: the folder's name {folder.name!r} cannot be a patient id: use only letters, digits, - and _."
        )
    return folder


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
        raise GlioBenchError(f"{run / 'models'} has no model: every fold failed, or the files were moved.")
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
