"""Write the key tables of config/README.md from the models of settings and the approaches' YAML: `make keys`."""

from pathlib import Path

from gliobench.marked import fill
from gliobench.settings.tables import all_tables

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "config" / "README.md"


def main() -> None:
    """Write every table between its markers."""
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), all_tables(ROOT)), encoding="utf-8")


if __name__ == "__main__":
    main()
