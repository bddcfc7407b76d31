"""Split schemes: who trains, who validates, who tests."""

from collections.abc import Iterator

import pandas as pd
from sklearn.model_selection import StratifiedKFold, train_test_split

from gliobench.errors import GlioBenchError
from gliobench.seeds import derive_seed


def draw_split(patients: pd.DataFrame, scheme: dict, seed: int) -> pd.DataFrame:
    """
    Draw a split scheme over all patients of a cohort.

    Parameters
    ----------
    patients : DataFrame
        As in the schema ``patients``.
    scheme : dict
        An entry of ``config/splits.yaml``.
    seed : int
        Base seed of the cohort (not used where the scheme carries its own ``random_state``).

    Returns
    -------
    DataFrame
        As in the schema ``split``: a role for every patient in every fold.

    Raises
    ------
    GlioBenchError
        A class is too small for the scheme, or one patient would have two roles in a fold.
    """
    method = {"kfold": _kfold, "holdout": _holdout}[scheme["method"]]
    split = pd.concat(method(patients, scheme, seed), ignore_index=True)
    split["slice_index"] = pd.array([None] * len(split), dtype="Int64")
    check_split(split)
    return split


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
        raise GlioBenchError(
            f"{folds} folds need {folds} patients of each label, but label {counts.idxmin()} has {counts.min()}: "
            "lower `splits.kfold.folds` in the config or add patients."
        )
    for repeat in range(scheme["repeats"]):
        random_state = derive_seed(seed, "kfold", repeat)
        splitter = StratifiedKFold(folds, shuffle=True, random_state=random_state)
        for fold, (inner, test) in enumerate(splitter.split(patients, patients["label"])):
            train, validation = _divide(patients.iloc[inner], scheme["validation"], random_state)
            yield _roles(train, validation, patients.iloc[test], repeat, fold)


def _holdout(patients: pd.DataFrame, scheme: dict, seed: int) -> Iterator[pd.DataFrame]:
    held_out = scheme["validation"] + scheme["test"]
    train, rest = _divide(patients, held_out, scheme["random_state"])
    validation, test = _divide(rest, scheme["test"] / held_out, scheme["random_state"])
    yield _roles(train, validation, test, repeat=0, fold=0)


def _divide(patients: pd.DataFrame, share: float, random_state: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        kept, taken = train_test_split(patients, test_size=share, stratify=patients["label"], random_state=random_state)
    except ValueError as error:
        counts = patients["label"].value_counts().to_dict()
        raise GlioBenchError(
            f"taking {share:.0%} of {len(patients)} patients (by label: {counts}) leaves a part without one of the "
            "labels: the cohort is too small for this split scheme."
        ) from error
    return kept, taken


def _roles(train: pd.DataFrame, validation: pd.DataFrame, test: pd.DataFrame, repeat: int, fold: int) -> pd.DataFrame:
    parts = {"train": train, "validation": validation, "test": test}
    rows = [
        {"repeat": repeat, "fold": fold, "patient_id": patient_id, "role": role}
        for role, part in parts.items()
        for patient_id in sorted(part["patient_id"])
    ]
    return pd.DataFrame(rows)
