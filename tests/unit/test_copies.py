"""Controls on a cohort's own images: permuted labels are the null control, drawn ones the positive control."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from cell_files import make_cell
from gliobench.evaluation.copies import copies_table
from gliobench.reporting.layouts import show_copies
from gliobench.reporting.tables import write_formats
from gliobench.wording import interval


def gathered(strength, folder, count, **settings):
    cells = [
        make_cell(cohort=f"brains/{folder}/{number:03}", signal=strength, random_seed=number, **settings)
        for number in range(1, count + 1)
    ]
    return [table for cell in cells for table in cell[0]], [record for cell in cells for record in cell[1]]


def joined(*runs):
    return copies_table([t for tables, _ in runs for t in tables], [r for _, records in runs for r in records])


@pytest.fixture(scope="module")
def table():
    permuted = gathered(0.0, "permutations", 19, n=40)
    return joined(permuted, gathered(2.0, "spiked-0.80", 6, n=40), gathered(0.0, "spiked-0.60", 6, n=40))


def test_permutations_say_whether_they_are_at_chance_and_drawn_copies_what_share_is_detected(table, tmp_path):
    assert table[["labels", "n"]].to_numpy().tolist() == [["permutations", 19], ["spiked-0.60", 6], ["spiked-0.80", 6]]
    null, weak, strong = table.to_dict("records")
    assert null["verdict"] in ("not shown", "equivalent to chance")
    assert null["low"] < 0.5 < null["high"]
    assert (strong["oracle_auc"], strong["detected"], strong["share"]) == (0.8, 6, 1)
    assert weak["detected"] < 6
    assert set(table["n_permutations"]) == {19}
    wilson = stats.binomtest(6, 6).proportion_ci(0.95, method="wilson")
    assert (strong["share_low"], strong["share_high"]) == pytest.approx((wilson.low, wilson.high))
    assert "cnn3d main: labels drawn with an oracle AUC of 0.80" in strong["statement"]
    assert "are detected in 6 of 6 copies (61 % to 100 %); mean AUC 0.9" in strong["statement"]
    write_formats(table, tmp_path / "copies", "copies")
    assert show_copies(table).text["Share detected"].tolist()[2] == interval(1, strong["share_low"], 1)


def test_a_copys_auc_counts_pairs_within_runs_and_the_mean_is_over_copies(table):
    predictions, _ = gathered(0.0, "permutations", 19, n=40)
    means = []
    for rows in predictions:
        folds = [fold for _, fold in rows[rows["part"] == "test"].groupby("fold")]
        pairs = [fold["label"].sum() * (1 - fold["label"]).sum() for fold in folds]
        aucs = [roc_auc_score(fold["label"], fold["probability"]) for fold in folds]
        means.append(np.average(aucs, weights=pairs))
    assert table.loc[0, "mean"] == pytest.approx(np.mean(means))


def test_nothing_is_said_of_drawn_copies_without_enough_permutations_and_of_copies_without_an_auc():
    alone = joined(gathered(1.0, "spiked-0.70", 2))
    assert alone["detected"].isna().all()
    assert "drawn labels cannot be judged (permutations with an AUC: 0, needed: 19); mean AUC" in alone["statement"][0]
    few = joined(gathered(0.0, "permutations", 18, n=40), gathered(4.0, "spiked-0.90", 2, n=40)).set_index("labels")
    assert few["detected"].isna().all(), "the smallest p of 18 permutations is above 0.05"
    assert "permutations with an AUC: 18, needed: 19" in few.loc["spiked-0.90", "statement"]
    one_patient_each = joined(gathered(1.0, "permutations", 2, n=4, folds=4))
    assert one_patient_each["n"].tolist() == [0]
    assert one_patient_each["statement"].iloc[0].endswith("no copy (permutations) gives an AUC.")
    assert joined().empty
