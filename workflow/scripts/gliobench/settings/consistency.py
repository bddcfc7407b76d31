"""Consistency checks of a study before anything runs; each failure raises an error message."""

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from gliobench.cohorts.names import MEMBER_END
from gliobench.errors import GlioBenchError
from gliobench.evaluation.columns import LEAST_PERMUTATIONS
from gliobench.settings.approaches import Protocol
from gliobench.settings.models import NAME, check_known
from gliobench.terms import SEGMENTATION


def check_cohort_names(names: Sequence[Any], groups: Mapping[str, Sequence[str]], reserved: Sequence[str]) -> None:
    """Refuse cohorts whose names are no text, no folder's, another folder's or those of a replicate."""
    where = "the study's config, cohorts"
    for name in names:
        if not isinstance(name, str):
            raise GlioBenchError(f"{where}: {name!r} is not text; write the name in quotes.")
        if not re.fullmatch(NAME, name):
            raise GlioBenchError(
                f"{where}: {name!r} cannot be a cohort, because it names a folder: use letters, digits, - and _, and "
                "begin with a letter or digit."
            )
        if name in reserved:
            raise GlioBenchError(
                f"{where}: {name!r} cannot be a cohort, because the study's folder {name} holds something else; "
                "give it another name."
            )
    for group, members in groups.items():
        for member in members:
            if member in names:
                raise GlioBenchError(
                    f"{where}: {member!r} is both a cohort and a replicate of {group!r}, and they would share one "
                    "folder; rename one of them."
                )


def check_members(cohorts: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> None:
    """Refuse a union of cohorts that the study does not have, or that are not single cohorts."""
    for name, settings in cohorts.items():
        for member in settings.get("members", []):
            where = f"the study's config, cohorts.{name}.members"
            check_known(member, cohorts, f"{where}: no cohort")
            if "members" in cohorts[member] or member in groups:
                raise GlioBenchError(f"{where}: {member!r} is several cohorts; name single ones.")
            if MEMBER_END in member:
                raise GlioBenchError(
                    f"{where}: {member!r} holds two hyphens, which separate it from a patient's id; rename it."
                )


def _where(approach: str, variant: str | None) -> str:
    return f"runs, {approach}: {variant}" if variant else f"runs, {approach}"


def _key(approach: str, variant: str | None) -> str:
    return f"settings.{approach}.on_variant.{variant}.input" if variant else f"settings.{approach}.input"


def check_same_field(grids: Mapping[str, Mapping[str, Any]], approach: str, variant: str | None) -> None:
    """Refuse grids around the brain, by cohort, that cannot have one field of view; `variant` as in `check_input`."""
    for (one, first), (other, second) in pairwise(grids.items()):
        for name in ("shape", "spacing", "field"):
            if first[name] != second[name]:
                raise GlioBenchError(
                    f"{_where(approach, variant)}: cohorts {one} and {other} share a field of view, but `{name}` is "
                    f"{first[name]} on {one} and {second[name]} on {other}; set it for all cohorts, in "
                    f"{_key(approach, variant)}."
                )


def check_input(
    settings: Mapping[str, Any], series: Sequence[str], cohort: str, approach: str, variant: str | None = None
) -> None:
    """Refuse an input that needs a series the cohort lacks; `variant`: the one whose own input it is."""
    where, key = _where(approach, variant), _key(approach, variant)
    placed = settings.get("around") == "brain" or settings.get("registration") == "rigid"
    reference = settings.get("reference")
    if placed and reference not in series:
        there = [name for name in series if name != SEGMENTATION]
        raise GlioBenchError(
            f"{where}: the input places its grid by {reference}, which cohort {cohort} lacks; "
            f"set {key}.reference to one that it has: {', '.join(there)}."
        )
    wanted = settings.get("around") == SEGMENTATION or settings.get(SEGMENTATION)
    if wanted and SEGMENTATION not in series and variant:
        raise GlioBenchError(
            f"{where}: the variant's input needs a segmentation, which cohort {cohort} lacks; run the variant on "
            "cohorts that have one (`segmentation: true` under the cohort reads it)."
        )
    if wanted and SEGMENTATION not in series:
        raise GlioBenchError(
            f"{where}: the input needs a segmentation, which cohort {cohort} lacks; set {key}.around to brain and "
            f"{key}.segmentation to false, or leave the cohort out."
        )


def check_images(parameters: Mapping[str, Any], modalities: Sequence[str], cohort: str, variant: str) -> None:
    """Refuse a baseline that reads series on a cohort without images."""
    if not modalities and parameters["features"] in ("header", "intensity"):
        raise GlioBenchError(
            f"runs, baseline: the variant {variant} reads series, and cohort {cohort} has none (`modalities: []`); "
            "name `variants` that need no image, such as prior."
        )


def check_sites(scheme: Mapping[str, Any], settings: Mapping[str, Any], cohort: str, where: str) -> None:
    """Refuse leave-one-site-out if the config shows that the cohort has no site, or only one."""
    unknown = _has_no_site(settings)
    single = len(settings.get("generator", {}).get("sites", [])) == 1
    if scheme["method"] == "sites" and (unknown or single):
        raise GlioBenchError(
            f"{where}: leave-one-site-out needs patients of two or more known sites, and cohort {cohort} has "
            f"{'one' if single else 'none'}; name them under cohorts.{cohort}, or run another protocol on it."
        )


def _has_no_site(settings: Mapping[str, Any]) -> bool:
    """Whether the config shows that no patient of a cohort has a site."""
    named = ("rsna", "upenn-gbm", "ucsf-pdgm", "brats2021")  # kinds whose sites only the config can name
    return settings["kind"] == "synthetic-brainstem" or (settings["kind"] in named and "sites" not in settings)


def check_known_sites(settings: Mapping[str, Any], cohort: str, where: str) -> None:
    """Refuse to permute within sites if the config shows that the cohort has none."""
    if _has_no_site(settings):
        raise GlioBenchError(
            f"{where} needs patients of known sites, and cohort {cohort} has none; name them under cohorts.{cohort}, "
            "or ask for `permutations`."
        )


def check_tuned(scheme: Mapping[str, Any], protocol: str, where: str) -> None:
    """Refuse to tune under a split scheme of several splits."""
    if scheme["method"] != "holdout" or scheme["repeats"] != 1:
        raise GlioBenchError(
            f"{where} is tuned on the training and validation patients of one split, but other folds would test "
            f"these patients: run it under a protocol with one held-out set, not under {protocol}."
        )


def check_permuted(tuned: bool, scheme: Mapping[str, Any], protocol: Protocol, where: str) -> None:
    """Refuse label permutations that would be uninformative, or need a search each."""
    if tuned:
        why = "each would need a search of its own"
    elif scheme["method"] == "loocv":
        why = "leave-one-out has no AUC to compare with"
    elif scheme.get("test") == 0 or protocol.part:
        why = "it has no test patients"
    else:
        return
    raise GlioBenchError(f"{where} cannot have permutations: {why}; use another variant or protocol.")


def check_spiked(cohort: Mapping[str, Any], permutations: int, baseline: bool, where: str) -> None:
    """Refuse spiked copies without a quantity, or without the permutations by which they are judged."""
    if "spiked" not in cohort:
        raise GlioBenchError(
            f"{where}: `spiked` needs a cohort with the key `spiked`, which names the quantity; add it."
        )
    if permutations < LEAST_PERMUTATIONS:
        raise GlioBenchError(
            f"{where}: `spiked` needs `permutations: {LEAST_PERMUTATIONS}` or more; they say which AUC is above chance."
        )
    if "modality" in cohort["spiked"] and not baseline:
        raise GlioBenchError(
            f"{where}: `spiked` uses an intensity statistic, which the approach baseline measures; add baseline to the "
            "runs, or name a column of `features`."
        )
    if "features" in cohort["spiked"]:
        check_known(cohort["spiked"]["features"], list(cohort.get("features", {})), f"{where}: `spiked`: features")


def check_visible(
    cohort: Mapping[str, Any], segmented: bool, modalities: Sequence[str], tuned: bool, where: str
) -> None:
    """Refuse visible labels that the cohort does not name, that are made from what it lacks, or need a search each."""
    if not cohort.get("visible"):
        raise GlioBenchError(f"{where}: `visible` needs a cohort with the key `visible`, which names labels; add it.")
    if tuned:
        raise GlioBenchError(
            f"{where} cannot have visible labels: each would need a search of its own; use another variant."
        )
    for name, label in cohort["visible"].items():
        place = f"{where}: the visible label {name}"
        if label["source"] == SEGMENTATION and not segmented:
            raise GlioBenchError(
                f"{place} is from a segmentation, which the cohort lacks; set `segmentation: true` where it has one."
            )
        if label["source"] != SEGMENTATION:
            check_known(label["source"], list(cohort.get("features", {})), f"{place}: no features")
        if "texture" in label:
            check_known(label["texture"], modalities, f"{place}: the cohort has no modality")
