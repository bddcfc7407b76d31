"""Scores of repeats: their mean is the score of the table, and epochs of the history are the ones that papers print."""

import pandas as pd
import pytest

from cell_files import make_cell
from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.repeats import SCORES, history_repeats, repeats_table


def test_the_mean_over_repeats_and_seeds_is_the_score_of_the_table():
    predictions, records, _ = make_cell(n=60, repeats=3, seeds=2, slices=3, phases=("transfer", "finetuned"))
    metrics = score_cell(predictions, records, base_seed=1, resamples=20)
    repeats = repeats_table(predictions, records)
    place = ["phase", "part", "unit"]
    assert set(repeats.groupby(place)[["repeat", "seed_index"]].value_counts().groupby(place).size()) == {6}
    means = repeats.groupby([*place, "metric"])["value"].mean()
    for row in metrics.to_dict("records"):
        for name in SCORES:
            assert means[row["phase"], row["part"], row["unit"], name] == pytest.approx(row[name])


def test_each_repeat_and_seed_is_scored_by_itself():
    predictions, records, _ = make_cell(n=60, repeats=2, seeds=2)
    repeats = repeats_table(predictions, records)
    for table, record in zip(predictions, records, strict=True):
        alone = score_cell([table], [record], base_seed=1, resamples=20)
        mine = repeats[repeats["repeat"].eq(record["repeat"]) & repeats["seed_index"].eq(record["seed_index"])]
        found = mine[mine["part"].eq("test") & mine["metric"].eq("auc")]["value"]
        assert found.tolist() == pytest.approx(alone.loc[alone["part"] == "test", "auc"].tolist())


def test_cells_do_not_mix():
    first, second = make_cell(n=24), make_cell(n=24, approach="resnet18", random_seed=1)
    both = repeats_table(first[0] + second[0], first[1] + second[1])
    alone = repeats_table(*second[:2])
    mine = both[both["approach"] == "resnet18"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, alone)


def test_a_repeat_without_a_score_is_an_empty_row():
    predictions, records, _ = make_cell(n=6, folds=6)
    repeats = repeats_table(predictions, records)
    assert repeats.loc[repeats["metric"].eq("auc") & repeats["part"].eq("test"), "value"].isna().all()


def history(**columns):
    table = pd.DataFrame({"fold": [0, 0, 0, 1, 1, 1], "epoch": [1, 2, 3] * 2, "phase": "final"} | columns)
    return table


RECORD = {"cohort": "rsna", "approach": "toy", "variant": "main", "modality": "FLAIR", "protocol": "published",
          "repeat": 0, "seed_index": 0}  # fmt: skip


def record(*best, **changes):
    folds = [{"fold": fold, "status": "ok", "best_epoch": {"final": epoch}} for fold, epoch in enumerate(best)]
    return RECORD | {"folds": folds} | changes


def values(table, part, metric):
    return table[table["part"].eq(part) & table["metric"].eq(metric)].set_index("epoch")["value"].to_dict()


def test_epochs_are_read_from_each_fold_and_averaged():
    table = history(accuracy=[0.5, 0.7, 0.9, 0.6, 0.8, 1.0], loss=[0.7, 0.3, 0.4, 0.9, 0.5, 0.2],
                    validation_accuracy=None, validation_loss=[0.8, 0.6, 0.7, 0.9, 0.7, 0.8])  # fmt: skip
    found = history_repeats([table], [record(2, 2)])
    assert values(found, "train", "accuracy") == pytest.approx({"first": 0.55, "last": 0.95, "best": 0.75})
    assert values(found, "train", "loss") == pytest.approx({"first": 0.8, "last": 0.3, "lowest": 0.25, "best": 0.4})
    expected = {"first": 0.85, "last": 0.75, "lowest": 0.65, "best": 0.65}
    assert values(found, "validation", "loss") == pytest.approx(expected)
    assert not values(found, "validation", "accuracy")


def test_a_diverged_fold_has_no_epochs_and_a_repeat_is_a_row_of_its_own():
    table = history(accuracy=0.5, loss=0.7, validation_accuracy=0.5, validation_loss=0.7)
    bad = record(1, 1, repeat=1)
    bad["folds"][1]["status"] = "diverged"
    found = history_repeats([table, table.assign(accuracy=0.6)], [record(1, 1), bad])
    last = found[found["part"].eq("train") & found["metric"].eq("accuracy") & found["epoch"].eq("last")]
    assert last[["repeat", "value"]].to_numpy().tolist() == [[0, 0.5], [1, 0.6]]
    assert history_repeats([], []).empty
