"""The interactive figures of a cohort, as specifications of Vega-Lite that share two parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from gliobench.evaluation.columns import ROUND, RUN, THRESHOLD
from gliobench.evaluation.mean_curves import GRID, both_labels, mean_precision, mean_roc
from gliobench.evaluation.thresholds import THRESHOLDS, treat_all
from gliobench.figures.overlays import Scored, calibration_bins
from gliobench.figures.style import BLUE, GREY, VERMILLION
from gliobench.wording import interval

DIGITS = 4  # of the numbers in the page
HEIGHT = 340  # of a figure, in pixels
LINE = 17  # of a method in figures with a line per method, in pixels
PATIENTS = 36  # of a method with both labels, in pixels
NAMES = 260  # most pixels of a method's name beside a figure
DEEPEST = -0.25  # net benefit at the bottom of its axis, at most
SHOWN, HERE = "indexof(shown, datum.method) >= 0", "abs(datum.threshold - threshold) < 0.001"  # in Vega's language
POOLED = "Points: the threshold, all runs pooled as in the table above; they need not lie on these mean curves."
DASHED: dict[str, Any] = {"color": GREY, "strokeDash": [3, 3], "strokeWidth": 1}

Records = list[dict[str, Any]]
Tables = Sequence[pd.DataFrame]


@dataclass(frozen=True)
class Interactive:
    """
    An interactive figure.

    Attributes
    ----------
    title : str
        Its heading.
    words : str
        Its text alternative.
    caption : str
        What stands below it.
    chart : altair chart
        The figure itself, which names its data.
    data : dict of str to list of dict
        Its data, by name.
    """

    title: str
    words: str
    caption: str
    chart: Any
    data: dict[str, Records]


def interactive_figures(
    methods: Sequence[Scored], tables: Tables, looks: Records, pages: Mapping[str, str], links: Mapping[str, str]
) -> dict[str, Interactive]:
    """
    Draw the interactive figures of a cohort.

    Parameters
    ----------
    methods : sequence of Scored
        The cells and phases drawn.
    tables : sequence of pandas.DataFrame
        `gliobench.evaluation.thresholds.threshold_scores` of each.
    looks : list of dict
        ``name``, ``colour`` and ``dash`` of each.
    pages, links : mapping of str to str
        Address of the page of each approach, and of each patient that has one.

    Returns
    -------
    dict of str to Interactive
        By name, for `specification`.
    """
    names = [look["name"] for look in looks]
    colours = alt.Scale(domain=names, range=[look["colour"] for look in looks])
    dashes = alt.Scale(domain=names, range=[look["dash"] for look in looks])
    colour = alt.Color("method:N", scale=colours, legend=None)
    lines = {"color": colour, "strokeDash": alt.StrokeDash("method:N", scale=dashes, legend=None)}
    return {
        "forest": _forest(methods, colour, pages),
        "roc": _roc(methods, tables, lines),
        "precision_recall": _precision_recall(methods, tables, lines),
        "calibration": _calibration(methods, lines),
        "net_benefit": _net_benefit(methods, tables, lines),
        "patients": _patients(methods, links),
    }


def specification(figure: Interactive, shown: Sequence[str]) -> dict[str, Any]:
    """Return a figure in Vega-Lite, with the parameters ``shown`` (methods drawn, at first these) and ``threshold``."""
    parameters = [alt.param(name="shown", value=list(shown)), alt.param(name="threshold", value=THRESHOLD)]
    drawn: dict[str, Any] = figure.chart.add_params(*parameters).to_dict()
    del drawn["$schema"]  # an address, and a report names none
    return drawn | {"datasets": figure.data}  # thousands of rows, which Altair would copy and check one by one


def area(scores: Mapping[Any, Any], metric: str) -> str:
    """Format a score of a method with its interval."""
    return interval(scores[metric], scores[f"{metric}_low"], scores[f"{metric}_high"])


def _forest(methods: Sequence[Scored], colour: alt.Color, pages: Mapping[str, str]) -> Interactive:
    values = [
        {"method": method.name, "auc": _number(method.scores["auc"]), "area": area(method.scores, "auc")}
        | {end: _number(method.scores[f"auc_{end}"]) for end in ("low", "high")}
        | {"n": _number(method.scores["n_patients"]), "status": str(method.scores["status"])}
        | {"page": pages[method.scores["approach"]]}
        for method in methods
    ]
    x = alt.X("low:Q", title="AUC with its 95 % interval", scale=alt.Scale(domain=[0, 1]))
    tooltip = [alt.Tooltip("method:N"), alt.Tooltip("area:N", title="AUC"), "n:Q", "status:N"]
    strength = alt.condition(SHOWN, alt.value(1), alt.value(0.4))
    common = {
        "y": _by_method(methods),
        "color": colour,
        "opacity": strength,
        "tooltip": tooltip,
        "href": alt.Href("page:N"),
    }
    chart = alt.layer(
        _few([{"x": 0.5}]).mark_rule(**DASHED).encode(x="x:Q"),
        _chart("methods").mark_rule(strokeWidth=2).encode(x, alt.X2("high:Q"), **common),
        _chart("methods").mark_point(filled=True, size=70).encode(alt.X("auc:Q"), **common),
    )
    return Interactive(
        "AUC of every method",
        f"AUC of every method. {_extremes(methods, 'auc', 'AUC')}",
        "With 95 % intervals; methods that are not chosen are faint. A click leads to the approach.",
        _sized(chart, LINE * max(len(methods), 4)),
        {"methods": values},
    )


def _roc(methods: Sequence[Scored], tables: Tables, lines: dict[str, Any]) -> Interactive:
    rates = [table.assign(fpr=1 - table["specificity"]) for table in tables]
    data = {
        "curves": _curve(methods, lambda runs: ([0, *GRID], [0, *mean_roc(runs)])),
        "points": _at_threshold(methods, rates, "fpr", "sensitivity"),
        "areas": _areas(methods, "auc"),
    }
    return Interactive(
        "ROC",
        f"Mean ROC curves. {_extremes(methods, 'auc', 'AUC')}",
        "Averaged over runs at each 1 - specificity, so that the areas are the AUCs of the table. " + POOLED,
        _sized(_diagonal() + _with_points(lines, "1 - specificity", "Sensitivity")),
        data,
    )


def _precision_recall(methods: Sequence[Scored], tables: Tables, lines: dict[str, Any]) -> Interactive:
    data = {
        "curves": _curve(methods, lambda runs: (GRID, mean_precision(runs))),
        "points": _at_threshold(methods, tables, "sensitivity", "ppv"),
        "areas": _areas(methods, "pr_auc"),
    }
    return Interactive(
        "Precision and recall",
        f"Mean precision at each recall. {_extremes(methods, 'pr_auc', 'PR-AUC')}",
        f"Averaged over runs at each recall. {POOLED}",
        _sized(_with_points(lines, "Recall (sensitivity)", "Precision")),
        data,
    )


def _calibration(methods: Sequence[Scored], lines: dict[str, Any]) -> Interactive:
    """Draw the bins of the first repeat and seed, as the static figure does."""
    values: Records = []
    for method in methods:
        for _, first in list(method.rows.groupby(ROUND))[:1]:
            bins = calibration_bins(first["label"].to_numpy(int), first["probability"].to_numpy(float)).round(DIGITS)
            values += [{"method": method.name} | {str(key): value for key, value in row.items()} for row in _rows(bins)]
    x, y = _axis("predicted", "Mean predicted probability"), _axis("observed", "Share of label 1")
    base = _chart("bins").transform_filter(SHOWN)
    tooltip = ["method:N", "n:Q", "predicted:Q", "observed:Q", "low:Q", "high:Q"]
    chart = alt.layer(
        _diagonal(),
        base.mark_rule(strokeWidth=1).encode(alt.X(**x), alt.Y("low:Q"), alt.Y2("high:Q"), color=lines["color"]),
        base.mark_line(strokeWidth=1.5).encode(alt.X(**x), alt.Y(**y), **lines),
        base.mark_point(filled=True, size=45, opacity=1).encode(
            alt.X(**x), alt.Y(**y), color=lines["color"], tooltip=tooltip
        ),
    )
    return Interactive(
        "Calibration",
        "Share of label 1 against the mean predicted probability of bins of patients, with 95 % intervals.",
        "First repeat and seed. Bins hold about equally many patients; 95 % intervals are Wilson's.",
        _sized(chart),
        {"bins": values},
    )


def _net_benefit(methods: Sequence[Scored], tables: Tables, lines: dict[str, Any]) -> Interactive:
    values = _at_threshold(methods, tables, "threshold", "net_benefit")
    prevalence = _prevalence(methods)
    everyone = zip(THRESHOLDS.tolist(), treat_all(prevalence).tolist(), strict=True)
    reference = [{"x": x, "y": round(y, DIGITS), "what": "everyone called positive"} for x, y in everyone]
    reference += [{"x": x, "y": 0.0, "what": "nobody called positive"} for x in (0, 1)]
    low = max(DEEPEST, min([0.0, *(row["y"] for row in values)]))
    high = max([prevalence, *(row["y"] for row in values)])
    x, y = _axis("x", "Threshold"), _axis("y", "Net benefit per patient", (low, high + 0.02))
    tooltip = ["method:N", alt.Tooltip("x:Q", title="threshold"), alt.Tooltip("y:Q", title="net benefit")]
    chart = alt.layer(
        _few(reference)
        .mark_line(**DASHED, clip=True)
        .encode(alt.X(**x), alt.Y(**y), detail="what:N", tooltip=["what:N"]),
        _chart("curves")
        .transform_filter(SHOWN)
        .mark_line(strokeWidth=2, clip=True)
        .encode(alt.X(**x), alt.Y(**y), tooltip=tooltip, **lines),
        _threshold_rule(),
    )
    return Interactive(
        "Net benefit",
        "Net benefit at each threshold, in true positives per patient, with those of calling everyone and nobody "
        f"positive; {prevalence:.0%} of the patients have label 1.",
        "Decision curves (Vickers and Elkin 2006). Dashes: everyone or nobody called positive.",
        _sized(chart),
        {"curves": values},
    )


def _patients(methods: Sequence[Scored], links: Mapping[str, str]) -> Interactive:
    """Draw each patient's mean probability over the runs that predicted it, by method and label."""
    values: Records = []
    for method in methods:
        means = method.rows.groupby("patient_id", sort=True).agg(p=("probability", "mean"), label=("label", "first"))
        for patient, p, label in means.itertuples():
            values.append({"method": method.name, "patient": patient, "label": int(label), "p": round(p, 3)})
    tooltip = ["method:N", "patient:N", "label:N", alt.Tooltip("p:Q", title="probability")]
    marks = _looked_up(_chart("patients").transform_filter(SHOWN), "patient", "links", "page")
    dots = marks.mark_tick(thickness=1.5, size=13, opacity=0.75).encode(
        alt.X(**_axis("p", "Mean predicted probability of label 1")),
        _by_method(methods),
        alt.YOffset("label:N", scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("label:N", scale=alt.Scale(domain=[0, 1], range=[BLUE, VERMILLION]), legend=None),
        tooltip=tooltip,
        **({"href": alt.Href("page:N")} if links else {}),
    )
    chart = _sized(alt.layer(dots, _threshold_rule()), PATIENTS)  # the page sets it to what the chosen methods need
    caption = "Mean over the runs that predicted a patient. Label 0: above, blue; label 1: below, red."
    return Interactive(
        "Patients",
        "Predicted probability of every patient, by method and label.",
        caption + (" A click leads to the patient." if links else ""),
        chart,
        {"patients": values, "links": [{"patient": patient, "page": page} for patient, page in links.items()]},
    )


def _chart(data: str) -> alt.Chart:
    return alt.Chart(alt.NamedData(data))


def _few(values: Records) -> alt.Chart:
    """Start a chart of a few rows that belong to the figure itself."""
    return alt.Chart(alt.Data(values=values))


def _rows(table: pd.DataFrame) -> list[dict[Any, Any]]:
    return table.to_dict("records")


def _axis(name: str, title: str, domain: Sequence[float] = (0, 1)) -> dict[str, Any]:
    return {"shorthand": f"{name}:Q", "title": title, "scale": alt.Scale(domain=list(domain), nice=False)}


def _by_method(methods: Sequence[Scored]) -> alt.Y:
    names = [method.name for method in methods]  # without an interval, too
    return alt.Y("method:N", sort=names, title=None, axis=alt.Axis(labelLimit=NAMES))


def _sized(chart: Any, height: int = HEIGHT) -> Any:
    return chart.properties(width="container", height=height)


def _diagonal() -> alt.Chart:
    return _few([{"x": 0, "y": 0}, {"x": 1, "y": 1}]).mark_line(**DASHED).encode(x="x:Q", y="y:Q")


def _threshold_rule() -> alt.Chart:
    return _few([{}]).mark_rule(color=GREY).encode(x=alt.XDatum(alt.expr("threshold"), type="quantitative"))


def _looked_up(chart: alt.Chart, key: str, data: str, name: str) -> alt.Chart:
    """Add a text to the rows of a chart by one of their columns, instead of writing it into each."""
    return chart.transform_lookup(lookup=key, from_=alt.LookupData(alt.NamedData(data), key=key, fields=[name]))


def _with_points(lines: dict[str, Any], x_title: str, y_title: str) -> Any:
    """Draw curves, and what the threshold gives."""
    x, y = _axis("x", x_title), _axis("y", y_title)
    here = [alt.Tooltip("x:Q", title=x_title), alt.Tooltip("y:Q", title=y_title)]
    curves = _looked_up(_chart("curves").transform_filter(SHOWN), "method", "areas", "area")
    marks = _chart("points").transform_filter(SHOWN).transform_filter(HERE)
    return alt.layer(
        curves.mark_line(strokeWidth=2, strokeJoin="round").encode(
            alt.X(**x),
            alt.Y(**y),
            order="x:Q",
            tooltip=["method:N", alt.Tooltip("area:N", title="area (95 % interval)"), *here],
            **lines,
        ),
        marks.mark_point(filled=True, size=90, opacity=1).encode(
            alt.X(**x), alt.Y(**y), color=lines["color"], tooltip=["method:N", "threshold:Q", *here]
        ),
    )


def _curve(methods: Sequence[Scored], curve: Callable[[list[pd.DataFrame]], tuple[Any, Any]]) -> Records:
    """Sample the mean curve of every method whose runs scored both labels."""
    values: Records = []
    for method in methods:
        runs = both_labels(method.rows, RUN)
        for x, y in zip(*curve(runs), strict=True) if runs else ():
            values.append({"method": method.name, "x": round(float(x), 3), "y": round(float(y), DIGITS)})
    return values


def _at_threshold(methods: Sequence[Scored], tables: Tables, x: str, y: str) -> Records:
    return [
        {"method": method.name, "threshold": float(row["threshold"])}
        | {"x": round(float(row[x]), DIGITS), "y": round(float(row[y]), DIGITS)}
        for method, table in zip(methods, tables, strict=True)
        for row in _rows(table.dropna(subset=[x, y]))
    ]


def _areas(methods: Sequence[Scored], metric: str) -> Records:
    return [{"method": method.name, "area": area(method.scores, metric)} for method in methods]


def _prevalence(methods: Sequence[Scored]) -> float:
    rows = pd.concat([method.rows for method in methods]).drop_duplicates("patient_id")
    return float(rows["label"].mean()) if len(rows) else 0.0


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else round(float(value), DIGITS)


def _extremes(methods: Sequence[Scored], metric: str, title: str) -> str:
    """Name the methods with the highest and the lowest score."""
    scored = [method for method in methods if pd.notna(method.scores[metric])]
    if not scored:
        return f"No method has an {title}."
    ranked = sorted(scored, key=lambda method: float(method.scores[metric]))
    if len(ranked) == 1:
        return f"The {title} of {ranked[0].name} is {area(ranked[0].scores, metric)}."
    ends = {"highest": ranked[-1], "lowest": ranked[0]}
    told = (f"the {end} {title} is {area(each.scores, metric)} of {each.name}" for end, each in ends.items())
    return f"Of {len(scored)} methods, {' and '.join(told)}."
