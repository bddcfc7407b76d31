"""What a config asks for: cohorts, approaches and split schemes, checked. Light to import: parsing needs it."""

from functools import cached_property
from pathlib import Path
from typing import Any

from gliobench.cohorts.names import LABEL_COLUMNS, MEMBER_END
from gliobench.errors import GlioBenchError, nearest
from gliobench.seeds import derive_seed
from gliobench.settings.approach_of_study import StudyApproach
from gliobench.settings.approaches import Approach
from gliobench.settings.cohorts import KINDS
from gliobench.settings.consistency import check_cohort_names, check_members
from gliobench.settings.files import read_config
from gliobench.settings.models import check, check_kind, check_known, merge
from gliobench.settings.splits import METHODS
from gliobench.settings.study import StudyFile
from gliobench.terms import GENERATED, MODALITIES, OF_PAPERS, SEGMENTATION

RESERVED = ("estimate", "fields", "figures", "logs", "partial", "report", "tables")  # folders next to the cohorts'
CONFIG = "the study's config"
KERAS = "keras"  # a toolchain that is the framework of the study's `backend`


class Asked:
    """
    What a config asks for.

    Parameters
    ----------
    config : dict
        The study file's content.
    root : Path
        The project's folder, where ``config/`` lies.

    Raises
    ------
    GlioBenchError
        The config is wrong: an unknown key or name, a value of another type or out of range.
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
        self.backend: str = self.file.backend  # of Keras; `gliobench.backends.resolve` says what `auto` is
        self.deterministic = self.file.deterministic
        self.portable = self.file.portable
        self.decoded = self.file.decoded
        self.show_images = self.file.show_images
        check_cohort_names(list(self.file.cohorts), self.replicates_of, RESERVED)

    @cached_property
    def _cohorts(self) -> dict[str, dict[str, Any]]:
        """Settings of every cohort of the file, complete."""
        return {
            name: check_kind(KINDS, "kind", settings, f"{CONFIG}, cohorts.{name}").model_dump(exclude_none=True)
            for name, settings in self.file.cohorts.items()
        }

    @cached_property
    def replicates_of(self) -> dict[str, list[str]]:
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
            check_known(name, self._cohorts, f"{CONFIG}, sensitivity: no cohort")
            if name not in self.replicates_of:
                raise GlioBenchError(
                    f"{CONFIG}, sensitivity: cohort {name!r} is a single cohort, but a level needs several: "
                    "give it `replicates`."
                )
        return {name: self.replicates_of[name] for name in levels}

    @cached_property
    def cohorts(self) -> dict[str, dict]:
        """Settings of every cohort, replicates expanded, each with its own base seed under ``seed``."""
        check_members(self._cohorts, self.replicates_of)
        return {
            member: {key: settings[key] for key in settings if key != "replicates"} | {"seed": self.cohort_seed(member)}
            for name, settings in self._cohorts.items()
            for member in self.replicates_of.get(name, [name])
        }

    def cohort_seed(self, cohort: str) -> int:
        """Return the base seed of a cohort, or of a copy of it with other labels."""
        return derive_seed(self.seed, "cohort", cohort)

    def modalities(self, cohort: str) -> list[str]:
        """Return the modalities of a cohort, as the config names them."""
        settings = self.cohorts[cohort]
        if "members" in settings:
            shared = [set(self.modalities(member)) for member in settings["members"]]
            return [name for name in MODALITIES if all(name in names for names in shared)]
        if "modalities" in settings:
            return list(settings["modalities"])
        return list(settings["generator"].get("modalities", MODALITIES))

    def features(self, cohort: str) -> list[str]:
        """Return the groups of features of a cohort, as the config names them; of a union those that all have."""
        settings = self.cohorts[cohort]
        if "members" in settings:
            named = [self._named_features(member) for member in settings["members"]]
            return [group for group in named[0] if all(each.get(group) == named[0][group] for each in named)]
        return list(settings.get("features", {}))

    def _named_features(self, cohort: str) -> dict[str, list[set[str]]]:
        """Return the groups of features whose columns have names of their own: those of numbers and of categories."""
        groups = self.cohorts[cohort].get("features", {})
        parts = {name: [group["numbers"], group["categories"]] for name, group in groups.items()}
        return {
            name: [set(each) for each in both]
            for name, both in parts.items()
            if all(isinstance(each, dict) or not each for each in both)
        }

    def members(self, cohort: str) -> list[str]:
        """Return the cohorts that a cohort is the union of, itself for any other."""
        return list(self.cohorts[cohort].get("members", [cohort]))

    @property
    def all_features(self) -> list[str]:
        """The groups of features of all cohorts, each once."""
        return list(dict.fromkeys(name for cohort in self.cohorts for name in self.features(cohort)))

    def feature_sources(self, cohort: str) -> dict[str, list[dict[str, Any]]]:
        """
        Return what is read of each group of features of a cohort, as plain data for jobs.

        Returns
        -------
        dict
            By group a list with one entry per member: ``table``, ``id``, ``numbers``, ``categories`` as in the config;
            ``folder``: what paths are relative to; ``prefix``: of patient ids in a union; ``label_columns``: those that
            cannot be features.
        """
        members = self.members(cohort)
        return {
            name: [
                self._source(member, name, f"{member}{MEMBER_END}" if members != [cohort] else "") for member in members
            ]
            for name in self.features(cohort)
        }

    def _source(self, cohort: str, group: str, prefix: str) -> dict[str, Any]:
        settings = self.cohorts[cohort]
        return settings["features"][group] | {
            "folder": self.folder(cohort),
            "prefix": prefix,
            "label_columns": LABEL_COLUMNS[settings["kind"], settings.get("label", "mgmt")],
        }

    def folder(self, cohort: str) -> str:
        """Return what paths of a cohort that is read in place are relative to."""
        settings = self.cohorts[cohort]
        return settings["path"] if "path" in settings else str(Path(settings["table"]).parent)

    def segmented(self, cohort: str) -> bool:
        """Whether a cohort's patients have a segmentation in addition to their modalities."""
        settings = self.cohorts[cohort]
        if "members" in settings:
            return all(self.segmented(member) for member in settings["members"])
        where = settings.get("generator", settings)
        return settings["kind"].endswith("brainstem") or where.get("segmentation", False)

    def cohort_series(self, cohort: str) -> list[str]:
        """Return the series of each patient of a cohort: its modalities, followed by the segmentation."""
        return self.modalities(cohort) + [SEGMENTATION] * self.segmented(cohort)

    def generated(self, cohort: str) -> bool:
        """Whether a cohort is made by the study itself."""
        return self.cohorts[cohort]["kind"] in GENERATED

    @property
    def own(self) -> bool:
        """Whether the study is of patients other than the papers': it has real cohorts, and none is a paper's own."""
        real = set(self.kinds.values()) - set(GENERATED)
        return bool(real) and real.isdisjoint(OF_PAPERS)

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
        for name, changes in self.file.settings.items():
            for cohort in changes.on_cohort:
                check_known(cohort, self._cohorts, f"{CONFIG}, settings.{name}.on_cohort: no cohort")
        return {name: StudyApproach(there[name], self.file.settings.get(name)) for name in names}

    def input(self, approach: str, cohort: str, variant: str | None = None) -> dict[str, Any]:
        """Return the settings of the array that an approach, or a variant of it, reads of a cohort."""
        return self.approaches[approach].input(self.segmented(cohort), self.named(cohort), variant)

    @cached_property
    def input_owners(self) -> dict[str, tuple[str, str | None]]:
        """By the name of an input: its approach, and the variant that it is made for, None for the approach's own."""
        owners: dict[str, tuple[str, str | None]] = {}
        for name, approach in self.approaches.items():
            owners[name] = (name, None)
            for variant in approach.file.variants:
                owners.setdefault(approach.input_name(variant), (name, variant))
        return owners

    def named_input(self, name: str, cohort: str) -> dict[str, Any]:
        """Return the settings of the input of that name."""
        approach, variant = self.input_owners[name]
        return self.input(approach, cohort, variant)

    def named(self, cohort: str) -> str:
        """Return the name that the config gives a cohort: that of its group if it is one of several replicates."""
        return next((name for name, members in self.replicates_of.items() if cohort in members), cohort)

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
            check_known(name, schemes, f"{CONFIG}, splits: there is no scheme in {where} called")
            changed = check(METHODS[schemes[name]["method"]], merge(schemes[name], changes), f"{CONFIG}, splits.{name}")
            schemes[name] = changed.model_dump(exclude_none=True)
        return schemes

    @cached_property
    def _all_variants(self) -> dict[str, list[str]]:
        """The variants of every existing approach."""
        files = sorted((self.root / "config" / "approaches").glob("*.yaml"))
        read = {path.stem: check(Approach, read_config(path, path.name), path.name) for path in files}
        return {name: list(approach.variants) for name, approach in read.items()}

    @property
    def machine(self) -> dict:
        """The device for trainings, and whether they must repeat exactly on a GPU."""
        return {"device": self.device, "deterministic": self.deterministic}

    def toolchain(self, approach: str) -> str:
        """Return what trains an approach: for one of Keras, the framework that Keras runs on."""
        named = self.approaches[approach].file.toolchain
        return self.backend if named == KERAS else named

    @property
    def keras_approaches(self) -> list[str]:
        """The approaches written in Keras."""
        return [name for name, approach in self.approaches.items() if approach.file.toolchain == KERAS]

    def phases(self, approach: str) -> list[str]:
        """Return the scored states of an approach's trainings, in their order."""
        return list(self.approaches[approach].file.phases)
