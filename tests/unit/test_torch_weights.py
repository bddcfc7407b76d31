import pickle
from importlib import import_module
from urllib.error import URLError

import pytest

from gliobench.errors import GlioBenchError

pytestmark = pytest.mark.torch
CHOICES = "set `weights` to none, imagenet or the path of a file with weights"
HEAD = ("1.weight", "1.bias")


@pytest.fixture(scope="module")
def torch():
    return import_module("torch")


@pytest.fixture
def network(torch):
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))


def read(weights, network, **more):
    return import_module("gliobench.training.torch_weights").initial_state(str(weights), network, **more)


def thousand_classes(torch):
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1000)).state_dict()


def test_none_is_nothing(network):
    assert read("none", network) == {}


def test_imagenet_gives_all_but_the_replaced_last_layer(torch, network):
    given = thousand_classes(torch)
    state = read("imagenet", network, imagenet=lambda: given, fresh=HEAD)
    assert set(state) == {"0.weight", "0.bias"}
    assert (state["0.weight"] == given["0.weight"]).all()


def test_files_without_counts_of_batches_are_taken_as_torchvisions_are(torch):
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    given = {name: values for name, values in network.state_dict().items() if "num_batches" not in name}
    state = read("imagenet", network, imagenet=lambda: given)
    assert set(state) == set(given)
    network.load_state_dict(network.state_dict() | state)


@pytest.mark.parametrize(
    "reason", [URLError("no route"), TimeoutError("timed out"), RuntimeError("invalid hash value")]
)
def test_a_download_that_fails_names_the_three_choices(network, reason):
    def download():
        raise reason

    with pytest.raises(GlioBenchError, match=f"could not be downloaded .*; {CHOICES}"):
        read("imagenet", network, imagenet=download)


def test_a_network_without_imagenet_weights_says_so(network):
    with pytest.raises(GlioBenchError, match=f"no ImageNet weights; {CHOICES}"):
        read("imagenet", network)


def test_a_file_is_a_state_dict_or_a_saved_model(torch, network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "bare.pth")
    import_module("gliobench.training.torch_session").save_weights(network, tmp_path / "model.pt", {})
    for name in ("bare.pth", "model.pt"):
        state = read(tmp_path / name, network)
        assert all((state[entry] == values).all() for entry, values in network.state_dict().items())


def test_a_file_of_another_network_says_so(torch, network, tmp_path):
    torch.save(thousand_classes(torch), tmp_path / "thousand.pth")
    torch.save({"other": torch.zeros(1)}, tmp_path / "other.pth")
    assert set(read(tmp_path / "thousand.pth", network, fresh=HEAD)) == {"0.weight", "0.bias"}
    for name in ("thousand.pth", "other.pth"):
        with pytest.raises(GlioBenchError, match=f"{name} are for another network; {CHOICES}"):
            read(tmp_path / name, network)


def test_an_absent_file_names_the_three_choices(network, tmp_path):
    with pytest.raises(GlioBenchError, match=rf"there is no file .*absent\.pth with weights; {CHOICES}"):
        read(tmp_path / "absent.pth", network)


class Code:
    """Would run when unpickled."""

    def __reduce__(self):
        return (print, ("run",))


def test_a_file_that_carries_code_is_refused(network, tmp_path, capsys):
    (tmp_path / "code.pth").write_bytes(pickle.dumps(Code(), protocol=2))
    with pytest.raises(GlioBenchError, match=r"code\.pth holds no PyTorch weights"):
        read(tmp_path / "code.pth", network)
    assert capsys.readouterr().out == ""


def test_a_file_of_something_else_is_no_weights(torch, network, tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "numbers.pth")
    for name in ("list.pth", "numbers.pth"):
        with pytest.raises(GlioBenchError, match=f"{name} has no network weights; {CHOICES}"):
            read(tmp_path / name, network)
