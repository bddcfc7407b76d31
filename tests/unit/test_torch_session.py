import pickle
from copy import deepcopy
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

from gliobench.errors import GlioBenchError
from gliobench.training import Machine

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def session():
    return import_module("gliobench.training.torch_session")


@pytest.fixture(scope="module")
def torch():
    return import_module("torch")


@pytest.fixture
def on_cpu(session, torch, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    yield session.prepare(Machine(1, "auto", False))
    session.prepare(Machine(1, "cpu", False))


def test_without_a_gpu_auto_is_the_cpu_with_exact_repeats(on_cpu, session, torch):
    assert on_cpu == "cpu"
    assert session.device().type == "cpu"
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def test_a_machine_may_be_prepared_twice(on_cpu, session):
    assert session.prepare(Machine(1, "cpu", False)) == "cpu"


def test_cuda_without_a_gpu_is_a_sentence(on_cpu, session):
    with pytest.raises(GlioBenchError, match="has no CUDA GPU; set `device: auto` or `device: cpu`"):
        session.prepare(Machine(1, "cuda", False))


def test_a_visible_gpu_that_pytorch_cannot_use_is_a_warning_or_an_error_that_says_so(
    on_cpu, session, monkeypatch, caplog
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    with pytest.raises(GlioBenchError, match=r"requested, but PyTorch cannot use the visible GPU \(0\): .* driver"):
        session.prepare(Machine(1, "cuda", False))
    assert session.prepare(Machine(1, "auto", False)) == "cpu"
    assert caplog.messages[-1].startswith("PyTorch cannot use the visible GPU (0): ")


@pytest.mark.parametrize(
    ("programs", "cc", "compiles"),
    [
        (["gcc"], None, True),
        (["clang"], None, True),
        (["mine"], "mine", True),
        ([], None, False),
        (["gcc"], "x", False),
    ],
)
def test_on_a_gpu_networks_are_compiled_where_there_is_a_c_compiler_and_a_warning_says_if_not(
    on_cpu, session, torch, monkeypatch, tmp_path, caplog, programs, cc, compiles
):
    for name in programs:
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    if cc:
        monkeypatch.setenv("CC", cc)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    monkeypatch.setattr(session, "safe_bf16", lambda: True)
    assert session.prepare(Machine(1, "auto", False)) == "H100"
    assert session.compiles() == compiles
    assert ("no C compiler was found" in caplog.text) != compiles


def test_on_a_cpu_nothing_is_compiled_moved_or_computed_in_half_precision(on_cpu, session, torch):
    network = torch.nn.Conv2d(1, 2, 3)
    assert session.compiled(network) is network
    array = np.ones((2, 1, 4, 4), np.float32)
    tensor = session.resident(array)
    array[0] = 5
    assert float(tensor[0, 0, 0, 0]) == 5, "the same memory"
    with session.autocast():
        assert session.place(network, 2)(tensor).dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "shape", "parameters"),
    [
        ("resnet18", (32, 32), {}),
        ("stacked_cnn3d", (2, 6, 6, 6), {"depth": 2, "filters": 4, "dropout": 0.0}),
        ("densenet121", (2, 5, 5, 5), {"blocks": [2, 2], "validation_batch_size": 100}),
        ("resnet10_3d", (8, 8, 6), {"ensemble": 1, "widen_factor": 0.0625}),
    ],
)
def test_in_half_precision_distinct_inputs_have_distinct_log_odds(on_cpu, torch, monkeypatch, name, shape, parameters):
    approach = import_module(f"gliobench.approaches.{name}")
    monkeypatch.setattr(approach.torch_loop, "autocast", lambda: torch.autocast("cpu", torch.bfloat16))
    torch.manual_seed(0)
    model = approach.build(shape, parameters, "none")
    inputs = np.random.default_rng(0).random((100, *shape)).astype(np.float32)
    assert len(set(approach.predict(model, inputs))) == 100


def test_layers_in_float32_keep_their_names_and_leave_one_graph_to_compile(session, torch):
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    names, rows = list(network.state_dict()), torch.rand(4, 2)
    session.in_float32(network[1])
    assert list(network.state_dict()) == names
    with torch.autocast("cpu", torch.bfloat16):
        compiled = torch.compile(network, backend="eager", fullgraph=True)(rows)
        expected = network[0](rows)
    assert torch.equal(compiled, torch.nn.functional.linear(expected.float(), network[1].weight, network[1].bias))


def test_a_copy_of_a_layer_in_float32_computes_with_its_own_weights(session, torch):
    layer = torch.nn.Linear(2, 1)
    session.in_float32(layer)
    copy = deepcopy(layer)
    torch.nn.init.zeros_(copy.weight)
    assert torch.equal(copy(torch.ones(3, 2)), copy.bias.expand(3, 1))


@pytest.mark.parametrize(("size", "place"), [(49, "cuda"), (50, "cpu")])
def test_an_array_is_moved_to_a_gpu_if_it_takes_less_than_half_of_its_free_memory(
    session, torch, monkeypatch, size, place
):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (100, 1000))
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, device: device)
    kept = session.resident(np.zeros(size, np.uint8), torch.device("cuda"))
    assert getattr(kept, "device", kept).type == place


@pytest.mark.parametrize(
    ("major", "cudnn", "safe"),
    [(8, 90800, False), (8, 91002, False), (8, 91500, True), (12, 92400, True), (8, None, False), (7, 91500, False)],
)
def test_half_precision_is_used_only_where_gpu_and_cudnn_compute_it_right(
    session, torch, monkeypatch, major, cudnn, safe
):
    monkeypatch.setitem(session._used, "device", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=major))
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda device: True)  # emulated, from Turing on
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: cudnn)
    monkeypatch.setattr(torch, "autocast", lambda device, dtype: (device, dtype))
    context = session.autocast()
    assert (context == ("cuda", torch.bfloat16)) == safe


def test_weights_return_as_they_were_saved(session, torch, tmp_path):
    network = torch.nn.BatchNorm1d(3)
    session.save_weights(network, tmp_path / "model.pt", {"shape": [3], "name": "norm"})
    state, about = session.load_weights(tmp_path / "model.pt")
    assert about == {"shape": [3], "name": "norm"}
    assert all((state[name] == values).all() for name, values in network.state_dict().items())


class Code:
    """Would run when unpickled."""

    def __reduce__(self):
        return (print, ("run",))


def test_a_file_that_carries_code_is_refused_and_its_code_not_run(session, torch, tmp_path, capsys):
    torch.save({"about": {}, "state": Code()}, tmp_path / "model.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(Code(), protocol=2))
    for name in ("model.pt", "plain.pt"):
        with pytest.raises(GlioBenchError, match=f"{name} holds no PyTorch weights, or more than weights"):
            session.load_weights(tmp_path / name)
    assert capsys.readouterr().out == ""


def test_other_files_are_sentences(session, torch, tmp_path):
    with pytest.raises(GlioBenchError, match=r"absent\.pt does not exist"):
        session.load_weights(tmp_path / "absent.pt")
    (tmp_path / "text.pt").write_text("no weights")
    (tmp_path / "empty.pt").write_bytes(b"")
    for name in ("text.pt", "empty.pt"):
        with pytest.raises(GlioBenchError, match="holds no PyTorch weights"):
            session.load_weights(tmp_path / name)
    torch.save({"weight": torch.zeros(2)}, tmp_path / "bare.pt")
    with pytest.raises(GlioBenchError, match="not a model saved by GlioBench"):
        session.load_weights(tmp_path / "bare.pt")


def test_a_weight_that_is_no_number_is_seen(session, torch):
    network = torch.nn.Linear(2, 2)
    assert session.finite(network)
    network.weight.data[0, 1] = float("nan")
    assert not session.finite(network)
