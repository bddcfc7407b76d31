"""Names that settings, files and code share. Light to import: parsing needs it."""

from typing import Literal, get_args

Modality = Literal["FLAIR", "T1w", "T1wCE", "T2w"]
MODALITIES: tuple[str, ...] = get_args(Modality)
Region = Literal["whole", "core", "necrosis", "oedema", "enhancing"]  # of a tumour; `cohorts.names` has their labels
ALL = "all"  # every modality of a cohort: as channels, or as rows where the input is slices
BASELINE = "baseline"  # the rows that give the others meaning
WITHOUT_PAPER = (BASELINE, "tabular", "radiomics")
SEGMENTATION, LESION = "segmentation", "lesion"  # series that are masks: the user's, the generator's
ALL_SERIES = (*MODALITIES, SEGMENTATION)  # that a user may have of a patient
INTENSITY_STATISTICS = ("mean", "sd", "skewness", "p05", "p25", "p50", "p75", "p95", "foreground_fraction")
TABLE = "table"  # the kind of input made from a cohort's features
WITHOUT_IMAGES = ("facts", TABLE, "radiomics")  # kinds of input that are numbers
PERMUTATIONS = "permutations"  # below a cohort's folder: its copies with permuted labels
SPIKED = "spiked"  # the same: copies with labels drawn from a measured quantity, by oracle AUC: spiked-0.70
VISIBLE = "visible"  # the same: copies with labels that the images show, by the label's name: visible-oedema
WITHIN_SITE = "permutations-within-site"  # the same, with labels permuted within each known site
OTHER = "other"  # small and unknown sites together, where whole sites are left out
GENERATED = {
    "synthetic": "rsna",
    "synthetic-brainstem": "brainstem",
}  # kind of a generated cohort: the kind it imitates
OF_PAPERS = tuple(GENERATED.values())  # kinds of cohorts with published figures
# Statuses of a usable series: for all inputs, or for inputs that do not need millimetres
OK, VOXELS_ONLY = "ok", "voxels only"
USABLE = (OK, VOXELS_ONLY)


def permuted_cohort(cohort: str, number: int, kind: str = PERMUTATIONS) -> str:
    """Return the name of a cohort's copy with permuted labels: it shares everything except labels, splits and runs."""
    return f"{cohort}/{kind}/{number:03}"


def spiked_cohort(cohort: str, oracle_auc: float, number: int) -> str:
    """Return the name of a cohort's copy with labels drawn from a measured quantity."""
    return f"{cohort}/{SPIKED}-{oracle_auc:.2f}/{number:03}"


def visible_cohort(cohort: str, label: str) -> str:
    """Return the name of a cohort's copy with a label that its images show."""
    return f"{cohort}/{VISIBLE}-{label}"


def labels_of(cohort: str) -> str:
    """Return the kind of labels of a cohort or copy: ``own``, or the folder of such copies (``spiked-0.70``)."""
    return cohort.split("/")[1] if "/" in cohort else "own"


def parent_cohort(cohort: str) -> str:
    """Return the cohort that a copy with other labels is made of; of any other cohort, itself."""
    return cohort.split("/")[0]
