"""Labels drawn from a measured quantity: what a method finds of a signal of known strength."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gliobench.cohorts.features import read_number
from gliobench.cohorts.spike import spike_labels
from gliobench.inputs.facts import HEADER, INTENSITY
from gliobench.inputs.store import read_shards
from gliobench.training.labels import Labelled
from gliobench.training.labels.copies import drawn


def labelled(given: Any, asked: Mapping[str, Any]) -> Iterator[Labelled]:
    """
    Yield the copies.

    Parameters
    ----------
    given, asked
        As for `gliobench.training.labels.copies.drawn`. ``quantity``: what labels are drawn from, as in the cohort's
        settings under ``spiked``; ``features``: what is read of each group of features; ``oracle_auc``: AUC of the
        quantity. Path ``facts``: shards of the baselines' input, if the quantity is one of them.
    """
    quantity = _quantity(asked["quantity"], given, asked["features"])
    return drawn(lambda own, seed: spike_labels(own, quantity, asked["oracle_auc"], seed), given, asked)


def _quantity(wanted: Mapping[str, Any], given: Any, features: Mapping[str, Any]) -> pd.Series:
    if "features" in wanted:
        return read_number(wanted["features"], features[wanted["features"]], wanted["column"])
    facts, index = read_shards(given.facts, wanted["modality"])
    return pd.Series(facts[:, len(HEADER) + INTENSITY.index(wanted["column"])], index["patient_id"])
