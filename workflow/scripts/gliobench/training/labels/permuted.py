"""Permuted labels: what a method reaches by chance."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from gliobench.cohorts.permute import permute_labels
from gliobench.training.labels import Labelled
from gliobench.training.labels.copies import drawn


def labelled(given: Any, asked: Mapping[str, Any]) -> Iterator[Labelled]:
    """
    Yield the copies.

    Parameters
    ----------
    given, asked
        As for `gliobench.training.labels.copies.drawn`; ``within_sites``: whether labels stay in their site.
    """
    return drawn(partial(permute_labels, within_sites=asked["within_sites"]), given, asked)
