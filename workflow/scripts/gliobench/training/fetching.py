"""ImageNet weights, fetched before any training needs them."""

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from gliobench.recipe import say


def fetch_imagenet(approach: ModuleType, networks: Iterable[Mapping[str, Any]]) -> None:
    """
    Have a library download the weights of some networks into its cache, from which trainings then load them.

    Each network is built as a training builds it, so addresses and checksums are the library's own.

    Parameters
    ----------
    approach : module
        From `gliobench.approaches`, prepared.
    networks : iterable of mapping
        ``shape`` of a row of the inputs, and ``parameters``.

    Raises
    ------
    GlioBenchError
        They cannot be downloaded.
    """
    for network in networks:
        approach.build(tuple(network["shape"]), network["parameters"], "imagenet")
        say(f"{approach.__name__.rpartition('.')[2]}: the ImageNet weights are here")
