"""Blocks of code in the project's Markdown pages."""

from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
FOLDERS = (".", "config", "docs", "perf")


def pages() -> list[Path]:
    """Return the pages that people read."""
    nested = (ROOT / "docs").glob("*/**/*.md")
    return sorted([*(page for folder in FOLDERS for page in (ROOT / folder).glob("*.md")), *nested])


def blocks(page: Path, language: str) -> list[str]:
    """Return the contents of a page's fenced blocks of a language, those in lists and quotes included."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    return [token.content for token in tokens if token.type == "fence" and token.info.split()[:1] == [language]]
