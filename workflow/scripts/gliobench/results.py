"""The results of a study as data frames and figures, for notebooks: ``gliobench.load("results/demo")``."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from gliobench.errors import GlioBenchError, nearest
from gliobench.evaluation.columns import BASELINE, CELL, HARMONISED, MAIN
from gliobench.evaluation.runs import cell_rows
from gliobench.files import read_json, read_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gliobench.figures.overlays import Scored

RUNS = "runs/*/*/*/*/repeat-*/seed-*/batch-*"  # in a cohort's folder


class Results:
    """
    The results of a study, read from its folder when asked for.

    Parameters
    ----------
    folder : path
        Folder of the study, for example ``results/demo``.

    Raises
    ------
    GlioBenchError
        The folder has no tables.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.names:
            raise GlioBenchError(f"{folder} holds no results: name the folder of a study that has been run.")

    @property
    def names(self) -> list[str]:
        """Names of the study's tables, for `table`."""
        return sorted(path.stem for path in self.folder.glob("tables/*.tsv"))

    @property
    def cohorts(self) -> list[str]:
        """Names of the study's cohorts."""
        return [str(name) for name in self.comparison["cohort"].unique()]

    @property
    def comparison(self) -> pd.DataFrame:
        """The result: one row per cohort, method, protocol, phase, part and unit, with scores and intervals."""
        return self.table("comparison")

    def table(self, name: str) -> pd.DataFrame:
        """
        Read a table of the study, with the types of its schema.

        Raises
        ------
        GlioBenchError
            The study has no such table.
        """
        if name not in self.names:
            raise GlioBenchError(f"{self.folder} has no table {name!r}; {nearest(name, self.names)}")
        return read_table(self.folder / "tables" / f"{name}.tsv", name)

    def patients(self, cohort: str) -> pd.DataFrame:
        """Read the patients of a cohort with their labels."""
        return self._of_cohort(cohort, "patients")

    def series(self, cohort: str) -> pd.DataFrame:
        """Read the series of a cohort: used or not, with the reason."""
        return self._of_cohort(cohort, "series")

    def predictions(self, cohort: str) -> pd.DataFrame:
        """
        Read the predictions of patients by every run of a cohort.

        Returns
        -------
        pandas.DataFrame
            Columns cohort, approach, variant, modality, protocol, repeat, seed_index, fold, phase, part, patient_id,
            label, probability, log_odds.
        """
        runs = self._runs(cohort)
        tables = [read_table(folder / "predictions.tsv", "predictions") for folder, _ in runs]
        return cell_rows(tables, [record for _, record in runs])

    def has_runs(self, cohort: str) -> bool:
        """Whether a cohort has a finished run; in a partial report it may have none."""
        return any(self._folder(cohort).glob(f"{RUNS}/run.json"))

    def records(self, cohort: str) -> list[dict[str, Any]]:
        """Read the ``run.json`` of every run of a cohort."""
        return [record for _, record in self._runs(cohort)]

    def history(self, cohort: str) -> pd.DataFrame:
        """Read the training history of every run of a cohort: one row per epoch, with the cell and run in front."""
        names, tables = [*CELL, "repeat", "seed_index"], []
        for folder, record in self._runs(cohort):
            table = read_table(folder / "history.tsv", "history")
            names = [*CELL, "repeat", "seed_index"]
            tables.append(
                pd.concat([pd.DataFrame([{name: record[name] for name in names}] * len(table)), table], axis=1)
            )
        return pd.concat(tables, ignore_index=True)

    def forest(self) -> "Figure":
        """Draw the AUC of every cell with its interval."""
        from gliobench.figures.overview import forest_figure, oracles_of, points_of

        groups = self._groups()
        replicates = self.table("replicates") if groups else None
        oracles = oracles_of(self.table("cohorts"), groups)
        return forest_figure(points_of(self.comparison, replicates, groups), oracles)

    def roc(self, cohort: str) -> "Figure":
        """Draw the ROC curves of a cohort's approaches under the harmonised protocol."""
        from gliobench.figures.overlays import roc_overlay

        return self._overlay(roc_overlay, cohort)

    def precision_recall(self, cohort: str) -> "Figure":
        """Draw precision against recall of a cohort's approaches under the harmonised protocol."""
        from gliobench.figures.overlays import precision_recall_overlay

        return self._overlay(precision_recall_overlay, cohort)

    def calibration(self, cohort: str) -> "Figure":
        """Draw the calibration of a cohort's approaches under the harmonised protocol."""
        from gliobench.figures.overlays import calibration_overlay

        return self._overlay(calibration_overlay, cohort)

    def _of_cohort(self, cohort: str, name: str) -> pd.DataFrame:
        return read_table(self._folder(cohort) / f"{name}.tsv", name)

    def _folder(self, cohort: str) -> Path:
        if cohort not in self.cohorts:
            raise GlioBenchError(f"{self.folder} has no cohort {cohort!r}; {nearest(cohort, self.cohorts)}")
        return self.folder / cohort

    def _runs(self, cohort: str) -> list[tuple[Path, dict]]:
        folders = sorted(path.parent for path in self._folder(cohort).glob(f"{RUNS}/run.json"))
        if not folders:
            raise GlioBenchError(f"{self.folder / cohort} holds no finished run.")
        return [(folder, read_json(folder / "run.json")) for folder in folders]

    def _groups(self) -> dict[str, list[str]]:
        """Return the groups of replicated cohorts, which are called ``<group>-<number>``."""
        groups: list[str] = (
            list(self.table("replicates")["cohort_group"].unique()) if "replicates" in self.names else []
        )
        numbered = {name: re.compile(rf"{re.escape(name)}-\d+") for name in groups}
        return {name: [each for each in self.cohorts if own.fullmatch(each)] for name, own in numbered.items()}

    def _overlay(self, draw: "Callable[[Sequence[Scored]], Figure]", cohort: str) -> "Figure":
        from gliobench.figures.cell import shown_scores
        from gliobench.figures.overlays import Scored

        rows, scores = self.predictions(cohort), self.comparison
        cells = []
        shown = rows[rows["protocol"].eq(HARMONISED) & (rows["variant"].eq(MAIN) | rows["approach"].eq(BASELINE))]
        for cell, of_cell in shown.groupby(CELL, sort=False):
            mine = scores[(scores[CELL] == list(cell)).all(axis=1)]
            phase = of_cell["phase"].iloc[-1]
            cells.append(Scored(*shown_scores(of_cell, mine, phase), name=of_cell["approach"].iloc[0]))
        return draw(cells)


def load(folder: str | Path) -> Results:
    """
    Open the results of a study.

    Parameters
    ----------
    folder : path
        Folder of the study, for example ``results/demo``.

    Returns
    -------
    Results
        Its tables as data frames with the types of their schemas, and its figures.

    Raises
    ------
    GlioBenchError
        The folder holds no results.
    """
    return Results(folder)
