"""The RSNA-MICCAI 2021 layout: ``train/<id>/<modality>/*.dcm`` and ``train_labels.csv``."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from gliobench.errors import GlioBenchError

LABELS = "train_labels.csv"
LABEL_NAMES = {0: "unmethylated", 1: "methylated"}
SHOWN = 5


def read_patients(folder: str | Path, sites: str | Path | None = None) -> pd.DataFrame:
    """
    Read the patients of a cohort in the competition's layout.

    Parameters
    ----------
    folder : path
        Holds ``train/`` and ``train_labels.csv`` (columns BraTS21ID, MGMT_value).
    sites : path, optional
        TSV with patient_id and site, and for generated cohorts oracle_probability.

    Returns
    -------
    DataFrame
        As in the schema ``patients``, sorted by patient_id.

    Raises
    ------
    GlioBenchError
        The data are not there, or labels and folders do not belong together.
    """
    folder = Path(folder)
    labels = _read_labels(folder)
    _check_folders(labels["patient_id"], folder)
    patients = labels.assign(label_name=labels["label"].map(LABEL_NAMES))
    known = _read_sites(sites)
    return patients.merge(known, on="patient_id", how="left").sort_values("patient_id", ignore_index=True)


def check_excluded(patients: pd.DataFrame, exclude: dict[str, dict[str, str]]) -> None:
    """Raise a sentence if the config excludes a patient whom the cohort does not have."""
    named = {patient_id for reasons in exclude.values() for patient_id in reasons}
    strangers = named - set(patients["patient_id"])
    if strangers:
        raise GlioBenchError(f"`exclude` in the config names {_some(strangers)}, but the cohort has no such patient.")


def series_folder(folder: str | Path, patient_id: str, modality: str) -> Path:
    """Return where the series of one patient in one modality lies."""
    return Path(folder) / "train" / patient_id / modality


def _read_labels(folder: Path) -> pd.DataFrame:
    path = folder / LABELS
    if not path.is_file():
        raise GlioBenchError(
            f"{path} does not exist: put the RSNA-MICCAI 2021 data there ({LABELS} and train/<id>/<modality>/*.dcm; "
            "Kaggle competition rsna-miccai-brain-tumor-radiogenomic-classification, it needs an account), "
            "or try the generated cohorts first with `make demo`."
        )
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    if list(table.columns) != ["BraTS21ID", "MGMT_value"]:
        raise GlioBenchError(f"{path} has the columns {list(table.columns)}; expected are BraTS21ID and MGMT_value.")
    bad = table[~table["MGMT_value"].isin(["0", "1"])]
    if len(bad):
        row = bad.iloc[0]
        raise GlioBenchError(
            f"{path}: patient {row['BraTS21ID']} has the label {row['MGMT_value']!r}; "
            "MGMT_value must be 0 (unmethylated) or 1 (methylated): correct or remove that row."
        )
    table["patient_id"] = table["BraTS21ID"].str.zfill(5)
    unsafe = table[~table["BraTS21ID"].str.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*")]
    if len(unsafe):
        raise GlioBenchError(
            f"{path}: {unsafe['BraTS21ID'].iloc[0]!r} cannot be a patient id: use letters, digits, - and _ only."
        )
    twice = table["patient_id"][table["patient_id"].duplicated()]
    if len(twice):
        raise GlioBenchError(f"{path} lists {_some(twice.unique())} more than once: keep one row a patient.")
    return pd.DataFrame({"patient_id": table["patient_id"], "label": table["MGMT_value"].astype(int)})


def _check_folders(patient_ids: pd.Series, folder: Path) -> None:
    train = folder / "train"
    if not train.is_dir():
        raise GlioBenchError(f"{train} does not exist: expected is one folder a patient there, as {LABELS} lists them.")
    there = {path.name for path in train.iterdir() if path.is_dir() and not path.name.startswith(".")}
    labelled = set(patient_ids)
    if labelled - there:
        raise GlioBenchError(
            f"{folder / LABELS} labels {_some(labelled - there)} but {train} has no such folder: "
            "complete the download or remove those rows."
        )
    if there - labelled:
        raise GlioBenchError(
            f"{train} holds {_some(there - labelled)} without a label in {folder / LABELS}: "
            "add the label or move the folder away."
        )


def _some(patient_ids: Iterable[str]) -> str:
    ids = sorted(patient_ids)
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    return f"patient{'s' * (len(ids) > 1)} {', '.join(ids[:SHOWN])}{more}"


def _read_sites(path: str | Path | None) -> pd.DataFrame:
    columns = ["patient_id", "site", "oracle_probability"]
    if path is None:
        return pd.DataFrame(columns=columns, dtype="str")
    if not Path(path).is_file():
        raise GlioBenchError(f"{path} does not exist: `sites` in the config must name a TSV with patient_id and site.")
    table = pd.read_csv(path, sep="\t", dtype="str", keep_default_na=False, na_values=[""])
    if not {"patient_id", "site"} <= set(table.columns):
        raise GlioBenchError(f"{path} has the columns {list(table.columns)}; expected are patient_id and site.")
    if table["patient_id"].duplicated().any():
        twice = table["patient_id"][table["patient_id"].duplicated()].unique()
        raise GlioBenchError(f"{path} lists {_some(twice)} more than once: keep one row a patient.")
    return table.reindex(columns=columns)
