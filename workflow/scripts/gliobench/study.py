"""The study: one config file, checked and expanded into the grid of runs. Light to import: parsing needs it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gliobench.errors import GlioBenchError, nearest
from gliobench.seeds import derive_seed
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.settings.approaches import Approach, Protocol
from gliobench.settings.cohorts import KINDS
from gliobench.settings.files import read_config
from gliobench.settings.fit import check_cohort_names, check_input, check_permuted, check_sites, check_tuned
from gliobench.settings.models import check, check_kind, known, merge
from gliobench.settings.splits import METHODS
from gliobench.settings.study import Run, StudyFile
from gliobench.terms import ALL, BASELINE, GENERATED, MODALITIES, SEGMENTATION, permuted_cohort

RESERVED = ("fields", "figures", "logs", "partial", "report", "tables")  # folders next to the cohorts'
CONFIG = "the study's config"


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
        The config is wrong: an unknown key or name, a value of a wrong type or out of range, or inconsistent settings.
    """

    def __init__(self, config: dict, root: Path):
        self.config = config
        self.file = check(StudyFile, config, CONFIG)
        self.root = root
        self.name = self.file.study
        self.results = f"results/{self.name}"
        self.seed = self.file.seed
        self.seeds = self.file.seeds
        self.bootstrap = self.file.bootstrap
        self.device = self.file.device
        self.deterministic = self.file.deterministic
        self.portable = self.file.portable
        self.decoded = self.file.decoded
        self.in_part = False  # whether to use only existing results
        check_cohort_names(list(self.file.cohorts), self.groups, RESERVED)

    @cached_property
    def _cohorts(self) -> dict[str, dict[str, Any]]:
        """Settings of every cohort of the file, complete."""
        return {
            name: check_kind(KINDS, "kind", settings, f"{CONFIG}, cohorts.{name}").model_dump(exclude_none=True)
            for name, settings in self.file.cohorts.items()
        }

    @cached_property
    def groups(self) -> dict[str, list[str]]:
        """Names of the replicates of each replicated cohort."""
        return {
            name: [f"{name}-{number:02}" for number in range(1, settings["replicates"] + 1)]
            for name, settings in self._cohorts.items()
            if "replicates" in settings
        }

    @cached_property
    def sensitivity(self) -> dict[str, list[str]]:
        """Replicates of each cohort named in ``sensitivity``, in that order: groups of increasing signal."""
        levels = self.file.sensitivity or []
        for name in levels:
            known(name, self._cohorts, f"{CONFIG}, sensitivity: no cohort")
            if name not in self.groups:
                raise GlioBenchError(
                    f"{CONFIG}, sensitivity: cohort {name!r} is a single cohort, but a level needs several: "
                    "give it `replicates`."
                )
        return {name: self.groups[name] for name in levels}

    @cached_property
    def cohorts(self) -> dict[str, dict]:
        """Settings of every cohort, replicates expanded, each with its own base seed under ``seed``."""
        return {
            member: settings | {"seed": self.cohort_seed(member)}
            for name, settings in self._cohorts.items()
            for member in self.groups.get(name, [name])
        }

    def cohort_seed(self, cohort: str) -> int:
        """Return the base seed of a cohort, or of its copy with permuted labels."""
        return derive_seed(self.seed, "cohort", cohort)

    def modalities(self, cohort: str) -> list[str]:
        """Return the modalities of a cohort, as the config names them."""
        settings = self.cohorts[cohort]
        return settings.get("modalities") or settings["generator"].get("modalities", list(MODALITIES))

    def segmented(self, cohort: str) -> bool:
        """Whether a cohort's patients have a segmentation in addition to their modalities."""
        settings = self.cohorts[cohort]
        return settings["kind"].endswith("brainstem") or settings.get("segmentation", False)

    def cohort_series(self, cohort: str) -> list[str]:
        """Return the series of each patient of a cohort: its modalities, followed by the segmentation."""
        return self.modalities(cohort) + [SEGMENTATION] * self.segmented(cohort)

    def generated(self, cohort: str) -> bool:
        """Whether a cohort is made by the study itself."""
        return self.cohorts[cohort]["kind"] in GENERATED

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of every cohort."""
        return {name: settings["kind"] for name, settings in self.cohorts.items()}

    @cached_property
    def approaches(self) -> dict[str, StudyApproach]:
        """Every approach that the study runs, with the study's changes made."""
        there = {path.stem: path for path in sorted((self.root / "config" / "approaches").glob("*.yaml"))}
        names = sorted({run.approach for run in self.file.runs})
        for name in names:
            if name not in there:
                raise GlioBenchError(f"There is no approach {name!r} in config/approaches; {nearest(name, there)}")
        for name in self.file.settings:
            if name not in names:
                raise GlioBenchError(
                    f"{CONFIG}, settings.{name}: the study runs no approach with this name; {nearest(name, names)}"
                )
        return {name: StudyApproach(there[name], self.file.settings.get(name)) for name in names}

    @cached_property
    def tunings(self) -> dict[str, dict[str, Any] | None]:
        """How each approach searches for hyperparameters, if it does."""
        return {name: approach.tuning for name, approach in self.approaches.items()}

    def input(self, approach: str, cohort: str) -> dict[str, Any]:
        """Return the settings of the array that an approach reads of a cohort."""
        return self.approaches[approach].input(self.segmented(cohort))

    def field_cohorts(self, approach: str) -> list[str]:
        """Return the cohorts used to choose the field of view of an approach's grid."""
        cohorts = dict.fromkeys(cell.cohort for cell in self.cells if cell.approach == approach)
        return [cohort for cohort in cohorts if self.input(approach, cohort).get("around") == "brain"]

    def series(self, cell: Cell) -> list[str]:
        """Return the series of a cell's inputs, in the order of their channels."""
        modalities = self.modalities(cell.cohort) if cell.modality == ALL else [cell.modality]
        ordered = [modality for modality in MODALITIES if modality in modalities]
        return ordered + [SEGMENTATION] * self.input(cell.approach, cell.cohort).get(SEGMENTATION, False)

    def made_series(self, approach: str, cohort: str) -> list[str]:
        """
        Return the series of a cohort used in an approach's inputs.

        They are those in its YAML plus those in the study, so choosing another one from the YAML re-runs nothing.
        """
        named = self.approaches[approach].file.modalities
        asked = {
            name
            for cell in self.cells
            if (cell.approach, cell.cohort) == (approach, cohort)
            for name in self.series(cell)
        }
        there = self.modalities(cohort)
        names = [name for name in MODALITIES if name in there and (ALL in named or name in named or name in asked)]
        return names + [SEGMENTATION] * self.input(approach, cohort).get(SEGMENTATION, False)

    @cached_property
    def splits(self) -> dict[str, dict]:
        """Split schemes by name, with the study's changes made."""
        where = "config/splits.yaml"
        given = read_config(self.root / where, where)
        schemes = {
            name: check_kind(METHODS, "method", scheme, f"{where}, {name}").model_dump(exclude_none=True)
            for name, scheme in given.items()
        }
        for name, changes in self.file.splits.items():
            known(name, schemes, f"{CONFIG}, splits: there is no scheme in {where} called")
            changed = check(METHODS[schemes[name]["method"]], merge(schemes[name], changes), f"{CONFIG}, splits.{name}")
            schemes[name] = changed.model_dump(exclude_none=True)
        return schemes

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell of the grid, once, in config order; its settings are checked."""
        cells = list(self._permutations)
        for cell in cells:
            self._check(cell)
        return cells

    @cached_property
    def drawn(self) -> list[Cell]:
        """The cells shown in figures: all, except in a partial report."""
        return self.cells

    def _check(self, cell: Cell) -> None:
        """Raise an error if a cell's settings are inconsistent."""
        where, scheme = f"runs, {cell.approach}", self.splits[self.scheme_name(cell)]
        series = self.cohort_series(cell.cohort)
        check_input(self.input(cell.approach, cell.cohort), series, cell.cohort, cell.approach)
        check_sites(scheme, self.cohorts[cell.cohort], cell.cohort, where)
        tuned = self.variant(cell.approach, cell.variant)["tuned"]
        if tuned:
            check_tuned(scheme, cell.protocol, f"{where}: {cell.variant}")
        if self._permutations[cell]:
            check_permuted(tuned, scheme, self.protocol(cell), f"{where}: {cell.variant} under {cell.protocol}")

    @cached_property
    def _permutations(self) -> dict[Cell, int]:
        """Number of label permutations in the config for each cell; 0 if not given."""
        counts: dict[Cell, int] = {}
        for run in self.file.runs:
            for cell in self._expand(run):
                counts[cell] = max(counts.get(cell, 0), run.permutations or 0)
        return counts

    @property
    def permuted_schemes(self) -> list[str]:
        """The split schemes for copies with permuted labels."""
        return list(dict.fromkeys(self.scheme_name(cell) for cell, count in self._permutations.items() if count))

    def permuted(self, cell: Cell) -> list[Cell]:
        """Return a cell's counterparts on the copies of its cohort with permuted labels; none if not requested."""
        numbers = range(1, self._permutations[cell] + 1)
        return [replace(cell, cohort=permuted_cohort(cell.cohort, number)) for number in numbers]

    def _expand(self, run: Run) -> Iterator[Cell]:
        where, approach = f"runs, {run.approach}", self.approaches[run.approach]
        usual = ["main"] if "main" in approach.file.variants else list(approach.file.variants)
        for cohort in run.cohorts or list(self._cohorts):
            known(cohort, self._cohorts, f"{where}: no cohort")
            for member in self.groups.get(cohort, [cohort]):
                for variant in run.variants or usual:
                    self._check_variant(approach, variant)
                    for modality in run.modalities or approach.file.modalities:
                        self._check_modality(approach, modality, member, cohort)
                        for protocol in run.protocols:
                            known(protocol, approach.protocols(variant), f"{where}, {variant}: no protocol")
                            yield Cell(member, run.approach, variant, modality, protocol)

    def _check_variant(self, approach: StudyApproach, variant: str) -> None:
        if variant in approach.file.variants:
            return
        others = [name for name in self._all_variants if variant in self._all_variants[name]]
        hint = f"it is one of {' and '.join(others)}." if others else nearest(variant, approach.file.variants)
        raise GlioBenchError(f"runs, {approach.name}: no variant {variant!r}; {hint}")

    @cached_property
    def _all_variants(self) -> dict[str, list[str]]:
        """The variants of every existing approach."""
        files = sorted((self.root / "config" / "approaches").glob("*.yaml"))
        read = {path.stem: check(Approach, read_config(path, path.name), path.name) for path in files}
        return {name: list(approach.variants) for name, approach in read.items()}

    def _check_modality(self, approach: StudyApproach, modality: str, cohort: str, shown: str) -> None:
        where = f"runs, {approach.name}"
        if modality != ALL:
            known(modality, self.modalities(cohort), f"{where}: cohort {shown} has no modality")
        elif ALL not in approach.file.modalities:
            raise GlioBenchError(
                f"{where}: the approach reads one modality at a time; name modalities instead of `{ALL}`."
            )

    def variant(self, approach: str, variant: str) -> dict[str, Any]:
        """Return a variant's settings: weights, parameters and whether they are tuned."""
        settings = self.approaches[approach]
        return {
            "weights": settings.weights(variant),
            "parameters": settings.parameters_of(variant),
            "tuned": settings.variant(variant).tuned,
        }

    def parameters(self, cell: Cell) -> dict[str, Any]:
        """Return the hyperparameters of a cell: the variant's, with the protocol's changes."""
        return self.approaches[cell.approach].parameters_of(cell.variant, cell.protocol)

    @property
    def machine(self) -> dict:
        """The device for trainings, and whether they must repeat exactly on a GPU."""
        return {"device": self.device, "deterministic": self.deterministic}

    def job(self, cell: Cell, cohort: str | None = None) -> dict:
        """Return the common settings of a cell's training jobs as plain data; `cohort`: a copy with permuted labels."""
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
            "part": self.protocol(cell).part,
            "needs": self.needs(cell),
        }

    def needs(self, cell: Cell) -> dict[str, Any]:
        """Return what the models of a cell need to read a new patient."""
        return {
            "toolchain": self.approaches[cell.approach].file.toolchain,
            "cohort_kind": self.cohorts[cell.cohort]["kind"],
            "input": self.input(cell.approach, cell.cohort),
            "series": self.series(cell),
        }

    def phases(self, approach: str) -> list[str]:
        """Return the scored states of an approach's trainings, in their order."""
        return list(self.approaches[approach].file.phases)

    def scheme_name(self, cell: Cell) -> str:
        """Return the name of the cell's split scheme."""
        return self.protocol(cell).split

    def protocol(self, cell: Cell) -> Protocol:
        """Return the cell's protocol."""
        approach = self.approaches[cell.approach]
        protocol = approach.protocols(cell.variant)[cell.protocol]
        known(protocol.split, self.splits, f"{approach.yaml}: no split scheme")
        return protocol

    def caveat(self, cell: Cell) -> str | None:
        """Return the caveats of the cell's variant and protocol, or None."""
        variant = self.approaches[cell.approach].variant(cell.variant)
        caveats = [variant.caveat, self.protocol(cell).caveat, self.splits[self.scheme_name(cell)].get("caveat")]
        return "; ".join(dict.fromkeys(caveat for caveat in caveats if caveat)) or None

    def fidelity(self, cell: Cell) -> str | None:
        """Say whether a cell has its paper's settings, as the approach's YAML has them: None for a baseline."""
        if cell.approach == BASELINE:
            return None
        published = cell.protocol.startswith("published")
        changed = self.file.settings.get(cell.approach) or (published and self.scheme_name(cell) in self.file.splits)
        return "changed" if changed else "paper"

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

    def run_benchmarks(self, cell: Cell) -> list[str]:
        """Return the files with the cost of a cell's training jobs, in the order of their folders."""
        return [
            f"{self.results}/{cell.cohort}/benchmarks/runs/{cell.path}"
            f"/repeat-{job['repeat']}_seed-{job['seed']}_batch-{job['batch']}.tsv"
            for job in self.batches(cell)
        ]

    def records(self, cohort: str | None = None) -> list[dict[str, Any]]:
        """Return the cells (of one cohort) as records for scripts: names, caveat, weights, settings, number of jobs."""
        return [
            asdict(cell)
            | {"caveat": self.caveat(cell), "weights": self.variant(cell.approach, cell.variant)["weights"]}
            | {"n_runs": len(self.batches(cell)), "settings": self.fidelity(cell)}
            for cell in self.cells
            if cohort in (None, cell.cohort)
        ]
