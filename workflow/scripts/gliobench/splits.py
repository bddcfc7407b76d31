"""Split schemes: who trains, who validates, who tests."""

import logging
from collections.abc import Iterator

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from gliobench.cohorts.owners import whose
from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed
from gliobench.terms import ALL_SERIES, MODALITIES, OK, OTHER, USABLE

LOGGER = logging.getLogger(__name__)
UNIT = ["patient_id", "modality", "slice_index"]  # the last two are empty where patients are split
COLUMNS = ["repeat", "fold", *UNIT, "role", "reason"]


class ImpossibleSplit(GlioBenchError):
    """A cohort does not allow a split scheme."""


def draw_split(patients: pd.DataFrame, series: pd.DataFrame, scheme: dict, seed: int) -> pd.DataFrame:
    """
    Draw a split scheme over the patients of a cohort.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    series : DataFrame
        As in the schema ``series``; read only by schemes over complete patients and over slices.
    scheme : dict
        An entry of ``config/splits.yaml``.
    seed : int
        Base seed of the cohort (not used if the scheme has its own ``random_state``).

    Returns
    -------
    DataFrame
        As in the schema ``split``: a role for every patient, or every slice, in every fold.

    Raises
    ------
    GlioBenchError
        A class is too small for the scheme, there are too few sites, or one patient would have two roles in a
        fold.
    """
    if scheme.get("among") == "complete":
        patients = _complete(patients, series)
    by_slice = scheme.get("unit") == "slice" or scheme["method"] == "dates"
    owners = whose(patients)
    units = _slices(patients, series) if by_slice else patients[~owners.duplicated()]
    method = {"kfold": _kfold, "holdout": _holdout, "loocv": _loocv, "sites": _sites, "dates": _dates}[scheme["method"]]
    split = pd.concat(method(units, scheme, seed), ignore_index=True)
    if not by_slice:
        split = _with_all_scans(split, patients["patient_id"], owners)
    if not _peeks(scheme):
        check_split(split)
    return split.reindex(columns=COLUMNS).astype({"slice_index": "Int64"})


def split_or_reason(patients: pd.DataFrame, series: pd.DataFrame, scheme: dict, seed: int) -> pd.DataFrame:
    """
    Draw a split as `draw_split` does; if the cohort does not allow it, say why.

    Returns
    -------
    DataFrame
        As in the schema ``split``. An impossible one is a fold without a test part and with the reason in its rows:
        trainings on it fail with this reason, and the rest of the study continues.
    """
    try:
        return draw_split(patients, series, scheme, seed)
    except ImpossibleSplit as error:
        LOGGER.info("%s", error)
        nobody = patients[:0]
        repeats = [_roles(patients, nobody, nobody, repeat, 0) for repeat in range(scheme.get("repeats", 1))]
        return pd.concat(repeats, ignore_index=True).reindex(columns=COLUMNS).assign(reason=str(error))


def _peeks(scheme: dict) -> bool:
    """Whether a scheme puts a patient on both sides on purpose; its caveat says so in every table."""
    on_purpose = scheme.get("unit") == "slice" or scheme["method"] == "dates"
    return on_purpose or scheme.get("validation") == "left-out"


def _with_all_scans(split: pd.DataFrame, scans: pd.Series, owners: pd.Series) -> pd.DataFrame:
    """Give every scan of a patient the role of the first, for which the split was drawn."""
    if not owners.duplicated().any():
        return split
    first = scans.groupby(owners).transform("first")
    pairs = pd.DataFrame({"patient_id": first, "scan": scans})
    return split.merge(pairs, on="patient_id").assign(patient_id=lambda rows: rows["scan"]).drop(columns="scan")


def _complete(patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    images = series["modality"].isin(ALL_SERIES)  # the other rows are groups of features, the input where they are all
    inputs = series[images] if images.any() else series
    lacking = inputs.loc[inputs["status"] != OK, "patient_id"]
    complete = patients[~patients["patient_id"].isin(lacking)]
    if not len(complete):
        raise GlioBenchError("no patient has all series usable: series.tsv gives the reason for each.")
    return complete


def _slices(patients: pd.DataFrame, series: pd.DataFrame) -> pd.DataFrame:
    dated = patients.reindex(columns=["patient_id", "label", "date"]).assign(owner=whose(patients))
    usable = series[series["status"].isin(USABLE) & series["modality"].isin(MODALITIES)].merge(dated, on="patient_id")
    usable = usable.assign(slice_index=usable["n_slices"].map(range))
    return usable[[*UNIT, "label", "owner", "date"]].explode("slice_index", ignore_index=True)


def check_split(split: pd.DataFrame) -> None:
    """
    Check that no patient has two roles in one fold, and that no patient is tested twice in one repeat.

    Raises
    ------
    GlioBenchError
        Names the first patient, repeat and fold.
    """
    rows = split.drop_duplicates(["repeat", "fold", "patient_id", "role"])
    twice = rows[rows.duplicated(["repeat", "fold", "patient_id"])]
    if len(twice):
        row = twice.iloc[0]
        raise GlioBenchError(
            f"patient {row['patient_id']} has two roles in repeat {row['repeat']}, fold {row['fold']}: "
            "a split must keep patients apart."
        )
    tests = rows[rows["role"] == "test"]
    again = tests[tests.duplicated(["repeat", "patient_id"])]
    if len(again):
        row = again.iloc[0]
        raise GlioBenchError(f"patient {row['patient_id']} is tested twice in repeat {row['repeat']}.")


def _kfold(patients: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    folds = scheme["folds"]
    counts = patients["label"].value_counts().reindex([0, 1], fill_value=0)
    if counts.min() < folds:
        raise ImpossibleSplit(
            f"{folds} folds need {folds} patients of each label, but label {counts.idxmin()} has {counts.min()}: "
            "lower `splits.kfold.folds` in the config or add patients."
        )
    for repeat in range(scheme["repeats"]):
        random_state = derive_seed(seed, "kfold", repeat)
        splitter = StratifiedKFold(folds, shuffle=True, random_state=random_state)
        for fold, (inner, test) in enumerate(splitter.split(patients, patients["label"])):
            train, validation = _divide(patients.iloc[inner], scheme["validation"], random_state)
            yield _roles(train, validation, patients.iloc[test], repeat, fold)


def _holdout(units: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    held_out, test = scheme["validation"] + scheme["test"], scheme["test"]
    for repeat in range(scheme["repeats"]):
        random_state = scheme.get("random_state", derive_seed(seed, "holdout")) + repeat
        train, rest = _divide(units, held_out, random_state)
        size = test / held_out if test < 1 else test
        chooses, tested = _divide(rest, size, random_state) if test else (rest, rest[:0])
        yield _roles(train, chooses, tested, repeat, fold=0)


def _loocv(patients: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    for fold, left_out in enumerate(patients.index):
        test, others = patients.loc[[left_out]], patients.drop(index=left_out)
        if scheme["validation"] == "left-out":
            yield _roles(others, test, test, 0, fold)
        else:
            parts = _divide(others, scheme["validation"], derive_seed(seed, "loocv", fold))
            yield _roles(*parts, test, 0, fold)


def _dates(slices: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    """Train on the slices of each patient's first date and test on those of later ones."""
    first = slices["date"] == slices.groupby("owner")["date"].transform("min")
    if first.all() or slices["date"].isna().any():
        raise ImpossibleSplit(
            "a split by date needs the date of every scan, and a second scan of some patients: complete the columns "
            "scan_of and date of the cohort's table, or run another protocol on it."
        )
    for repeat in range(scheme["repeats"]):
        train, validation = _divide(slices[first], scheme["validation"], derive_seed(seed, "dates", repeat))
        yield _roles(train, validation, slices[~first], repeat, fold=0)


def _sites(patients: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    group = _left_out_together(patients["site"], scheme["minimum_site"])
    _check_groups(patients, group)
    for fold, (site, test) in enumerate(patients.groupby(group)):
        if len(set(test["label"])) == 1:
            LOGGER.info("all patients of site %s have one label: they count in accuracy, but not in AUC", site)
        train, validation = _divide(patients.drop(test.index), scheme["validation"], derive_seed(seed, "sites", site))
        yield _roles(train, validation, test, 0, fold)


def _left_out_together(sites: pd.Series, minimum: int) -> pd.Series:
    """Return each patient's site, `OTHER` where it is unknown or has fewer than `minimum` patients."""
    small = sites.map(sites.value_counts()) < minimum
    if sites.isna().any() or small.any():
        LOGGER.info(
            "%d patients of %d sites with fewer than %d patients and %d of unknown site are tested together as `%s`",
            small.sum(), sites[small].nunique(), minimum, sites.isna().sum(), OTHER,
        )  # fmt: skip
    return sites.mask(small | sites.isna(), OTHER)


def _check_groups(patients: pd.DataFrame, group: pd.Series) -> None:
    """Refuse to leave out sites if there is one only, or if all patients of a label are of one."""
    names = group.unique()
    if len(names) == 1:
        whose = "small or unknown sites, which are tested together" if names[0] == OTHER else names[0]
        raise ImpossibleSplit(
            f"leave-one-site-out needs at least two sites, but all patients are from {whose}: "
            "run another protocol on this cohort."
        )
    for label, members in group.groupby(patients["label"]):
        if len(set(members)) == 1:
            raise ImpossibleSplit(
                f"without site {members.iloc[0]} no patient with label {label} is left for training: "
                "run another protocol on this cohort."
            )


def _divide(units: pd.DataFrame, size: float, random_state: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide units, stratified by label, into those kept and those taken (a share or a number)."""
    try:
        kept, taken = train_test_split(units, test_size=size, stratify=units["label"], random_state=random_state)
    except ValueError as error:
        counts = units["label"].value_counts().sort_index()
        labels = ", ".join(f"{count} of label {label}" for label, count in counts.items())
        amount = f"{size:.0%}" if isinstance(size, float) else str(size)
        raise ImpossibleSplit(
            f"taking {amount} of {len(units)} patients ({labels}) leaves a part without one of the labels: the cohort "
            "is too small for this split scheme; change its shares under `splits` in the config or add patients."
        ) from error
    return kept, taken


def _roles(train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, repeat: int, fold: int) -> pd.DataFrame:
    parts = {"train": train, "validation": validation, "test": test}
    named = [part.reindex(columns=UNIT).sort_values(UNIT).assign(role=role) for role, part in parts.items()]
    return pd.concat(named, ignore_index=True).assign(repeat=repeat, fold=fold)
