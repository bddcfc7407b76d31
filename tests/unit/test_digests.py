"""What changes the digest of a script's code, and what does not."""

import ast
import os
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench import sources
from gliobench.sources import LEFT_OUT, SCRIPTS, library_digest, parse_code, source_files
from source_edits import computing_tokens, reworded, with_other

FILES = sorted(path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.py"))
SCRIPT_NAMES = [name for name in FILES if "/" not in name]
KINDS_OF_LABELS = [f"gliobench/training/labels/{kind}.py" for kind in ("own", "permuted", "spiked")]
CODE = '''\
"""A module."""

import math


class Circle:
    """A circle."""

    def area(self, radius):
        """Return its area."""
        return math.pi * radius**2  # in cm


async def later():
    """Wait."""
'''
LAID_OUT = '''\
import math
class Circle:

    def area(
        self,
        radius,
    ):
        return (
            math.pi
            * (radius ** 2)
        )
async def later():
    """Another word."""
'''


def all_entries():
    """What the rules give to `library_digest`: every script, each with every module that it picks at run time."""
    picked = {"train.py": "approaches", "tune.py": "approaches", "explain.py": "approaches"}
    picked |= {"preprocess.py": "inputs", "predict_prepare.py": "inputs", "predict_apply.py": "approaches"}
    for script in SCRIPT_NAMES:
        modules = [name for name in FILES if name.startswith(f"gliobench/{picked.get(script)}/")]
        if script == "train.py":
            yield from [(script, module, kind) for module in modules for kind in KINDS_OF_LABELS]
        else:
            yield from [(script, module) for module in modules] or [(script,)]
    yield from [("generate.py", f"gliobench/cohorts/{kind}.py") for kind in ("synthetic", "synthetic_brainstem")]


def code(text):
    return ast.dump(parse_code(text))


@pytest.fixture(autouse=True)
def nothing_cached():
    yield
    forget()


def forget():
    library_digest.cache_clear()
    sources._read.cache_clear()


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The scripts and the library at another place, which `gliobench.sources` reads."""
    shutil.copytree(SCRIPTS, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(sources, "SCRIPTS", tmp_path / "copied")
    forget()
    return tmp_path / "copied"


def digests():
    forget()
    return {entry: library_digest(*entry) for entry in all_entries()}


def edit(path):
    path.write_text(path.read_text(encoding="utf-8") + "\nEDITED = 1\n", encoding="utf-8")


def test_docstrings_comments_and_layout_are_no_code():
    assert code(LAID_OUT) == code(CODE) == code(reworded(CODE))


@pytest.mark.parametrize(
    ("old", "new"),
    [("**2", "**3"), ("pi *", "pi /"), ("area(", "surface("), ("math.pi", "math.tau"), ("async ", ""), ("import", "#")],
)
def test_a_number_a_name_an_operator_and_a_statement_are_code(old, new):
    assert CODE.count(old) == 1
    assert code(CODE.replace(old, new)) != code(CODE)


@pytest.mark.parametrize("text", ['"""Doc."""\n"""Words."""\n', 'x = 1\n"""Words."""\n', 'x = """Words."""\n'])
def test_a_text_that_is_no_docstring_is_code(text):
    assert code(text.replace("Words", "Other words")) != code(text)


@pytest.mark.parametrize("name", FILES)
def test_other_docstrings_and_comments_change_the_code_of_no_file(name):
    text = (SCRIPTS / name).read_text(encoding="utf-8")
    assert reworded(text).count("dited") > text.count("dited")
    assert code(reworded(text)) == code(text)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_every_number_name_and_operator_of_every_file_is_code(data):
    name = data.draw(st.sampled_from([name for name in FILES if not name.endswith("__init__.py")]))
    text = (SCRIPTS / name).read_text(encoding="utf-8")
    token = data.draw(st.sampled_from(computing_tokens(text)))
    assert code(with_other(text, token)) != code(text)


def test_other_docstrings_and_comments_in_every_file_at_once_change_no_digest(copied):
    before = digests()
    for name in FILES:
        (copied / name).write_text(reworded((copied / name).read_text(encoding="utf-8")), encoding="utf-8")
    assert digests() == before


def test_a_digest_knows_neither_where_the_files_lie_nor_when_they_were_written(copied, monkeypatch):
    here = digests()
    for name in FILES:
        os.utime(copied / name, (1, 1))
    assert digests() == here
    monkeypatch.setattr(sources, "SCRIPTS", SCRIPTS)
    assert digests() == here


def test_every_script_has_a_digest_of_its_own():
    assert len({library_digest(*entry[:1]) for entry in all_entries()}) == len(SCRIPT_NAMES)


def test_a_digest_is_of_one_script():
    for entry in all_entries():
        assert [path.name for path in source_files(*entry) if path.parent == SCRIPTS] == [entry[0]]


def test_an_edit_of_a_script_changes_its_digest(copied):
    before = digests()
    for name in SCRIPT_NAMES:
        edit(copied / name)
    after = digests()
    assert not [entry for entry in before if after[entry] == before[entry]]


def test_an_edit_of_a_module_changes_the_digests_of_what_imports_it_alone(copied):
    before = digests()
    edit(copied / "gliobench" / "approaches" / "resnet18.py")
    after = digests()
    changed = {entry for entry in before if after[entry] != before[entry]}
    assert changed == {entry for entry in before if entry[1:2] == ("gliobench/approaches/resnet18.py",)}


def test_an_edit_of_how_libraries_are_pinned_changes_every_digest_and_one_of_how_it_is_described_none(copied):
    before = digests()
    edit(copied / "gliobench" / "processor.py")
    assert digests() == before
    edit(copied / "gliobench" / "arithmetic.py")
    after = digests()
    assert not [entry for entry in before if after[entry] == before[entry]]


@pytest.mark.parametrize(("module", "kind", "others"), [("permute", 1, set()), ("spike", 2, {("see_labels.py",)})])
def test_an_edit_of_how_labels_are_drawn_changes_the_trainings_on_them_alone(copied, module, kind, others):
    before = digests()
    edit(copied / "gliobench" / "cohorts" / f"{module}.py")
    after = digests()
    changed = {entry for entry in before if after[entry] != before[entry]}
    assert changed == {entry for entry in before if entry[2:] == (KINDS_OF_LABELS[kind],)} | others


def test_every_left_out_module_is_there_and_would_count_if_it_were_not_left_out():
    reached = {path.relative_to(SCRIPTS).as_posix() for entry in all_entries() for path in source_files(*entry)}
    assert set(LEFT_OUT) <= reached & set(FILES)
    assert list(LEFT_OUT) == sorted(set(LEFT_OUT))


def test_an_edit_of_the_modules_that_are_left_out_changes_no_digest(copied):
    before = digests()
    for name in LEFT_OUT:
        edit(copied / name)
    assert digests() == before


def test_nothing_is_followed_through_a_module_that_is_left_out(tmp_path, monkeypatch):
    (tmp_path / "gliobench").mkdir()
    (tmp_path / "script.py").write_text("import gliobench.frame, gliobench.sums")
    (tmp_path / "gliobench" / "frame.py").write_text("import gliobench.log")
    for name in ("log", "sums"):
        (tmp_path / "gliobench" / f"{name}.py").touch()
    monkeypatch.setattr(sources, "SCRIPTS", tmp_path)
    names = {path.stem for path in source_files("script.py", left_out=["gliobench/frame.py"])}
    assert names == {"script", "sums"}
    assert {path.stem for path in source_files("script.py")} == {"script", "frame", "log", "sums"}


def test_each_left_out_module_has_a_reason():
    text = (SCRIPTS / "gliobench" / "sources.py").read_text(encoding="utf-8")
    assert re.findall(r'^    "(gliobench/\S+\.py)",  # \w', text, flags=re.MULTILINE) == list(LEFT_OUT)
