"""
GlioBench: published deep-learning studies of glioblastoma MRI, re-run under the same conditions.

In a notebook: ``gliobench.load("results/demo")``.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gliobench.results import Results, load

__all__ = ["Results", "load"]


def __getattr__(name: str) -> Any:
    """Import what notebooks use when it is used: jobs and rules do without."""
    if name in __all__:
        from gliobench import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
