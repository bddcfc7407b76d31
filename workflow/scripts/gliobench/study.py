"""The study: one config file, checked and expanded into the grid of runs. Light to import: parsing needs it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed
from gliobench.settings import check, known, merge, nearest

MODALITIES = ("FLAIR", "T1w", "T1wCE", "T2w")


@dataclass(frozen=True)
class Cell:
    """One line of the comparison: all runs of an approach's variant on a cohort, modality and protocol."""

    cohort: str
    approach: str
    variant: str
    modality: str
    protocol: str

    @property
    def path(self) -> str:
        """The cell's folder below ``results/{study}/{cohort}/runs``."""
        return f"{self.approach}/{self.variant}/{self.modality}/{self.protocol}"


class Study:
    """
    A checked study and the grid it spans.

    Parameters
    ----------
    config : dict
        The study file's content.
    root : Path
        The project's folder, where ``config/`` lies.

    Raises
    ------
    GlioBenchError
        The config is wrong: an unknown key, approach, variant, cohort, modality, protocol or split scheme.
    """

    def __init__(self, config: dict, root: Path):
        check(config, "study", "the study's config")
        self.config = config
        self.root = root
        self.name: str = config["study"]
        self.results = f"results/{self.name}"
        self.seed: int = config["seed"]
        self.seeds: int = config.get("seeds", 1)
        self.bootstrap: int = config.get("bootstrap", 2000)
        for cohort, settings in config["cohorts"].items():
            if not isinstance(cohort, str):
                raise GlioBenchError(f"the study's config, cohorts: {cohort!r} is no text; write the name in quotes.")
            _check_excluded(cohort, settings.get("exclude", {}))
            if settings["kind"] == "synthetic":
                check(
                    settings.get("generator", {}),
                    "synthetic",
                    f"the study's config, cohorts.{cohort}.generator",
                )

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Names of the replicates of each replicated cohort."""
        return {
            name: [f"{name}-{number:02}" for number in range(1, settings["replicates"] + 1)]
            for name, settings in self.config["cohorts"].items()
            if "replicates" in settings
        }

    @cached_property
    def cohorts(self) -> dict[str, dict]:
        """Settings of every cohort, replicates written out, each with its own base seed under ``seed``."""
        return {
            member: settings | {"seed": derive_seed(self.seed, "cohort", member)}
            for name, settings in self.config["cohorts"].items()
            for member in self.groups.get(name, [name])
        }

    def modalities(self, cohort: str) -> list[str]:
        """Return the modalities of a cohort, as the config names them."""
        settings = self.cohorts[cohort]
        return settings.get("modalities", settings.get("generator", {}).get("modalities", list(MODALITIES)))

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of every cohort."""
        return {name: settings["kind"] for name, settings in self.cohorts.items()}

    @cached_property
    def approaches(self) -> dict[str, dict]:
        """Settings of every approach that the study runs, with the study's changes made."""
        names = {run["approach"] for run in self.config["runs"]}
        for name in self.config.get("settings", {}):
            if name not in names:
                raise GlioBenchError(
                    f"settings.{name}: the study runs no approach of that name; {nearest(name, names)}"
                )
        return {name: self._load_approach(name) for name in sorted(names)}

    def _load_approach(self, name: str) -> dict:
        folder = self.root / "config" / "approaches"
        if not (folder / f"{name}.yaml").is_file():
            known = sorted(path.stem for path in folder.glob("*.yaml"))
            raise GlioBenchError(f"There is no approach {name!r} in config/approaches; {nearest(name, known)}")
        settings = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
        check(settings, "approach", f"config/approaches/{name}.yaml")
        for part, changes in self.config.get("settings", {}).get(name, {}).items():
            settings[part] = merge(settings[part], changes, f"settings.{name}.{part}")
        return settings

    @cached_property
    def splits(self) -> dict[str, dict]:
        """Split schemes by name, with the study's changes made."""
        schemes = yaml.safe_load((self.root / "config" / "splits.yaml").read_text(encoding="utf-8"))
        for name, changes in self.config.get("splits", {}).items():
            if name not in schemes:
                raise GlioBenchError(
                    f"splits: there is no scheme {name!r} in config/splits.yaml; {nearest(name, schemes)}"
                )
            schemes[name] = merge(schemes[name], changes, f"splits.{name}")
        check(schemes, "splits", "splits")
        return schemes

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell of the grid, once, in the order of the config; its settings are checked."""
        cells = list(dict.fromkeys(cell for run in self.config["runs"] for cell in self._expand(run)))
        for cell in cells:
            self.variant(cell.approach, cell.variant)
            self.scheme_name(cell)
        return cells

    def _expand(self, run: dict) -> Iterator[Cell]:
        name = run["approach"]
        approach = self.approaches[name]
        where = f"runs, {name}"
        for cohort in run.get("cohorts", list(self.config["cohorts"])):
            known(cohort, self.config["cohorts"], f"{where}: no cohort")
            for member in self.groups.get(cohort, [cohort]):
                for variant in run.get("variants", ["main"]):
                    known(variant, approach["variants"], f"{where}: no variant")
                    for modality in run.get("modalities", approach["modalities"]):
                        known(modality, self.modalities(member), f"{where}: cohort {cohort} has no modality")
                        for protocol in run.get("protocols", ["harmonised"]):
                            known(protocol, approach["protocols"], f"{where}: no protocol")
                            yield Cell(member, name, variant, modality, protocol)

    def variant(self, approach: str, variant: str) -> dict:
        """Return a variant's settings: weights, parameters and caveat, resolved."""
        base = self.approaches[approach]
        own = base["variants"][variant]
        where = f"config/approaches/{approach}.yaml, variants.{variant}.parameters"
        return {
            "weights": own.get("weights", base.get("weights", "none")),
            "parameters": merge(base["parameters"], own.get("parameters", {}), where),
        }

    def phases(self, approach: str) -> list[str]:
        """Return the scored states of an approach's trainings, in their order."""
        return self.approaches[approach].get("phases", ["final"])

    def scheme_name(self, cell: Cell) -> str:
        """Return the name of the cell's split scheme."""
        return self._protocol(cell)["split"]

    def _protocol(self, cell: Cell) -> dict:
        approach = self.approaches[cell.approach]
        protocols = approach["protocols"] | approach["variants"][cell.variant].get("protocols", {})
        protocol = protocols[cell.protocol]
        known(protocol["split"], self.splits, f"config/approaches/{cell.approach}.yaml: no split scheme")
        return protocol

    def caveat(self, cell: Cell) -> str | None:
        """Return what a reader must know of the cell's variant and protocol, or None."""
        variant = self.approaches[cell.approach]["variants"][cell.variant]
        caveats = [part["caveat"] for part in (variant, self._protocol(cell)) if "caveat" in part]
        return "; ".join(caveats) or None

    def batches(self, cell: Cell) -> list[dict[str, int]]:
        """Return the training jobs of a cell: repeat, seed and batch of each."""
        scheme = self.splits[self.scheme_name(cell)]
        return [
            {"repeat": repeat, "seed": seed, "batch": batch}
            for repeat in range(scheme.get("repeats", 1))
            for seed in range(self.seeds)
            for batch in range(scheme.get("batches", 1))
        ]

    def run_folders(self, cell: Cell) -> list[str]:
        """Return the folders of a cell's training jobs."""
        return [
            f"{self.results}/{cell.cohort}/runs/{cell.path}"
            f"/repeat-{job['repeat']}/seed-{job['seed']}/batch-{job['batch']}"
            for job in self.batches(cell)
        ]

    def records(self, cohort: str | None = None) -> list[dict[str, Any]]:
        """Return the cells (of one cohort) as records for scripts: names, caveat, weights."""
        return [
            asdict(cell)
            | {"caveat": self.caveat(cell), "weights": self.variant(cell.approach, cell.variant)["weights"]}
            for cell in self.cells
            if cohort in (None, cell.cohort)
        ]


def _check_excluded(cohort: str, exclude: dict[str, dict]) -> None:
    for modality, reasons in exclude.items():
        for patient_id in reasons:
            if not isinstance(patient_id, str):
                raise GlioBenchError(
                    f"the study's config, cohorts.{cohort}.exclude.{modality}: {patient_id!r} is no text; "
                    'write the patient id in quotes, as in "00123", or YAML reads a number.'
                )
