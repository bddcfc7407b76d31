"""An approach as a study runs it: its YAML with the study's changes, each part checked."""

from pathlib import Path
from typing import Any

from gliobench.errors import GlioBenchError, nearest
from gliobench.settings.approaches import Approach, Protocol, Search, Tuning, Variant, parameters_model
from gliobench.settings.files import read_config
from gliobench.settings.inputs import KINDS
from gliobench.settings.models import check, check_kind, check_known, merge
from gliobench.settings.study import Changes, OnCohort, OnVariant

EVERYWHERE = {"leave-one-site-out": Protocol(split="leave-one-site-out")}  # protocols that every approach offers
WEIGHTS = ("none", "imagenet")


class StudyApproach:
    """
    An approach's settings with a study's changes made.

    Parameters
    ----------
    path : Path
        The approach's YAML.
    changes : Changes, optional
        Of the study.

    Attributes
    ----------
    file : Approach
        The YAML itself; ``title``, ``toolchain``, ``modalities`` and so on are as it has them.
    parameters : dict
        Of the approach, before its variants change them.
    tuning : dict or None
        trials, workers, and the space: ``low``, ``high`` and ``log``, or ``choices``, of each hyperparameter.

    Raises
    ------
    GlioBenchError
        With the place of what is wrong, in the YAML or in the study.
    """

    def __init__(self, path: Path, changes: Changes | None = None):
        self.name = path.stem
        self.yaml = f"config/approaches/{path.name}"
        self.place = f"the study's config, settings.{self.name}"
        self.changes = changes or Changes()
        self.file = check(Approach, read_config(path, self.yaml), self.yaml)
        self._model = parameters_model(self.file.parameters, "parameters", f"{self.yaml}, parameters")
        self.parameters = self._changed({}, self.changes.parameters, f"{self.place}.parameters")
        self.tuning = self._tuning()
        self._check_variants()

    def _changed(self, base: dict[str, Any], changes: dict[str, Any], where: str) -> dict[str, Any]:
        """Return parameters with some changes, all checked."""
        return check(self._model, merge(base, changes), where).model_dump()

    def variant(self, name: str) -> Variant:
        """Return a variant."""
        return self.file.variants[name]

    def tuned(self, variant: str) -> bool:
        """Whether a variant's hyperparameters come from tuning."""
        return self.variant(variant).tuned

    def weights(self, variant: str) -> str:
        """Return a variant's initial weights: none, imagenet or a file."""
        return self.variant(variant).weights or self.changes.weights or self.file.weights

    def protocols(self, variant: str) -> dict[str, Protocol]:
        """Return the protocols that a variant offers."""
        return EVERYWHERE | self.file.protocols | self.variant(variant).protocols

    def parameters_of(self, variant: str, protocol: str | None = None, cohort: str | None = None) -> dict[str, Any]:
        """Return a variant's hyperparameters, with the changes of a protocol and those on a cohort."""
        where = f"{self.yaml}, variants.{variant}"
        parameters = self._changed(self.parameters, self.variant(variant).parameters, f"{where}.parameters")
        changes = self.protocols(variant)[protocol].parameters if protocol else {}
        parameters = self._changed(parameters, changes, f"{where}, protocols.{protocol}.parameters")
        return self._changed(parameters, self._on(cohort).parameters, f"{self.place}.on_cohort.{cohort}.parameters")

    def _on(self, cohort: str | None) -> OnCohort:
        return self.changes.on_cohort.get(cohort or "", OnCohort())

    def input_name(self, variant: str) -> str:
        """Return the name of the input of a variant: the approach, and the first variant with an input of its own."""
        own = self._own_input(variant)
        if not any(own):
            return self.name
        return f"{self.name}-{next(name for name in self.file.variants if self._own_input(name) == own)}"

    def _own_input(self, variant: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the changes to the input in a variant: those of the YAML and of the study."""
        return self.variant(variant).input, self.changes.on_variant.get(variant, OnVariant()).input

    def input(self, segmented: bool, cohort: str | None = None, variant: str | None = None) -> dict[str, Any]:
        """
        Return the settings of the array that the approach reads of a cohort, with or without segmentations.

        Without a variant, they are those of all variants without an input of their own.
        """
        which = "with_segmentation" if segmented else "without_segmentation"
        of_variant, of_study = self._own_input(variant) if variant else ({}, {})
        made: dict[str, Any] = {}
        for changes, where in (
            (self.file.input, f"{self.yaml}, input"),
            (self.changes.input, f"{self.place}.input"),
            (getattr(self.file.input_for, which), f"{self.yaml}, input_for.{which}"),
            (getattr(self.changes.input_for, which), f"{self.place}.input_for.{which}"),
            (of_variant, f"{self.yaml}, variants.{variant}.input"),
            (of_study, f"{self.place}.on_variant.{variant}.input"),
            (self._on(cohort).input, f"{self.place}.on_cohort.{cohort}.input"),
        ):
            made = check_kind(KINDS, "kind", merge(made, changes), where).model_dump(exclude_none=True)
        return made

    def _check_variants(self) -> None:
        for name in self.changes.on_variant:
            check_known(name, self.file.variants, f"{self.place}.on_variant: no variant")
        self._check_weights(self.file.weights, f"{self.yaml}, weights")
        if self.changes.weights:
            self._check_weights(self.changes.weights, f"{self.place}.weights")
        for name, variant in self.file.variants.items():
            if variant.weights:
                self._check_weights(variant.weights, f"{self.yaml}, variants.{name}.weights")
            for protocol in self.protocols(name):
                for cohort in (None, *self.changes.on_cohort):
                    self.parameters_of(name, protocol, cohort)

    def _check_weights(self, weights: str, where: str) -> None:
        own = [self.file.weights, *(variant.weights for variant in self.file.variants.values())]
        if weights == "imagenet" and "imagenet" not in own:  # neither it nor a variant starts from them
            raise GlioBenchError(f"{where}: there are no ImageNet weights for {self.name}; set none or a file.")
        if weights not in WEIGHTS and not Path(weights).is_file():
            raise GlioBenchError(
                f"{where}: {weights!r} is neither a file nor a choice; {nearest(weights, WEIGHTS)} A path is "
                "relative to where Snakemake is started."
            )

    def _tuning(self) -> dict[str, Any] | None:
        where = f"{self.place}.tuning"
        if self.file.tuning is None:
            if self.changes.tuning:
                raise GlioBenchError(f"{where}: {self.name} is not tuned; remove the key.")
            return None
        own = self.file.tuning.model_dump(exclude_defaults=True)
        self._typed_space(self.file.tuning, f"{self.yaml}, tuning.space")
        tuning = check(Tuning, _merge_tuning(own, self.changes.tuning), where)
        return tuning.model_dump(exclude={"space"}) | {"space": self._typed_space(tuning, f"{where}.space")}

    def _typed_space(self, tuning: Tuning, where: str) -> dict[str, dict[str, Any]]:
        """Return the space with values of the parameters' own types: 0 to 1 may mean numbers or integers."""
        return {name: self._typed_search(name, search, where) for name, search in tuning.space.items()}

    def _typed_search(self, name: str, search: Search, where: str) -> dict[str, Any]:
        check_known(name, self.parameters, f"{where}: no parameter is called")

        def typed(value: Any) -> Any:
            return self._changed(self.parameters, {name: value}, where)[name]

        if search.choices is not None:
            return {"choices": [typed(value) for value in search.choices]}
        return {"low": typed(search.low), "high": typed(search.high), "log": search.log}


def _merge_tuning(own: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a tuning with some changes; choices replace limits, and vice versa."""
    merged = merge(own, changes)
    searches = changes.get("space")
    for name, search in searches.items() if isinstance(searches, dict) else ():
        before = own["space"].get(name, {})
        if isinstance(search, dict) and ("choices" in search) != ("choices" in before):
            merged["space"][name] = search
    return merged
