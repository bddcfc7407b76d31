"""What must fit together in a study before anything runs; what does not raises a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from gliobench.errors import GlioBenchError

COUNTS = ("epochs", "batch_size", "validation_batch_size")  # among parameters, also those of phases


def check_counts(parameters: Mapping[str, Any], where: str) -> None:
    """Refuse counts among hyperparameters that are no whole numbers of 1 or more."""
    for name, value in parameters.items():
        if isinstance(value, dict):
            check_counts(value, f"{where}{name}.")
        elif name in COUNTS and (not isinstance(value, int) or value < 1):
            raise GlioBenchError(f"{where}{name} must be a whole number of 1 or more, and not {value!r}.")


def check_excluded(cohort: str, exclude: Mapping[str, Mapping[Any, str]]) -> None:
    """Refuse patient ids that YAML has read as numbers."""
    for modality, reasons in exclude.items():
        for patient_id in reasons:
            if not isinstance(patient_id, str):
                raise GlioBenchError(
                    f"the study's config, cohorts.{cohort}.exclude.{modality}: {patient_id!r} is no text; "
                    'write the patient id in quotes, as in "00123", or YAML reads a number.'
                )


def check_reference(reference: str | None, there: Sequence[str], cohort: str, approach: str) -> None:
    """Refuse an input whose grid is that of a modality which the cohort lacks."""
    if reference and reference not in there:
        raise GlioBenchError(
            f"runs, {approach}: its input takes its grid from {reference}, which cohort {cohort} lacks; "
            f"name another as settings.{approach}.input.reference: it has {', '.join(there)}."
        )


def check_tuned(scheme: Mapping[str, Any], protocol: str, where: str) -> None:
    """Refuse to tune under a split scheme of several splits."""
    if scheme["method"] != "holdout" or scheme["repeats"] != 1:
        raise GlioBenchError(
            f"{where} is tuned on the training and validation patients of one split, whom other folds test: "
            f"run it under a protocol with one held-out set and not under {protocol}."
        )


def check_permuted(tuned: bool, scheme: Mapping[str, Any], protocol: Mapping[str, Any], where: str) -> None:
    """Refuse permutations of the labels that would say nothing, or cost a search each."""
    if tuned:
        why = "its search would have to be done anew for each"
    elif scheme["method"] == "loocv":
        why = "leave-one-out has no AUC to compare with"
    elif scheme.get("test") == 0 or "part" in protocol:
        why = "it tests nobody"
    else:
        return
    raise GlioBenchError(f"{where} cannot have `permutations`: {why}; ask them of another variant or protocol.")
