"""Names that settings, files and code share. Light to import: parsing needs it."""

from typing import Literal, get_args

Modality = Literal["FLAIR", "T1w", "T1wCE", "T2w"]
MODALITIES: tuple[str, ...] = get_args(Modality)
Region = Literal["whole", "core", "necrosis", "oedema", "enhancing"]  # of a tumour; `cohorts.names` has their labels
ALL = "all"  # every modality of a cohort: as channels, or as rows where the input is slices
BASELINE = "baseline"  # the rows that give the others meaning
MAIN = "main"  # the variant that is trained unless others are asked for, and that tables compare
WITHOUT_PAPER = (BASELINE, "tabular", "radiomics")
SEGMENTATION, LESION = "segmentation", "lesion"  # series that are masks: the user's, the generator's
ALL_SERIES = (*MODALITIES, SEGMENTATION)  # that a user may have of a patient
INTENSITY_STATISTICS = ("mean", "sd", "skewness", "p05", "p25", "p50", "p75", "p95", "foreground_fraction")
TABLE = "table"  # the kind of input made from a cohort's features
WITHOUT_IMAGES = ("facts", TABLE, "radiomics")  # kinds of input that are numbers
PERMUTATIONS = "permutations"  # below a cohort's folder: its copies with permuted labels, by number
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


def spiked_labels(oracle_auc: float) -> str:
    """Return the folder of the copies with labels drawn from a measured quantity: ``spiked-0.70``."""
    return f"{SPIKED}-{oracle_auc:.2f}"


def copies_name(cohort: str, labels: str, numbers: range) -> str:
    """
    Return the name of some copies of a cohort, trained by one job: ``<cohort>/permutations/001-025``.

    A copy shares everything with its cohort except labels, splits and runs.
    """
    ends = f"{numbers[0]:03}-{numbers[-1]:03}" if len(numbers) > 1 else f"{numbers[0]:03}"
    return f"{cohort}/{labels}/{ends}"


def copies_in(name: str) -> list[str]:
    """Return the names of single copies in a name from `copies_name`; any other name stands for itself."""
    folder, _, numbers = name.rpartition("/")
    first, _, last = numbers.partition("-")
    if not (folder and first.isdecimal()):
        return [name]
    return [f"{folder}/{number:03}" for number in range(int(first), int(last or first) + 1)]


def copy_number(name: str) -> int | None:
    """Return the number of a single copy; None for any other name."""
    number = name.rpartition("/")[2]
    return int(number) if "/" in name and number.isdecimal() else None


def visible_cohort(cohort: str, label: str) -> str:
    """Return the name of a cohort's copy with a label that its images show."""
    return f"{cohort}/{VISIBLE}-{label}"


def labels_of(cohort: str) -> str:
    """Return the labels of a cohort or copy, as in tables: ``own``, or the folder of such copies (``spiked-0.70``)."""
    return cohort.split("/")[1] if "/" in cohort else "own"


def parent_cohort(cohort: str) -> str:
    """Return the cohort that a copy with other labels is made of; of any other cohort, itself."""
    return cohort.split("/")[0]
