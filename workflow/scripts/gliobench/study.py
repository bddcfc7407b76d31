"""The study: one config file, checked and expanded into the grid of runs. Light to import: parsing needs it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from gliobench.checks import check_counts, check_excluded, check_permuted, check_reference, check_tuned
from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed
from gliobench.settings import check, known, merge, nearest

MODALITIES = ("FLAIR", "T1w", "T1wCE", "T2w")
ALL = "all"  # every modality of a cohort: as channels, or as rows where the input is slices
SEGMENTATION, LESION = "segmentation", "lesion"  # series that are masks: the user's, the generator's
RESERVED = ("figures", "logs", "partial", "report", "tables")  # folders beside the cohorts'
PERMUTATIONS = "permutations"  # below a cohort's folder: its copies with permuted labels
EVERYWHERE = {"leave-one-site-out": {"split": "leave-one-site-out"}}  # protocols that every approach offers
GENERATED = {"synthetic": "rsna", "synthetic-brainstem": "brainstem"}  # kind of a generated cohort: what it is like


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


def permuted_cohort(cohort: str, number: int) -> str:
    """Return the name of a cohort's copy with permuted labels: it shares all but labels, splits and runs."""
    return f"{cohort}/{PERMUTATIONS}/{number:03}"


def parent_cohort(cohort: str) -> str:
    """Return the cohort that a copy with permuted labels is made of; of any other cohort, itself."""
    return cohort.split("/")[0]


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
        self.device: str = config.get("device", "auto")
        self.deterministic: bool = config.get("deterministic", False)
        for cohort, settings in config["cohorts"].items():
            if not isinstance(cohort, str):
                raise GlioBenchError(f"the study's config, cohorts: {cohort!r} is no text; write the name in quotes.")
            if cohort in RESERVED:
                raise GlioBenchError(
                    f"the study's config, cohorts: {cohort!r} cannot be a cohort, for {self.results}/{cohort} holds "
                    "something else; give it another name."
                )
            check_excluded(cohort, settings.get("exclude", {}))
            if settings["kind"] in GENERATED:
                where = f"the study's config, cohorts.{cohort}.generator"
                check(settings.get("generator", {}), settings["kind"], where)

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Names of the replicates of each replicated cohort."""
        return {
            name: [f"{name}-{number:02}" for number in range(1, settings["replicates"] + 1)]
            for name, settings in self.config["cohorts"].items()
            if "replicates" in settings
        }

    @cached_property
    def sensitivity(self) -> dict[str, list[str]]:
        """Replicates of each cohort that ``sensitivity`` names, in its order: groups of growing signal."""
        for name in self.config.get("sensitivity", []):
            known(name, self.config["cohorts"], "sensitivity: no cohort")
            if name not in self.groups:
                raise GlioBenchError(
                    f"sensitivity: cohort {name!r} is single; a level is several cohorts: give it `replicates`."
                )
        return {name: self.groups[name] for name in self.config.get("sensitivity", [])}

    @cached_property
    def cohorts(self) -> dict[str, dict]:
        """Settings of every cohort, replicates written out, each with its own base seed under ``seed``."""
        return {
            member: settings | {"seed": self.cohort_seed(member)}
            for name, settings in self.config["cohorts"].items()
            for member in self.groups.get(name, [name])
        }

    def cohort_seed(self, cohort: str) -> int:
        """Return the base seed of a cohort, or of its copy with permuted labels."""
        return derive_seed(self.seed, "cohort", cohort)

    def modalities(self, cohort: str) -> list[str]:
        """Return the modalities of a cohort, as the config names them."""
        settings = self.cohorts[cohort]
        return settings.get("modalities", settings.get("generator", {}).get("modalities", list(MODALITIES)))

    def segmented(self, cohort: str) -> bool:
        """Whether a cohort's patients have a segmentation beside their modalities."""
        settings = self.cohorts[cohort]
        return settings["kind"].endswith("brainstem") or settings.get("segmentation", False)

    def cohort_series(self, cohort: str) -> list[str]:
        """Return the series that a cohort has of each patient: its modalities, and the segmentation after them."""
        return self.modalities(cohort) + [SEGMENTATION] * self.segmented(cohort)

    def generated(self, cohort: str) -> bool:
        """Whether a cohort is made by the study itself."""
        return self.cohorts[cohort]["kind"] in GENERATED

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

    def _all_approaches(self) -> list[str]:
        return sorted(path.stem for path in (self.root / "config" / "approaches").glob("*.yaml"))

    def _read_approach(self, name: str) -> dict:
        path = self.root / "config" / "approaches" / f"{name}.yaml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        check(settings, "approach", f"config/approaches/{name}.yaml")
        return settings

    def _load_approach(self, name: str) -> dict:
        there = self._all_approaches()
        if name not in there:
            raise GlioBenchError(f"There is no approach {name!r} in config/approaches; {nearest(name, there)}")
        settings = self._read_approach(name)
        changes = self.config.get("settings", {}).get(name, {})
        for part in ("input", "parameters", "tuning"):
            if part in settings or part in changes:
                settings[part] = merge(settings.get(part, {}), changes.get(part, {}), f"settings.{name}.{part}")
        for kind, own in changes.get("input_for", {}).items():
            settings.setdefault("input_for", {}).setdefault(kind, {}).update(own)
        settings["weights"] = changes.get("weights", settings.get("weights", "none"))
        check(settings, "approach", f"settings.{name}")
        return settings

    def input(self, approach: str, cohort: str) -> dict:
        """Return the settings of the array that an approach reads of a cohort."""
        settings = self.approaches[approach]
        changes = settings.get("input_for", {}).get("brainstem" if self.segmented(cohort) else "rsna", {})
        return merge(settings["input"], changes, f"config/approaches/{approach}.yaml, input_for")

    def series(self, cell: Cell) -> list[str]:
        """Return the series that a cell's inputs are made of, in the order of their channels."""
        modalities = self.modalities(cell.cohort) if cell.modality == ALL else [cell.modality]
        ordered = [modality for modality in MODALITIES if modality in modalities]
        return ordered + [SEGMENTATION] * self.input(cell.approach, cell.cohort).get(SEGMENTATION, False)

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
        cells = list(self._permutations)
        for cell in cells:
            self._check(cell)
        return cells

    def _check(self, cell: Cell) -> None:
        """Raise a sentence where a cell's settings do not fit together."""
        where, scheme = f"runs, {cell.approach}", self.splits[self.scheme_name(cell)]
        check_counts(self.parameters(cell), f"{where}, {cell.variant}: ")
        reference = self.input(cell.approach, cell.cohort).get("reference")
        check_reference(reference, self.modalities(cell.cohort), cell.cohort, cell.approach)
        tuned = self.variant(cell.approach, cell.variant)["tuned"]
        if tuned:
            check_tuned(scheme, cell.protocol, f"{where}: {cell.variant}")
        if self._permutations[cell]:
            check_permuted(tuned, scheme, self.protocol(cell), f"{where}: {cell.variant} under {cell.protocol}")

    @cached_property
    def _permutations(self) -> dict[Cell, int]:
        """How many permutations of the labels the config asks of each cell; 0 where it does not say."""
        counts: dict[Cell, int] = {}
        for run in self.config["runs"]:
            for cell in self._expand(run):
                counts[cell] = max(counts.get(cell, 0), run.get("permutations", 0))
        return counts

    @property
    def most_permutations(self) -> int:
        """The number of copies with permuted labels that a cohort of this study needs at most."""
        return max(self._permutations.values())

    def permuted(self, cell: Cell) -> list[Cell]:
        """Return a cell's counterparts on the copies of its cohort with permuted labels; none if not asked for."""
        numbers = range(1, self._permutations[cell] + 1)
        return [replace(cell, cohort=permuted_cohort(cell.cohort, number)) for number in numbers]

    def _expand(self, run: dict) -> Iterator[Cell]:
        name = run["approach"]
        where = f"runs, {name}"
        for cohort in run.get("cohorts", list(self.config["cohorts"])):
            known(cohort, self.config["cohorts"], f"{where}: no cohort")
            for member in self.groups.get(cohort, [cohort]):
                for variant in run.get("variants", self._usual_variants(name)):
                    self._check_variant(name, variant)
                    for modality in run.get("modalities", self.approaches[name]["modalities"]):
                        self._check_modality(name, modality, member, cohort)
                        for protocol in run.get("protocols", ["harmonised"]):
                            known(protocol, self._protocols(name, variant), f"{where}, {variant}: no protocol")
                            yield Cell(member, name, variant, modality, protocol)

    def _check_variant(self, approach: str, variant: str) -> None:
        variants = self.approaches[approach]["variants"]
        if variant in variants:
            return
        others = [name for name in self._all_approaches() if variant in self._read_approach(name)["variants"]]
        where = f"it is one of {' and '.join(others)}." if others else nearest(variant, variants)
        raise GlioBenchError(f"runs, {approach}: no variant {variant!r}; {where}")

    def _usual_variants(self, approach: str) -> list[str]:
        variants = self.approaches[approach]["variants"]
        return ["main"] if "main" in variants else list(variants)

    def _check_modality(self, approach: str, modality: str, cohort: str, shown: str) -> None:
        where = f"runs, {approach}"
        if modality != ALL:
            known(modality, self.modalities(cohort), f"{where}: cohort {shown} has no modality")
        elif ALL not in self.approaches[approach]["modalities"]:
            raise GlioBenchError(f"{where}: it reads one modality at a time; name modalities instead of `{ALL}`.")

    def variant(self, approach: str, variant: str) -> dict:
        """Return a variant's settings: weights, parameters and whether they are tuned."""
        base = self.approaches[approach]
        own = base["variants"][variant]
        where = f"config/approaches/{approach}.yaml, variants.{variant}.parameters"
        return {
            "weights": own.get("weights", base["weights"]),
            "parameters": merge(base["parameters"], own.get("parameters", {}), where),
            "tuned": own.get("tuned", False),
        }

    def parameters(self, cell: Cell) -> dict:
        """Return the hyperparameters of a cell: the variant's, with the protocol's changes."""
        where = f"config/approaches/{cell.approach}.yaml, protocols.{cell.protocol}.parameters"
        changes = self.protocol(cell).get("parameters", {})
        return merge(self.variant(cell.approach, cell.variant)["parameters"], changes, where)

    @property
    def machine(self) -> dict:
        """The device that trainings ask for, and whether they must repeat exactly on a GPU."""
        return {"device": self.device, "deterministic": self.deterministic}

    def job(self, cell: Cell, cohort: str | None = None) -> dict:
        """Return what every training job of a cell shares, as plain data; `cohort`: a copy with permuted labels."""
        cohort = cohort or cell.cohort
        return {
            "cell": asdict(replace(cell, cohort=cohort)),
            "input": self.input(cell.approach, cell.cohort)["kind"],
            "scheme": self.scheme_name(cell),
            "batches": self.splits[self.scheme_name(cell)].get("batches", 1),
            "seed": self.cohort_seed(cohort),
            "phases": self.phases(cell.approach),
            "parameters": self.parameters(cell),
            "weights": self.variant(cell.approach, cell.variant)["weights"],
            "part": self.protocol(cell).get("part"),
            "needs": self.needs(cell),
        }

    def needs(self, cell: Cell) -> dict[str, Any]:
        """Return what the models of a cell need to read a new patient."""
        return {
            "toolchain": self.approaches[cell.approach]["toolchain"],
            "cohort_kind": self.cohorts[cell.cohort]["kind"],
            "input": self.input(cell.approach, cell.cohort),
            "series": self.series(cell),
        }

    def phases(self, approach: str) -> list[str]:
        """Return the scored states of an approach's trainings, in their order."""
        return self.approaches[approach].get("phases", ["final"])

    def scheme_name(self, cell: Cell) -> str:
        """Return the name of the cell's split scheme."""
        return self.protocol(cell)["split"]

    def _protocols(self, approach: str, variant: str) -> dict:
        settings = self.approaches[approach]
        return EVERYWHERE | settings["protocols"] | settings["variants"][variant].get("protocols", {})

    def protocol(self, cell: Cell) -> dict:
        """Return the cell's protocol: split, and where it has them part, caveat and parameters."""
        protocol = self._protocols(cell.approach, cell.variant)[cell.protocol]
        known(protocol["split"], self.splits, f"config/approaches/{cell.approach}.yaml: no split scheme")
        return protocol

    def caveat(self, cell: Cell) -> str | None:
        """Return what a reader must know of the cell's variant and protocol, or None."""
        variant = self.approaches[cell.approach]["variants"][cell.variant]
        scheme = self.splits[self.scheme_name(cell)]
        caveats = [part["caveat"] for part in (variant, self.protocol(cell), scheme) if "caveat" in part]
        return "; ".join(dict.fromkeys(caveats)) or None

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
