"""``python -m gliobench compare``: a page that says what its table holds, and refuses what cannot be compared."""

from html.parser import HTMLParser

import pytest

from cell_files import make_cell
from gliobench.__main__ import main
from gliobench.compare import compare_studies
from gliobench.errors import GlioBenchError
from gliobench.evaluation.studies import count_differences, shown_differences
from gliobench.files import read_table, write_json
from gliobench.reporting.studies import count_sentence, describe_differences
from study_files import write_study


def cells(seed=0, **settings):
    made = {"n": 40, "signal": 0.3} | settings
    return [
        make_cell(random_seed=10 * seed + place, approach=approach, **made)
        for place, approach in enumerate(["baseline", "cnn3d", "resnet18"])
    ]


class Page(HTMLParser):
    """Collects the text of a page, its addresses, its places and the alternative of its figure."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.places, self.texts, self.alternatives = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.addresses += [found[name] for name in ("href", "src") if name in found]
        self.places |= {found["id"]} if "id" in found else set()
        self.alternatives += [found["alt"]] if "alt" in found else []

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


@pytest.fixture
def compare(tmp_path):
    def compare(first, second):
        said = compare_studies(first, second, tmp_path / "comparison.html")
        page = Page((tmp_path / "comparison.html").read_text(encoding="utf-8"))
        return said, page, read_table(tmp_path / "comparison.tsv", "differences")

    return compare


def test_another_seed_shows_one_changed_key_and_counts_the_differences_of_its_table(tmp_path, compare):
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2), seed=2)
    said, page, table = compare(first, second)
    assert "1 key of the config changed: seed." in page.text
    assert "Keys of the config that differ. Key First Second seed 1 2 The trainings recorded" in page.text
    counts = count_differences(shown_differences(table))
    outside = ((table["low"] > 0) | (table["high"] < 0))[table["part"] == "test"]
    assert (counts.with_interval, counts.excluding) == (3, outside.sum())
    assert f"{outside.sum()} of 3 differences of AUC" in page.text
    assert (
        "if nothing differed, at most about 0.15 of them would by chance alone (5 %), and hardly any if only the folds"
        in " ".join(said.split())
    )
    assert "All 40 patients of 1 cohort are the same in both studies." in page.text


def test_a_study_and_itself_differ_in_nothing(tmp_path, compare):
    one = write_study(tmp_path / "a", cells())
    said, page, table = compare(one, one)
    assert (table["difference"] == 0).all()
    for sentence in (
        "Nothing differs: all 3 differences of AUC are exactly 0.",
        "Nothing changed in the config.",
        "The trainings recorded no other difference.",
        "No out-of-fold probability of a patient that is the same in both studies changed.",
    ):
        assert sentence in page.text
    assert "Nothing changed in the config." in said


def test_the_page_stands_alone_and_its_links_lead_somewhere(tmp_path, compare):
    _, page, _ = compare(write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2)))
    for address in page.addresses:
        beside = (tmp_path / address).is_file() if address.endswith(".tsv") else address[1:] in page.places
        assert address.startswith("data:image/png;base64,") or beside
    assert "http" not in "".join(address[:20] for address in page.addresses)


def test_the_figure_is_described_by_its_table(tmp_path, compare):
    _, page, table = compare(
        write_study(tmp_path / "a", cells(1, signal=1.5)), write_study(tmp_path / "b", cells(2, signal=-0.5))
    )
    shown = shown_differences(table)
    assert page.alternatives == [describe_differences(shown)]
    outside = shown[(shown["low"] > 0) | (shown["high"] < 0)]
    assert len(outside) == 3
    assert f"Intervals that exclude 0: {len(outside)}: planted baseline FLAIR" in page.alternatives[0]
    for end in (shown["difference"].min(), shown["difference"].max()):
        assert f"{end:.2f}" in page.alternatives[0]


def test_patients_generated_anew_are_said_to_be_independent(tmp_path, compare):
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2), prefix="other")
    _, page, table = compare(first, second)
    assert set(table["pairing"].dropna()) == {"independent samples"}
    assert "The patients of planted were generated anew, so that no patient can be paired there" in page.text
    assert "0 of 40 patients of 1 cohort are the same in both studies." in page.text


def test_a_patient_with_two_labels_is_named_and_not_compared(tmp_path, compare):
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2))
    file = second / "planted" / "patients.tsv"
    file.write_text(file.read_text().replace("00004\t0\tno", "00004\t1\tyes"))
    _, page, table = compare(first, second)
    assert "planted other label 1 00004 (0, 1)" in page.text
    assert table["n_patients"].dropna().eq(39).any()


def test_what_the_trainings_recorded_differently_is_listed_with_its_cells(tmp_path, compare):
    changed = cells(1)
    for record in changed[1][1]:
        record["parameters"] = {"epochs": 5}
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", changed)
    _, page, _ = compare(first, second)
    assert "parameters.epochs not there 5 1: planted cnn3d main FLAIR harmonised" in page.text


def test_cells_of_one_study_alone_are_counted_and_named(tmp_path, compare):
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2)[:2])
    _, page, _ = compare(first, second)
    assert "Not compared: 1 cell only in the first." in page.text
    assert "first planted resnet18 main FLAIR harmonised" in page.text


def test_cohorts_of_one_study_alone_are_counted_and_their_patients_named(tmp_path, compare):
    more = make_cell(cohort="extra", n=4, folds=2)
    first, second = write_study(tmp_path / "a", [*cells(1), more]), write_study(tmp_path / "b", cells(2))
    _, page, _ = compare(first, second)
    assert "40 of 44 patients of 2 cohorts are the same in both studies." in page.text
    assert "extra only in the first 4 00000, 00001, 00002, 00003" in page.text


def test_sentences_count_what_has_no_interval(tmp_path, compare):
    first, second = (
        write_study(tmp_path / "a", cells(n=8, folds=2)),
        write_study(tmp_path / "b", cells(1, n=8, folds=2)),
    )
    _, page, table = compare(first, second)
    assert count_sentence(table) in page.text
    assert count_sentence(table).startswith("No difference of AUC can be judged. 3 rows have no interval")
    assert page.alternatives == ["Nothing to draw: no cell can be compared."]


def test_a_page_among_the_results_is_refused(tmp_path):
    one = write_study(tmp_path / "a", cells())
    with pytest.raises(GlioBenchError, match=r"lies in .*, among its results; name a place outside"):
        compare_studies(one, one, one / "report" / "comparison.html")


def test_a_page_of_another_kind_is_refused(tmp_path):
    with pytest.raises(GlioBenchError, match=r"give it a name that ends in \.html"):
        compare_studies(tmp_path, tmp_path, tmp_path / "comparison.pdf")


def test_results_of_another_version_are_refused(tmp_path):
    one = write_study(tmp_path / "a", cells())
    file = one / "tables" / "comparison.tsv"
    file.write_text(file.read_text().replace("auc_pooled", "auc_mixed"))
    with pytest.raises(GlioBenchError, match="is not as this version of GlioBench writes it: run that study again"):
        compare_studies(one, one, tmp_path / "comparison.html")


def test_the_command_prints_the_message_of_an_error(tmp_path, capsys):
    first, second = write_study(tmp_path / "a", cells()[:1]), write_study(tmp_path / "b", cells()[1:2])
    with pytest.raises(SystemExit, match="GlioBench: the two studies have no cell"):
        main(["compare", str(first), str(second), "--output", str(tmp_path / "comparison.html")])
    write_json({}, first / "study.json")
    with pytest.raises(SystemExit, match=r"study\.json, the top level"):
        main(["compare", str(first), str(second), "--output", str(tmp_path / "comparison.html")])


def test_the_command_prints_a_short_table_and_the_place_of_the_page(tmp_path, capsys):
    first, second = write_study(tmp_path / "a", cells(1)), write_study(tmp_path / "b", cells(2))
    main(["compare", str(first), str(second), "--output", str(tmp_path / "comparison.html")])
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines()[:10])) <= 120
    assert printed.strip().endswith(f"Comparison: {(tmp_path / 'comparison.html').resolve()}")
