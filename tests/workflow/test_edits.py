import os

import pytest
from studies import SMOKE, planned_rules

pytestmark = pytest.mark.workflow
LIBRARY = "workflow/scripts/gliobench"
SCORES = {"score", "compare", "plot_scores_of_cnn3d", "page"}


def after_edit(project, path: str) -> set[str]:
    """Return the rules that would run after a line is added to a file; the file is then as it was."""
    file = project / path
    before, times = file.read_bytes(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    file.write_bytes(before + b"\n# edited\n")
    planned = planned_rules(project, *SMOKE)
    file.write_bytes(before)
    os.utime(file, ns=times)
    return planned


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{LIBRARY}/reporting/comparison.py", {"compare", "page"}),
        ("workflow/scripts/compare.py", {"compare", "page"}),
        ("config/published.tsv", {"compare", "page"}),
        (f"{LIBRARY}/reporting/tables.py", {"compare", "describe_cohorts", "page"}),
        (f"{LIBRARY}/approaches/cnn3d.py", {"train_tensorflow", *SCORES}),
        (f"{LIBRARY}/evaluation/intervals.py", SCORES),
    ],
)
def test_an_edit_re_runs_what_depends_on_it_and_nothing_else(finished_copy, path, expected):
    assert after_edit(finished_copy, path) == expected


def test_an_edit_of_a_figure_draws_figures_and_the_page_again(finished_copy):
    planned = after_edit(finished_copy, f"{LIBRARY}/reporting/montages.py")
    assert planned == {"plot_audit", "plot_slices", "page"}


def test_an_edit_of_the_reader_reads_and_trains_again_but_generates_nothing(finished_copy):
    planned = after_edit(finished_copy, f"{LIBRARY}/imaging/dicom.py")
    assert {"audit_series", "preprocess", "train_tensorflow"} <= planned
    assert not {"generate", "read_cohort", "split"} & planned
