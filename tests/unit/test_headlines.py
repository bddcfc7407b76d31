"""The first tables of the report."""

import pandas as pd
import pytest

from gliobench.reporting.headlines import headline_rows, show_claims, show_headlines, verdict_counts
from gliobench.wording import EMPTY

BASE = {
    "cohort": "rsna",
    "approach": "cnn3d",
    "variant": "main",
    "modality": "FLAIR",
    "protocol": "harmonised",
    "phase": "final",
    "part": "test",
    "unit": "patient",
    "caveat": None,
    "auc_reason": None,
    "settings": "paper",
    "n_patients": 24,
    "auc": 0.7,
    "auc_low": 0.5,
    "auc_high": 0.9,
    "accuracy": 0.6,
    "accuracy_low": 0.4,
    "accuracy_high": 0.8,
    "published_accuracy": None,
    "published_auc": None,
    "published_precision": None,
    "published_recall": None,
    "status": "ok",
    "reason": None,
}


def rows(*changes):
    return pd.DataFrame([BASE | change for change in changes])


def test_a_cell_is_one_row_of_its_last_phase_and_first_part():
    table = rows(
        {"phase": "transfer"},
        {"phase": "finetuned"},
        {"phase": "finetuned", "unit": "slice"},
        {"phase": "finetuned", "part": "validation"},
    )
    chosen = headline_rows(table)
    assert chosen[["phase", "part", "unit"]].to_numpy().tolist() == [["finetuned", "test", "patient"]]


def test_variants_and_replicates_stand_elsewhere():
    chosen = headline_rows(rows({}, {"variant": "deep"}, {"cohort": "no-signal-01"}), left_out=["no-signal-01"])
    assert chosen[["cohort", "variant"]].to_numpy().tolist() == [["rsna", "main"]]


def test_cohorts_stand_together_with_the_baselines_last():
    order = [("rsna", "baseline"), ("no-signal", "cnn3d"), ("rsna", "cnn3d"), ("no-signal", "baseline")]
    chosen = headline_rows(rows(*({"cohort": cohort, "approach": approach} for cohort, approach in order)))
    assert list(zip(chosen["cohort"], chosen["approach"], strict=True)) == [
        ("rsna", "cnn3d"),
        ("rsna", "baseline"),
        ("no-signal", "cnn3d"),
        ("no-signal", "baseline"),
    ]


def test_a_cell_without_scores_is_a_row_with_its_status():
    empty = dict.fromkeys(("phase", "part", "unit", "n_patients", "auc", "accuracy"))
    missing = rows({}, {"protocol": "published", "status": "missing", "reason": "not there yet"} | empty)
    shown = show_headlines(headline_rows(missing), None)
    assert shown.text["Status"].tolist() == ["ok", "missing"]
    assert shown.text["AUC"].tolist() == ["0.70 (0.50\N{EN DASH}0.90)", EMPTY]
    assert shown.notes == ("cnn3d FLAIR on rsna, published: not there yet",)


def test_columns_that_say_nothing_are_left_out():
    shown = show_headlines(rows({}), None)
    assert shown.text["Approach"].tolist() == ["cnn3d"]
    assert not {"Published", "Verdict", "Status"} & set(shown.text.columns)


VERDICT = {
    "cohort": "rsna",
    "approach": "cnn3d",
    "variant": "main",
    "modality": "FLAIR",
    "published_protocol": "published",
    "phase": "final",
    "part": "test",
    "unit": "patient",
    "epoch": None,
    "subgroup": None,
    "averaging": None,
    "published_source": "a paper",
}


@pytest.mark.parametrize(
    ("verdicts", "shown"),
    [
        ({"auc": "lower", "accuracy": "lower"}, "lower"),
        ({"auc": "lower", "accuracy": "cannot tell"}, "AUC: lower, Accuracy: cannot tell"),
    ],
)
def test_a_row_under_the_papers_protocol_has_the_verdicts_on_its_own_figures(verdicts, shown):
    table = pd.DataFrame([VERDICT | {"metric": metric, "verdict": verdict} for metric, verdict in verdicts.items()])
    display = show_headlines(rows({}, {"protocol": "published"}, {"protocol": "other"}), table)
    assert display.text["Verdict"].tolist() == [EMPTY, shown, EMPTY]


def test_a_row_without_an_auc_says_why():
    lacking = {"auc": None, "auc_low": None, "auc_high": None, "auc_reason": "each run scores a single patient"}
    assert show_headlines(rows(lacking, {}), None).notes[0].endswith("no AUC: each run scores a single patient")


def test_a_caveat_is_a_note():
    shown = show_headlines(rows({"caveat": "training patients included"}), None)
    assert shown.notes == ("cnn3d FLAIR on rsna, harmonised: training patients included",)


def test_verdicts_are_counted_in_a_fixed_order():
    found = {"accuracy": "not run", "auc": "lower", "recall": "lower"}
    figure = VERDICT | {"published": 0.7, "published_n": 59}
    counts = verdict_counts(pd.DataFrame([figure | {"metric": name, "verdict": is_} for name, is_ in found.items()]))
    assert {name: n for name, n in counts.items() if n} == {"lower": 2, "not run": 1}
    assert next(iter(counts)) == "consistent"


def test_a_printed_figure_stands_with_its_source_and_its_doubts_below():
    names = ("variant", "modality", "protocol", "phase", "part", "unit", "source", "note")
    row = dict.fromkeys(names, "x") | dict.fromkeys(("averaging", "epoch", "subgroup"))
    row |= {"phase": "final", "n": 59, "metric": "auc", "value": 0.525, "note": "looks swapped"}
    loss = row | {"metric": "loss", "epoch": "lowest", "value": None}
    recall = row | {"metric": "recall", "averaging": "negative class", "subgroup": "grade: none"}
    shown = show_claims(pd.DataFrame([row, loss, recall]))
    assert shown.text["Score"].tolist() == ["AUC", "Loss (lowest epoch)", "Recall (negative, grade: none)"]
    assert shown.text["Published"].tolist() == ["0.525", "NaN", "0.525"]
    assert shown.notes == ("x x x: looks swapped",)


@pytest.mark.parametrize(
    ("settings", "caption"),
    [
        (["paper", "paper"], "Each approach with its paper's settings: 95 %"),
        (["paper", "changed"], "Each approach; those with * have settings that differ from the paper's: 95 %"),
    ],
)
def test_only_approaches_with_their_papers_settings_are_said_to_be_as_their_papers_have_them(settings, caption):
    table = rows(*({"modality": name, "settings": one} for name, one in zip(("FLAIR", "T1w"), settings, strict=True)))
    shown = show_headlines(table, None)
    assert shown.caption.startswith(caption)
    assert shown.text["Approach"].tolist() == ["cnn3d*" if one == "changed" else "cnn3d" for one in settings]
    alone = show_headlines(rows({"approach": "baseline", "variant": "prior", "settings": None}), None)
    assert alone.caption.startswith("The baselines: 95 %")
    both = show_headlines(rows({}, {"approach": "baseline", "variant": "prior", "settings": None}), None)
    assert both.caption.startswith("Each approach with its paper's settings, and the baselines: 95 %")


def test_a_study_of_its_own_patients_is_not_compared_with_the_papers_settings():
    usual = show_headlines(rows({"settings": "paper"}), None, own=True)
    assert usual.caption.startswith("Each approach with its usual settings: 95 %")
    changed = show_headlines(rows({"settings": "changed"}), None, own=True)
    assert changed.caption.startswith("Each approach; those with * have settings changed by this study: 95 %")
