"""Every table of a study, laid out for reading: a value and its interval in one cell."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from gliobench.evaluation.columns import CELL, FEWEST_TRAININGS, LEAKAGE_KEY, METRICS, NOT_COMPARABLE, PUBLISHED
from gliobench.reporting.display import Display
from gliobench.wording import (
    DASH,
    EMPTY,
    decimals,
    ends,
    interval,
    interval_texts,
    method_name,
    p_texts,
    plural,
    published_name,
    texts,
    title,
)

BESIDE = {  # scores without an interval, shown where a study has them: heading -> column of the table ``comparison``
    "Pooled AUC": "auc_pooled",
    "Majority class": "majority_accuracy",
    "Accuracy, validation threshold": "accuracy_validation_threshold",
    "Calibration slope": "calibration_slope",
    "Calibration intercept": "calibration_intercept",
    "Permutation p": "p_chance",
    "AUC between sites": "auc_between_sites",
    "Share of pairs within sites": "weight_within_site",
    "Permutation p within sites": "p_chance_within_site",
}
MAIN_SCORES = {"Status", "n (positive)", "AUC", "Accuracy", "Published", "Permutation p", "Runs"}  # others on demand
WITHIN_SITE = {"AUC within sites": "auc_within_site", "AUC minus that within sites": "auc_minus_within_site"}


Columns = Mapping[str, list[str]]


def _display(
    keys: Columns, values: Columns, caption: str, notes: Iterable[str] = (), words: Sequence[str] = ()
) -> Display:
    """Return a table of the columns that name a row and those of its values, which are numbers except `words`."""
    numbers = frozenset(values) - frozenset(words)
    return Display(pd.DataFrame({**keys, **values}), numbers, caption, len(keys), tuple(notes))


def _parts(table: pd.DataFrame) -> list[str]:
    """Name the scored part, the phase unless it is the only one, and whether slices were scored."""
    rows = zip(texts(table["part"]), texts(table["phase"]), texts(table["unit"]), strict=True)
    return [
        ", ".join([part, *[phase] * (phase not in ("final", EMPTY)), *["slices"] * (unit == "slice")])
        for part, phase, unit in rows
    ]


def show_comparison(table: pd.DataFrame) -> Display:
    """Lay out the table ``comparison`` for reading."""
    keys = {title(name): texts(table[name]) for name in CELL} | {"Part": _parts(table)}
    scores = {title(name): interval_texts(table, [name, f"{name}_low", f"{name}_high"]) for name in METRICS}
    values = {"Status": texts(table["status"]), "n (positive)": _patients(table)}
    published = _published(table)
    figures = {"Published": published} if set(published) - {EMPTY, NOT_COMPARABLE} else {}
    values |= {name: scores[name] for name in ("AUC", "Accuracy")} | figures | scores
    if table["auc_within_site"].notna().any():
        values |= {
            heading: interval_texts(table, [name, f"{name}_low", f"{name}_high"])
            for heading, name in WITHIN_SITE.items()
        }
    values |= {
        heading: p_texts(table[name]) if name.startswith("p_chance") else decimals(table[name])
        for heading, name in BESIDE.items()
        if table[name].notna().any()
    }
    settings = texts(table["settings"].replace("paper", "unchanged"))
    values |= {"Runs": texts(table["n_runs"]), "Weights": texts(table["weights"]), "Settings": settings}
    caption = "Scores with 95 % intervals; interval_method says what they are for. Threshold 0.5."
    display = _display(keys, values, caption, _notes(table), ["Status", "Published", "Weights", "Settings"])
    return replace(display, details=frozenset(values) - MAIN_SCORES)


def _published(table: pd.DataFrame) -> list[str]:
    return [
        ", ".join(
            f"{title(name)} {row[f'published_{name}']:g}" for name in PUBLISHED if pd.notna(row[f"published_{name}"])
        )
        or (NOT_COMPARABLE if row["published_status"] == NOT_COMPARABLE else EMPTY)
        for row in table.to_dict("records")
    ]


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    """Collect caveats, reasons and the sources of published figures, each once with all the cells it applies to."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for row, part in zip(table.to_dict("records"), _parts(table.assign(unit=None)), strict=True):
        cited = any(pd.notna(row[f"published_{name}"]) for name in PUBLISHED)
        source = f"published by {row['published_source']}" if cited else None
        for note in filter(pd.notna, (row["caveat"], row["reason"], source)):
            grouped.setdefault((" ".join(str(row[name]) for name in CELL), str(note)), []).append(part)
    whose: dict[str, list[str]] = {}
    for (cell, note), parts in grouped.items():
        held = "" if parts == [EMPTY] else f", {' and '.join(dict.fromkeys(parts))}"
        whose.setdefault(note, []).append(cell + held)
    return tuple(f"{'; '.join(cells)}: {note}" for note, cells in whose.items())


def show_replicates(table: pd.DataFrame) -> Display:
    """Lay out the table ``replicates`` for reading."""
    what = [
        variant if pd.isna(contrast) else f"{variant} minus {contrast}"
        for variant, contrast in zip(table["variant"], table["contrast"], strict=True)
    ]
    keys = {"Cohorts": texts(table["cohort_group"]), "Approach": texts(table["approach"]), "Variant": what}
    keys |= {title(name): texts(table[name]) for name in ("modality", "protocol", "phase")}
    keys["Score"] = [title(name) for name in table["metric"]]
    values = {
        "n": texts(table["n"]),
        "Mean AUC or difference": interval_texts(table, ["mean", "low", "high"], digits=3),
        "Corrected for approaches": interval_texts(table, ["mean", "family_low", "family_high"], digits=3),
        "90 % interval": interval_texts(table, ["mean", "equivalence_low", "equivalence_high"], digits=3),
        "Verdict": texts(table["verdict"]),
    }
    caption = (
        "Independent cohorts together: means with 95 % t intervals, alone and corrected for approaches. Equivalent to "
        "chance: the 90 % interval lies inside 0.45 to 0.55."
    )
    return _display(keys, values, caption, table["statement"], ["Verdict"])


def show_copies(table: pd.DataFrame) -> Display:
    """Lay out the table ``copies`` for reading."""
    columns = _names(table, [*CELL, "phase", "labels"])
    keys = len(columns)
    columns |= {
        "Copies": texts(table["n"]),
        "Mean AUC": interval_texts(table, ["mean", "low", "high"], digits=3),
        "Verdict": texts(table["verdict"]),
        "Share detected": interval_texts(table, ["share", "share_low", "share_high"]),
    }
    numbers = frozenset(["Copies", "Mean AUC", "Share detected"])
    caption = (
        "Copies of a cohort with other labels, whose intervals are conditional on these patients. Permuted labels are "
        "the null control; labels drawn from a measured quantity (spiked, by their oracle AUC) the positive one: "
        "detected at p of 0.05 or less."
    )
    return Display(pd.DataFrame(columns), numbers, caption, keys, tuple(table["statement"]))


def show_visible(table: pd.DataFrame) -> Display:
    """Lay out the table ``visible`` for reading."""
    keys = _names(table, [*CELL, "phase", "labels"])
    values = {
        "Patients": texts(table["n_patients"]),
        "Label 1": texts(table["n_positive"]),
        "AUC": interval_texts(table, ["auc", "auc_low", "auc_high"]),
        "Over trainings": interval_texts(table, ["auc", "training_low", "training_high"]),
        "Verdict": texts(table["verdict"]),
        "Method": texts(table["network"]),
    }
    caption = (
        "Labels that the images show, from easy to hard, and the cohort's own: AUC with its 95 % interval and with a t "
        f"interval over the trainings. Seen: both lie above 0.5, with {FEWEST_TRAININGS} trainings or more. The AUC on "
        "the cohort's own labels says nothing about them if a method is not shown to see the first label."
    )
    return _display(keys, values, caption, table["statement"], ["Verdict", "Method"])


def show_leakage(table: pd.DataFrame) -> Display:
    """Lay out the table ``leakage`` for reading."""
    keys = _names(table, ["cohort", "labels", "approach", "modality", "protocol", "phase", "split", "part", "unit"])
    values = {
        "AUC": interval_texts(table, ["auc", "auc_low", "auc_high"]),
        "Accuracy": interval_texts(table, ["accuracy", "accuracy_low", "accuracy_high"]),
        "Majority class": decimals(table["majority"]),
        "n": texts(table["n_scored"]),
        "Cohorts": texts(table["n_cohorts"]),
        "Runs": texts(table["n_runs"]),
        "Training slices": texts(table["n_train"]),
    }
    caption = (
        "Slices split freely, by date or by patient, scored at the epoch that the validation part chose or on the "
        "untouched test part; means with 95 % t intervals over cohorts, or over label permutations of one cohort; "
        "where there is one, over its runs, which share patients."
    )
    return _display(keys, values, caption, _leaks(table))


def _names(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns that name a row; the phase only if some approach has several."""
    several = table["phase"].ne("final").any()
    return {title(name): texts(table[name]) for name in names if name != "phase" or several}


def _leaks(table: pd.DataFrame) -> Iterator[str]:
    """Compare the scores of slices in the most optimistic and the most honest setting, and on the test part."""
    slices = table[table["unit"] == "slice"]
    for names, rows in slices.groupby([*LEAKAGE_KEY, "phase"], sort=False):
        corners = {(row["split"], row["part"]): row for row in rows.to_dict("records")}
        if {("slice", "validation"), ("patient", "test")} <= set(corners):
            flattering, honest = corners["slice", "validation"], corners["patient", "test"]
            where = " ".join(str(name) for name in names if name not in ("final", "own"))
            tested = "; ".join(
                f"split by {split} {interval(row['auc'], row['auc_low'], row['auc_high'])}"
                for (split, part), row in corners.items()
                if part == "test"
            )
            yield f"{where}: AUC of slices of the untouched test part: {tested}."
            yield (
                f"{where}: "
                f"accuracy of slices {flattering['accuracy']:.2f} with slices split freely, at the best validation "
                f"epoch; {honest['accuracy']:.2f} split by patient, on the untouched test part (always the majority "
                f"class: {honest['majority']:.2f})."
            )


def show_cohorts(table: pd.DataFrame) -> Display:
    """Lay out the table ``cohorts`` for reading."""

    def spread(name: str, digits: int) -> list[str]:
        return interval_texts(table, [f"{name}_{statistic}" for statistic in ("median", "min", "max")], digits)

    values = {
        "Patients (positive)": [f"{n} ({p})" for n, p in zip(table["patients"], table["positive"], strict=True)],
        "Labels 0 / 1": texts(table["label_names"]),
        "Oracle AUC": decimals(table["oracle_auc"]),
        "Sites": texts(table["sites"]),
        "Used": texts(table["series_ok"]),
        "Excluded": texts(table["series_excluded"]),
        "Failed": texts(table["series_failed"]),
        "Slices": spread("slices", 0),
        "Planes": texts(table["planes"]),
        "Matrix": texts(table["matrix"]),
        "Spacing, mm": spread("spacing", 2),
        "Slice spacing, mm": spread("slice_spacing", 2),
    }
    keys = {title(name): texts(table[name]) for name in ("cohort", "modality")}
    caption = f"Audit: median (smallest{DASH}largest) of the readable series."
    return _display(keys, values, caption, words=["Labels 0 / 1", "Sites", "Planes", "Matrix"])


def show_exclusions(table: pd.DataFrame) -> Display:
    """Lay out the table ``exclusions`` for reading."""
    columns = {title(name): texts(table[name]) for name in table.columns}
    return Display(pd.DataFrame(columns), frozenset(), "Unused series, and the reasons.", 3)


def show_sensitivity(table: pd.DataFrame) -> Display:
    """Lay out the table ``sensitivity`` for reading."""
    keys = _names(table, ["approach", "variant", "modality", "protocol", "phase"])
    oracles = (decimals(table[name]) for name in ("oracle_low", "oracle_high"))
    values = {
        "Levels": texts(table["n_levels"]),
        "Cohorts": texts(table["n_cohorts"]),
        "Oracle AUC": [DASH.join(ends) for ends in zip(*oracles, strict=True)],
        "Slope": interval_texts(table, ["slope", "slope_low", "slope_high"]),
        "Floor, oracle AUC": decimals(table["floor"]),
    }
    caption = (
        "AUC reached against the oracle's: least-squares slope over cohorts with its 95 % t interval, and the weakest "
        "level of signal from which on every level's mean AUC is distinguishable from 0.5."
    )
    return _display(keys, values, caption, table["statement"])


def show_verdicts(table: pd.DataFrame) -> Display:
    """Lay out the table ``published_vs_reproduced`` for reading."""
    keys = {title(name): texts(table[name]) for name in ("approach", "variant", "modality")}
    keys |= {
        "Part": _parts(table),
        "Score": [published_name(row) for row in table.to_dict("records")],
        "Cohort": texts(table["cohort"]),
    }
    values = {
        "Published": [EMPTY if pd.isna(value) else f"{value:g}" for value in table["published"]],
        "Verdict": texts(table["verdict"]),
        "Expected": _expected(table),
        "Reproduced": interval_texts(table, ["reproduced", "reproduced_low", "reproduced_high"]),
        "Harmonised": interval_texts(table, ["harmonised", "harmonised_low", "harmonised_high"]),
        "n": [_sizes(row) for row in table.to_dict("records")],
        "GRIM": texts(table["grim"]),
        "Detectable": decimals(table["detectable_difference"]),
        "Rule": texts(table["rule"]),
    }
    unjudged = ("Expected", "Reproduced", "Harmonised", "Detectable", "Rule")  # empty where nothing is judged
    values = {name: cells for name, cells in values.items() if name not in unjudged or set(cells) != {EMPTY}}
    caption = (
        "Published figures and the same scores here: reproduced under the paper's protocol, and for the test patients "
        "of the harmonised one. GRIM: fractions of n that print as the figure; n with a question mark is inferred. "
        "Expected: 95 % interval of the figures that a study like the paper's would print if our score is right. "
        "Detectable: how far off a figure must be for that interval to leave it out with a power of 80 %."
    )
    display = _display(keys, values, caption, _verdict_notes(table), ["n", "GRIM", "Expected", "Rule", "Verdict"])
    return replace(display, details=frozenset(["GRIM", "Detectable", "Rule"]) & set(values))


def _sizes(row: Mapping[Hashable, Any]) -> str:
    """Give the n of a published figure, or the least and the most that it may have."""
    if pd.notna(row["published_n"]):
        return f"{row['published_n']:g}"
    if pd.isna(row["possible_n"]):
        return EMPTY
    sizes = row["possible_n"].split(", ")
    return f"{DASH.join(dict.fromkeys((sizes[0], sizes[-1])))}?"


def _expected(table: pd.DataFrame) -> list[str]:
    rows = zip(table["expected_low"], table["expected_high"], strict=True)
    return [ends(low, high).strip(" ()") or EMPTY for low, high in rows]


def _verdict_notes(table: pd.DataFrame) -> tuple[str, ...]:
    """State once each the source of a figure, the doubts about it, and the reason for its verdict."""
    whose: dict[str, list[str]] = {}
    for row in table.to_dict("records"):
        method = " ".join(row[name] for name in ("approach", "variant", "modality"))
        places = {
            f"published by {row['published_source']}": f"{method}, {row['part']}",
            row["note"]: f"{method}, {row['part']}",
            row["reason"]: f"{method}, {row['part']}, {published_name(row)}",
        }
        for note, place in places.items():
            if pd.notna(note):
                whose.setdefault(note, []).append(place)
    return tuple(f"{_few(list(dict.fromkeys(places)))}: {note}" for note, places in whose.items())


def _few(places: list[str], most: int = 4) -> str:
    """Name the first few of many."""
    rest = len(places) - most
    return "; ".join(places) if rest < 2 else f"{'; '.join(places[:most])} and {rest} more"


def show_pairwise(table: pd.DataFrame) -> Display:
    """Lay out the table ``pairwise`` for reading."""
    keys = {"Cohort": texts(table["cohort"]), "Family": texts(table["family"])}
    keys |= {"First": _cells(table, "first"), "Second": _cells(table, "second")}
    values = {
        "n (positive)": _patients(table),
        "AUC of first": decimals(table["first"], 3),
        "AUC of second": decimals(table["second"], 3),
        "Difference": interval_texts(table, ["difference", "low", "high"], digits=3),
        "p": p_texts(table["p"]),
        "p by Holm": p_texts(table["p_holm"]),
    }
    caption = (
        "Differences of AUC, first minus second, on the patients scored by both, with 95 % intervals. Holm corrects "
        "for all pairs of main variants under the harmonised protocol in a cohort; every other pair is exploratory."
    )
    notes = [*table["method"].dropna().unique(), *table["reason"].dropna().unique()]
    return _display(keys, values, caption, notes)


def _cells(table: pd.DataFrame, place: str) -> list[str]:
    names = [f"{place}_{name}" for name in (*CELL[1:], "phase")]
    return [
        " ".join(name for name in row if name != "final")
        for row in zip(*(texts(table[name]) for name in names), strict=True)
    ]


def _patients(table: pd.DataFrame) -> list[str]:
    rows = zip(table["n_patients"], table["n_positive"], strict=True)
    return [EMPTY if pd.isna(n) else f"{n} ({positive})" for n, positive in rows]


def show_differences(table: pd.DataFrame) -> Display:
    """Lay out the table ``differences`` for reading."""
    methods = [f"{method_name(row)} {row['protocol']}" for row in table.to_dict("records")]
    keys = {"Cohort": texts(table["cohort"]), "Method": methods, "Part": _parts(table.assign(unit=None))}
    values = {
        "First": interval_texts(table, ["first_auc", "first_auc_low", "first_auc_high"]),
        "Second": interval_texts(table, ["second_auc", "second_auc_low", "second_auc_high"]),
        "Difference": interval_texts(table, ["difference", "low", "high"]),
        "p": p_texts(table["p"]),
        "n": [patients_compared(row) for row in table.to_dict("records")],
    }
    pairings = table["pairing"].dropna().unique()
    if len(pairings) > 1:
        values["Folds"] = [pairing.split()[0] for pairing in texts(table["pairing"])]  # same, other, independent
    caption = (
        "AUC of each study on all its patients, and the difference, first minus second, on the n patients that are the "
        "same in both (of independent samples, n of each), with 95 % intervals; p is not corrected for many rows."
    )
    whose: dict[str, list[str]] = {}
    for cohort, method, part, reason in zip(*keys.values(), table["reason"], strict=True):
        if pd.notna(reason):
            whose.setdefault(reason, []).append(f"{cohort} {method}, {part}")
    reasons = [f"{_few(rows)}: {reason}" for reason, rows in whose.items()]
    notes = [", ".join(pairings)] if len(pairings) == 1 else []
    return _display(keys, values, caption, [*notes, *table["method"].dropna().unique(), *reasons], ["Folds"])


def patients_compared(row: Mapping[Hashable, Any]) -> str:
    """Count the patients behind a difference of two studies: those in both or, without any, those of each."""
    counts = [row["n_patients"]] if row["n_patients"] else [row["first_n_patients"], row["second_n_patients"]]
    return ", ".join(EMPTY if pd.isna(count) else str(count) for count in counts)


def show_variance(table: pd.DataFrame) -> Display:
    """Lay out the table ``variance`` for reading."""
    keys = {title(name): texts(table[name]) for name in (*CELL, "phase")}
    keys["Score"] = [title(name) for name in table["metric"]]
    values = {name: texts(table[f"n_{name.lower()}"]) for name in ("Repeats", "Folds", "Seeds")}
    values |= {
        "Mean": decimals(table["mean"], 3),
        "SD of folds": decimals(table["sd_folds"], 3),
        "SD of seeds": decimals(table["sd_seeds"], 3),
        "SD in all": decimals(table["sd_total"], 3),
        "SD of trainings": decimals(table["sd_trainings"], 3),
    }
    caption = (
        "How much a score of a single training varies: between folds, between seeds on the same fold, and between "
        "trainings, whoever is tested."
    )
    return _display(keys, values, caption, table["reason"].dropna().unique())


def show_subgroups(table: pd.DataFrame) -> Display:
    """Lay out the rows of the table ``subgroups`` that have an AUC, for reading; the others are counted."""
    scored = table[table["auc"].notna()]
    keys = {title(name): texts(scored[name]) for name in (*CELL, "phase", "column", "value")}
    values = {
        "n (positive)": _patients(scored),
        "AUC": interval_texts(scored, ["auc", "auc_low", "auc_high"]),
        "Why empty": texts(scored["reason"]),
    }
    lost = len(table) - len(scored)
    notes = [f"{plural(lost, 'row')} without an AUC: the file gives each with its reason."] if lost else []
    caption = (
        "AUC among the test patients of each subgroup, with 95 % intervals. Subgroups are not compared with "
        "each other, and nothing is corrected for their number."
    )
    return _display(keys, values, caption, notes, ["Why empty"])


def show_cost(table: pd.DataFrame) -> Display:
    """Lay out the table ``cost`` for reading."""
    keys = {title(name): texts(table[name]) for name in ("cohort", "stage", *CELL[1:])}
    values = {
        "Jobs": texts(table["n_jobs"]),
        "Seconds": decimals(table["seconds"], 1),
        "Estimated": decimals(table.get("estimated_seconds", table["seconds"] * float("nan")), 1),
        "CPU seconds": decimals(table["cpu_seconds"], 1),
        "Device": texts(table["device"]),
        "Seconds of GPU": decimals(table["device_seconds"], 1),
        "Memory, MiB": decimals(table["peak_memory_mb"], 0),
        "Samples per second": decimals(table["samples_per_second"], 1),
        "Energy, kWh": decimals(table["energy_kwh"], 3),
    }
    optional = ("Estimated", "Seconds of GPU", "Energy, kWh")
    values = {name: cells for name, cells in values.items() if name not in optional or set(cells) != {EMPTY}}
    caption = (
        "Wall-clock time of the jobs, added up; memory is that of the largest job. Stage permute holds trainings "
        "on copies with other labels; rows of stage study are sums: one row per approach, then one for everything."
    )
    if "Estimated" in values:
        caption += " Estimated: the seconds that `snakemake estimate` gave for these jobs, without early stopping."
    if "Energy, kWh" in values:
        caption += " If trainings shared a GPU, its energy counts once for each of them."
    whose = [
        "; ".join(filter(pd.notna, [row["cohort"], row["stage"], row["approach"]])) for row in table.to_dict("records")
    ]
    notes = dict.fromkeys(f"{name}: {why}" for name, why in zip(whose, table["reason"], strict=True) if pd.notna(why))
    return _display(keys, values, caption, notes, ["Device"])


SHOW: dict[str, Callable[[pd.DataFrame], Display]] = {
    "comparison": show_comparison,
    "published_vs_reproduced": show_verdicts,
    "pairwise": show_pairwise,
    "differences": show_differences,
    "variance": show_variance,
    "subgroups": show_subgroups,
    "cost": show_cost,
    "replicates": show_replicates,
    "copies": show_copies,
    "visible": show_visible,
    "sensitivity": show_sensitivity,
    "leakage": show_leakage,
    "cohorts": show_cohorts,
    "exclusions": show_exclusions,
}
