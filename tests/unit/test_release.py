"""Version and date of a release stand in three files, and are the same."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
SECTIONS = re.findall(r"^## \[(.+?)\](.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_citation_has_the_version_of_the_project():
    assert CITATION["version"] == VERSION


def test_a_citation_has_the_date_of_its_release_and_none_before():
    dates = {name: rest.removeprefix(" - ") for name, rest in SECTIONS}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for name, date in dates.items() if name != "Unreleased")
    assert str(CITATION.get("date-released", "")) == dates.get(VERSION, "")


def test_the_changelog_starts_with_what_is_not_released_and_goes_back_in_time():
    assert SECTIONS[0] == ("Unreleased", "")
    assert [rest for _, rest in SECTIONS[1:]] == sorted((rest for _, rest in SECTIONS[1:]), reverse=True)
