"""One patient under two ids, found by content; otherwise folds would test patients that they train on."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from gliobench.terms import MODALITIES, USABLE

SAME = {"content": "the same pixels", "series_uid": "the same SeriesInstanceUID"}


def exclude_twins(series: pd.DataFrame, labels: Mapping[str, int]) -> pd.DataFrame:
    """
    Exclude the series that show one patient under two ids, or one image as two series.

    Of patients who share an image, the first id is kept and all series of the others are excluded; if their labels
    differ, none is kept. Two series of one patient with the same image are both excluded. A SeriesInstanceUID that more
    than two patients share, without sharing pixels, is ignored: anonymisation tools may write it into every file.

    Parameters
    ----------
    series : DataFrame
        As in the schema ``series``, of a whole cohort.
    labels : mapping of str to int
        Label of each patient.

    Returns
    -------
    DataFrame
        The same rows, with status and reason.
    """
    series = series.copy()
    images = series[series["status"].isin(USABLE) & series["modality"].isin(MODALITIES)]
    for what, alike in _alike(images):
        patients = list(alike["patient_id"].unique())
        if len(patients) == 1:
            reason = f"{' and '.join(alike['modality'])} hold {what}: one image under two names."
            _exclude(series, reason, patients[0], alike["modality"])
            continue
        contradict = len({labels[patient] for patient in patients}) > 1
        first = alike.groupby("patient_id")["modality"].first()
        for patient in patients if contradict else patients[1:]:
            other = next(each for each in patients if each != patient)
            shared = f"its {first[patient]} and {first[other]} of patient {other} hold {what}"
            twice = "one patient under two ids" + ", with two labels" * contradict
            _exclude(series, f"{shared}: {twice}.", patient)
    return series


def _exclude(series: pd.DataFrame, reason: str, patient: str, names: Iterable[str] | None = None) -> None:
    """Exclude a patient's usable series of those names, by default all and the features too, in place."""
    rows = (series["patient_id"] == patient) & series["status"].isin(USABLE)
    if names is not None:
        rows &= series["modality"].isin(list(names))
    series.loc[rows, ["status", "reason"]] = ["excluded", reason]


def _alike(images: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the groups of equal series, with what they share."""
    for column, what in SAME.items():
        for _, rows in images.dropna(subset=column).groupby(column, sort=False):
            shared = rows["patient_id"].nunique()
            if len(rows) > 1 and (column == "content" or shared == 2):
                yield what, rows.sort_values("patient_id", kind="stable")
