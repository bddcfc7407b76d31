"""Write the tables of the documentation that the code knows, such as the keys of config/README.md: `make keys`."""

from pathlib import Path

from gliobench.documented import tables_by_page
from gliobench.marked import fill

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Write every table between its markers."""
    for page, tables in tables_by_page(ROOT).items():
        path = ROOT / page
        path.write_text(fill(path.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
