"""Tables that the code writes into pages of the documentation: `make keys`."""

from collections.abc import Mapping
from pathlib import Path

from gliobench.inputs.facts_columns import columns_table
from gliobench.settings.tables import all_tables


def tables_by_page(root: Path) -> dict[str, Mapping[str, str]]:
    """Return the tables of every such page: its path below the project's folder `root` -> name in a marker -> table."""
    return {
        "config/README.md": all_tables(root),
        "docs/adding-an-approach.md": {"columns of facts": columns_table()},
    }
