"""Initial weights of PyTorch networks: none, ImageNet's through torchvision, or a file."""

from collections.abc import Callable, Sequence
from http.client import HTTPException
from pathlib import Path

import torch
from torch import nn

from gliobench.errors import GlioBenchError
from gliobench.training.torch_session import read_plain

CHOICES = "set `weights` to none, imagenet or the path of a file with weights."
State = dict[str, torch.Tensor]


def initial_state(
    weights: str, network: nn.Module, imagenet: Callable[[], State] | None = None, fresh: Sequence[str] = ()
) -> State:
    """
    Read the initial weights of a training.

    Parameters
    ----------
    weights : str
        ``none``, ``imagenet``, or the path of a file: a state dict of the same network, or a model that an approach
        saved. Files that carry code are refused.
    network : Module
        The network for the weights; not changed.
    imagenet : callable, optional
        Downloads ImageNet's state dict; absent if a network has none.
    fresh : sequence of str
        Names of the replaced last layer: never taken from the weights.

    Returns
    -------
    dict
        Every entry of the network's state except `fresh` and batch counts; empty for ``none``.

    Raises
    ------
    GlioBenchError
        No such weights, no download, no such file, or the file is for another network.
    """
    if weights == "none":
        return {}
    if weights == "imagenet":
        if imagenet is None:
            raise GlioBenchError(f"this network has no ImageNet weights; {CHOICES}")
        state = _downloaded(imagenet)
    else:
        state = _from_file(Path(weights))
    wanted, given = _shapes(network.state_dict(), fresh), _shapes(state, fresh)
    if given != wanted:
        raise GlioBenchError(f"the weights in {weights} are for another network; {CHOICES}")
    return {name: state[name] for name in wanted}


def _shapes(state: State, fresh: Sequence[str]) -> dict[str, torch.Size]:
    # Older files, including torchvision's, lack batch counts, which are not used.
    counts = ".num_batches_tracked"
    return {name: values.shape for name, values in state.items() if name not in fresh and not name.endswith(counts)}


def _downloaded(imagenet: Callable[[], State]) -> State:
    try:
        return imagenet()
    except (OSError, HTTPException, RuntimeError) as reason:  # no network, a broken answer, a wrong hash
        raise GlioBenchError(f"the ImageNet weights could not be downloaded ({reason}); {CHOICES}") from None


def _from_file(path: Path) -> State:
    if not path.is_file():
        raise GlioBenchError(f"there is no file {path} with weights; {CHOICES}")
    content = read_plain(path)
    if isinstance(content, dict):
        state = content.get("state", content)
        if isinstance(state, dict) and all(isinstance(values, torch.Tensor) for values in state.values()):
            return dict(state)
    raise GlioBenchError(f"{path} has no network weights; {CHOICES}")
