"""The study: what its config asks for, expanded into the grid of runs. Light to import: parsing needs it."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from gliobench import paths
from gliobench.cohorts.names import MEMBER_END
from gliobench.errors import GlioBenchError, nearest
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.settings.approaches import Protocol
from gliobench.settings.asked import Asked
from gliobench.settings.consistency import (
    check_images,
    check_input,
    check_known_sites,
    check_permuted,
    check_same_field,
    check_sites,
    check_spiked,
    check_tuned,
    check_visible,
)
from gliobench.settings.models import check_known
from gliobench.settings.study import Run
from gliobench.terms import (
    ALL,
    BASELINE,
    MAIN,
    MODALITIES,
    PERMUTATIONS,
    SEGMENTATION,
    SPIKED,
    TABLE,
    WITHIN_SITE,
    WITHOUT_PAPER,
    copies_in,
    copies_name,
    labels_of,
    spiked_labels,
    visible_cohort,
)

COPIES_OF_A_JOB = 25  # of a cohort, with other labels: a fit by scikit-learn is shorter than the start of its job
EXTERNAL = "external validation: each member of the union is tested with models trained on the others"
TWO_ALONE = "two collections say nothing of the variance between hospitals"


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
        return paths.CELL_FOLDER.format(**asdict(self))


def kind_of_labels(cohort: str) -> str:
    """Return the module of `gliobench.training.labels` that gives a cohort or its copies labels; ``own``: a table."""
    labels = labels_of(cohort)
    if labels in (PERMUTATIONS, WITHIN_SITE):
        return "permuted"
    return "spiked" if labels.startswith(f"{SPIKED}-") else "own"


class Study(Asked):
    """
    A checked study and the grid it spans.

    Parameters
    ----------
    config, root
        As for `Asked`.

    Raises
    ------
    GlioBenchError
        The config is wrong, or parts of it do not fit together.
    """

    in_part = False  # whether only the results so far are to be shown

    def input_name(self, cell: Cell) -> str:
        """Return the name of a cell's input: its approach, followed by the variant if that has one of its own."""
        return self.approaches[cell.approach].input_name(cell.variant)

    def input_of(self, cell: Cell) -> dict[str, Any]:
        """Return the settings of the array that a cell reads."""
        return self.input(cell.approach, cell.cohort, cell.variant)

    @cached_property
    def input_names(self) -> list[str]:
        """The names of all inputs that the study reads."""
        return list(dict.fromkeys(map(self.input_name, self.cells)))

    def field_cohorts(self, name: str) -> list[str]:
        """Return the cohorts used to choose the field of view of the grid of an input."""
        return list(self._grids_of_brains(name, self.cells))

    def _grids_of_brains(self, name: str, cells: Iterable[Cell]) -> dict[str, dict[str, Any]]:
        """Return the settings of an input by cohort, where it is a grid around the brain."""
        cohorts = dict.fromkeys(cell.cohort for cell in cells if self.input_name(cell) == name)
        inputs = {cohort: self.named_input(name, cohort) for cohort in cohorts}
        return {cohort: made for cohort, made in inputs.items() if made["kind"] == "grid" and made["around"] == "brain"}

    def excluded(self, cohort: str) -> dict[str, dict[str, str]]:
        """Return the reasons under a cohort's `exclude`, by series and patient; of a union, those of its members."""
        found: dict[str, dict[str, str]] = {}
        for member in self.members(cohort):
            prefix = "" if member == cohort else f"{member}{MEMBER_END}"
            for name, reasons in self.cohorts[member]["exclude"].items():
                own = {f"{prefix}{patient_id}": reason for patient_id, reason in reasons.items()}
                found.setdefault(name, {}).update(own)
        return found

    def reads_tables(self, approach: str) -> bool:
        """Whether an approach reads features in tables instead of images."""
        return bool(self.approaches[approach].file.input["kind"] == TABLE)

    def readable(self, approach: str, cohort: str) -> list[str]:
        """Return what of a cohort an approach can be trained on: its modalities, or its groups of features."""
        return self.features(cohort) if self.reads_tables(approach) else self.modalities(cohort)

    def series(self, cell: Cell) -> list[str]:
        """Return the series of a cell's inputs, in the order of their channels; or its groups of features."""
        if self.reads_tables(cell.approach):
            return self.features(cell.cohort) if cell.modality == ALL else [cell.modality]
        modalities = self.modalities(cell.cohort) if cell.modality == ALL else [cell.modality]
        ordered = [modality for modality in MODALITIES if modality in modalities]
        return ordered + [SEGMENTATION] * self.input_of(cell).get(SEGMENTATION, False)

    def made_series(self, name: str, cohort: str) -> list[str]:
        """
        Return the series of a cohort used in the input of that name.

        They are those in its YAML plus those in the study, so choosing another one from the YAML re-runs nothing.
        """
        approach, _ = self.input_owners[name]
        named, there = self.approaches[approach].file.modalities, self.modalities(cohort)
        if self.reads_tables(approach):
            return self.features(cohort)
        asked = self._asked_series[name, cohort]
        made = [each for each in MODALITIES if each in there and (ALL in named or each in named or each in asked)]
        return made + [SEGMENTATION] * self.named_input(name, cohort).get(SEGMENTATION, False)

    @cached_property
    def _asked_series(self) -> dict[tuple[str, str], set[str]]:
        """The series of all cells of an input and cohort."""
        found: dict[tuple[str, str], set[str]] = {}
        for cell in self.cells:
            found.setdefault((self.input_name(cell), cell.cohort), set()).update(self.series(cell))
        return found

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell of the grid, once, in config order; its settings are checked."""
        cells = list(self._permutations)
        for cell in cells:
            self._check(cell)
        for name in dict.fromkeys(map(self.input_name, cells)):
            check_same_field(self._grids_of_brains(name, cells), *self.input_owners[name])
        return cells

    @cached_property
    def drawn(self) -> list[Cell]:
        """The cells shown in figures: all, except in a partial report."""
        return self.cells

    def _check(self, cell: Cell) -> None:
        """Raise an error if a cell's settings are inconsistent."""
        where, scheme = f"runs, {cell.approach}", self.splits[self.scheme_name(cell)]
        series = self.cohort_series(cell.cohort)
        own = cell.variant if self.input_name(cell) != cell.approach else None
        check_input(self.input_of(cell), series, cell.cohort, cell.approach, own)
        if cell.approach == BASELINE:
            parameters = self.approaches[BASELINE].parameters_of(cell.variant)
            check_images(parameters, self.modalities(cell.cohort), cell.cohort, cell.variant)
        check_sites(scheme, self.cohorts[cell.cohort], cell.cohort, where)
        tuned = self.approaches[cell.approach].tuned(cell.variant)
        if tuned:
            check_tuned(scheme, cell.protocol, f"{where}: {cell.variant}")
        if cell in self._spiked:
            permutations = self._permutations[cell][PERMUTATIONS]
            check_spiked(self.cohorts[cell.cohort], permutations, BASELINE in self.approaches, where)
        if cell in self._visible:
            cohort, run = cell.cohort, f"{where}: {cell.variant}"
            check_visible(self.cohorts[cohort], self.segmented(cohort), self.modalities(cohort), tuned, run)
        if any(self._permutations[cell].values()):
            check_permuted(tuned, scheme, self.protocol(cell), f"{where}: {cell.variant} under {cell.protocol}")
        if self._permutations[cell][WITHIN_SITE]:
            check_known_sites(self.cohorts[cell.cohort], cell.cohort, f"{where}: `permutations_within_site`")

    @cached_property
    def _permutations(self) -> dict[Cell, dict[str, int]]:
        """Number of label permutations that each cell is asked for, among all patients and within sites."""
        counts: dict[Cell, dict[str, int]] = {}
        for run in self.file.runs:
            asked = {PERMUTATIONS: run.permutations or 0, WITHIN_SITE: run.permutations_within_site or 0}
            for cell in self._expand(run):
                before = counts.get(cell, dict.fromkeys(asked, 0))
                counts[cell] = {labels: max(before[labels], count) for labels, count in asked.items()}
        return counts

    @cached_property
    def _spiked(self) -> set[Cell]:
        """The cells with copies of drawn labels."""
        return {cell for run in self.file.runs if run.spiked for cell in self._expand(run)}

    @cached_property
    def _visible(self) -> set[Cell]:
        """The cells with copies whose labels the images show."""
        return {cell for run in self.file.runs if run.visible for cell in self._expand(run)}

    def spiked(self, cell: Cell) -> list[Cell]:
        """Return a cell's counterparts on the copies of its cohort with drawn labels; none if not requested."""
        if cell not in self._spiked:
            return []
        wanted = self.cohorts[cell.cohort]["spiked"]
        return [
            copy
            for oracle_auc in wanted["oracle_auc"]
            for copy in self._copies(cell, spiked_labels(oracle_auc), wanted["copies"])
        ]

    def _copies(self, cell: Cell, labels: str, count: int) -> list[Cell]:
        """Return a cell's counterparts on copies of its cohort, as many in one as a job trains."""
        most = COPIES_OF_A_JOB if self.approaches[cell.approach].file.toolchain == "sklearn" else 1
        starts = range(1, count + 1, most)
        sets = [range(first, min(first + most, count + 1)) for first in starts]
        return [replace(cell, cohort=copies_name(cell.cohort, labels, numbers)) for numbers in sets]

    @property
    def visible_schemes(self) -> list[str]:
        """The split schemes for copies whose labels the images show."""
        return list(dict.fromkeys(map(self.scheme_name, self.visible_cells)))

    @property
    def visible_cells(self) -> list[Cell]:
        """The cells with copies whose labels the images show, in config order."""
        return [cell for cell in self.cells if cell in self._visible]

    def visible(self, cell: Cell) -> list[Cell]:
        """Return a cell's counterparts on the copies of its cohort with visible labels; none if not requested."""
        names = self.cohorts[cell.cohort]["visible"] if cell in self._visible else {}
        return [replace(cell, cohort=visible_cohort(cell.cohort, name)) for name in names]

    def measures(self, cohort: str) -> list[tuple[str, str | None]]:
        """Return what is measured of a cohort's segmentations for its visible labels: region and textured series."""
        labels = self.cohorts[cohort]["visible"].values()
        asked = [(label["region"], label.get("texture")) for label in labels if label["source"] == SEGMENTATION]
        return list(dict.fromkeys(asked))

    def copies(self, cell: Cell) -> list[Cell]:
        """Return a cell's counterparts on all copies of its cohort with other labels."""
        return self.permuted(cell) + self.permuted(cell, WITHIN_SITE) + self.spiked(cell) + self.visible(cell)

    def permuted(self, cell: Cell, labels: str = PERMUTATIONS) -> list[Cell]:
        """Return a cell's counterparts on copies with labels permuted among all patients, or `WITHIN_SITE`."""
        return self._copies(cell, labels, self._permutations[cell][labels])

    def base_seeds(self, cohort: str) -> dict[str, int]:
        """Return the base seed of a cohort or copy by its name, or of each of some copies that one job trains."""
        return {name: self.cohort_seed(name) for name in copies_in(cohort)}

    def _expand(self, run: Run) -> Iterator[Cell]:
        where, approach = f"runs, {run.approach}", self.approaches[run.approach]
        usual = [MAIN] if MAIN in approach.file.variants else list(approach.file.variants)
        for cohort in run.cohorts or list(self._cohorts):
            check_known(cohort, self._cohorts, f"{where}: no cohort")
            for member in self.replicates_of.get(cohort, [cohort]):
                for variant in run.variants or usual:
                    self._check_variant(approach, variant)
                    for modality in run.modalities or approach.file.modalities:
                        self._check_modality(approach, modality, member, cohort)
                        for protocol in run.protocols:
                            check_known(protocol, approach.protocols(variant), f"{where}, {variant}: no protocol")
                            yield Cell(member, run.approach, variant, modality, protocol)

    def _check_variant(self, approach: StudyApproach, variant: str) -> None:
        if variant in approach.file.variants:
            return
        others = [name for name in self._all_variants if variant in self._all_variants[name]]
        hint = f"it is one of {' and '.join(others)}." if others else nearest(variant, approach.file.variants)
        raise GlioBenchError(f"runs, {approach.name}: no variant {variant!r}; {hint}")

    def _check_modality(self, approach: StudyApproach, modality: str, cohort: str, shown: str) -> None:
        where, parts = f"runs, {approach.name}", self.readable(approach.name, cohort)
        what, key = ("features", "features") if self.reads_tables(approach.name) else ("modality", "modalities")
        if not parts and modality == ALL and approach.name == BASELINE:
            return  # some of its variants need no image
        if not parts:
            raise GlioBenchError(f"{where}: cohort {shown} has no {key}; leave it out under `cohorts`.")
        if modality != ALL:
            check_known(modality, parts, f"{where}: cohort {shown} has no {what}")
        elif ALL not in approach.file.modalities:
            raise GlioBenchError(
                f"{where}: the approach reads one modality at a time; name modalities instead of `{ALL}`."
            )

    def job(self, cell: Cell, cohort: str | None = None) -> dict:
        """Return the common settings of a cell's training jobs as plain data; `cohort`: copies with other labels."""
        cohort, approach = cohort or cell.cohort, self.approaches[cell.approach]
        return {
            "cell": asdict(replace(cell, cohort=cohort)),
            "scheme": self.scheme_name(cell),
            "batches": self.splits[self.scheme_name(cell)].get("batches", 1),
            "seed": self.cohort_seed(cell.cohort),
            "phases": self.phases(cell.approach),
            "parameters": approach.parameters_of(cell.variant, cell.protocol, self.named(cell.cohort)),
            "weights": approach.weights(cell.variant),
            "part": self.protocol(cell).part,
            "toolchain": self.toolchain(cell.approach),
            "cohort_kind": self.cohorts[cell.cohort]["kind"],
            "input": self.input_of(cell),
            "series": self.series(cell),
        }

    def labels(self, cell: Cell, cohort: str) -> dict[str, Any]:
        """
        Return what training jobs read or draw labels by, as plain data, on the cell's cohort or on copies of it.

        The cohort's own labels are read from its tables; where the user's tables lie is no setting, and not here.
        """
        kind = kind_of_labels(cohort)
        labels: dict[str, Any] = {"kind": kind, "seeds": self.base_seeds(cohort)}
        if kind == "own":
            return labels
        labels["scheme"] = self.splits[self.scheme_name(cell)]
        if kind == "permuted":
            return labels | {"within_sites": labels_of(cohort) == WITHIN_SITE}
        oracle_auc = float(labels_of(cohort).removeprefix(f"{SPIKED}-"))
        return labels | {"quantity": self.cohorts[cell.cohort][SPIKED], "oracle_auc": oracle_auc}

    def scheme_name(self, cell: Cell) -> str:
        """Return the name of the cell's split scheme."""
        return self.protocol(cell).split

    def protocol(self, cell: Cell) -> Protocol:
        """Return the cell's protocol."""
        approach = self.approaches[cell.approach]
        protocol = approach.protocols(cell.variant)[cell.protocol]
        check_known(protocol.split, self.splits, f"{approach.yaml}: no split scheme")
        return protocol

    def caveat(self, cell: Cell) -> str | None:
        """Return the caveats of the cell's variant and protocol, and of leaving out members of a union; or None."""
        variant, scheme = self.approaches[cell.approach].variant(cell.variant), self.splits[self.scheme_name(cell)]
        caveats = [variant.caveat, self.protocol(cell).caveat, scheme.get("caveat")]
        members = self.members(cell.cohort)
        if len(members) > 1 and scheme["method"] == "sites":
            caveats.append(EXTERNAL)
            caveats += [TWO_ALONE] if len(members) == 2 else []
        return "; ".join(dict.fromkeys(caveat for caveat in caveats if caveat)) or None

    def fidelity(self, cell: Cell) -> str | None:
        """Say whether a cell has its paper's settings, as in the approach's YAML: None without a paper."""
        if cell.approach in WITHOUT_PAPER:
            return None
        published = cell.protocol.startswith("published")
        changed = self.file.settings.get(cell.approach) or (published and self.scheme_name(cell) in self.file.splits)
        return "changed" if changed else "paper"

    def training_jobs(self, cell: Cell) -> list[dict[str, int]]:
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
        return [f"{self.results}/{paths.RUN_FOLDER.format(**asdict(cell), **job)}" for job in self.training_jobs(cell)]

    def run_benchmarks(self, cell: Cell) -> list[str]:
        """Return the files with the cost of a cell's training jobs, in the order of their folders."""
        pattern = f"{self.results}/{paths.BENCHMARKS['train']}"
        return [pattern.format(**asdict(cell), **job) for job in self.training_jobs(cell)]

    def cell_facts(self, cohort: str | None = None) -> list[dict[str, Any]]:
        """Return the cells (of one cohort) as records for scripts: names, caveat, weights, settings, number of jobs."""
        return [
            asdict(cell)
            | {"caveat": self.caveat(cell), "weights": self.approaches[cell.approach].weights(cell.variant)}
            | {"n_jobs": len(self.training_jobs(cell)), "settings": self.fidelity(cell)}
            for cell in self.cells
            if cohort in (None, cell.cohort)
        ]
