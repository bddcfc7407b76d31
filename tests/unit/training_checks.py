"""What must hold of the training of every approach."""

import numpy as np


def check_repeats(fit, epochs, model, new, other_part):
    """
    The same seed gives the same bytes, also after another fold and on a new model; another seed gives others.

    `fit` takes a model, a seed and perhaps a training part, and returns best epoch, history, and log odds of others.
    """
    best, history, log_odds = fit(model, seed=7)
    assert [record["epoch"] for record in history] == list(range(1, epochs + 1))
    assert 1 <= best <= epochs
    assert np.isfinite(log_odds).all()
    fit(model, seed=8, train=other_part)
    for again in (fit(model, seed=7), fit(new, seed=7)):
        assert again[0] == best
        assert again[2].tobytes() == log_odds.tobytes()
        for one, other in zip(history, again[1], strict=True):
            assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert (fit(model, seed=9)[2] != log_odds).any()
