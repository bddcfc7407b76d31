"""What docs/full-run.md says of a machine is what the installed wheels ask for."""

import platform
import re
from importlib import metadata
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/full-run.md").read_text(encoding="utf-8")
OLD_NAMES = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
HERE = (platform.system(), platform.machine())
pytestmark = pytest.mark.skipif(HERE != ("Linux", "x86_64"), reason="the page is about another machine")


def glibc_of(wheel: str) -> tuple[int, int]:
    """Return the oldest glibc that one of a wheel's tags allows; (0, 0) without such a tag."""
    numbered = [(int(major), int(minor)) for major, minor in re.findall(r"manylinux_(\d+)_(\d+)_", wheel)]
    return min(numbered + [version for name, version in OLD_NAMES.items() if f"{name}_" in wheel], default=(0, 0))


def glibc_by_package() -> dict[str, tuple[int, int]]:
    return {dist.name.lower(): glibc_of(dist.read_text("WHEEL") or "") for dist in metadata.distributions()}


def test_the_page_names_the_glibc_of_the_most_demanding_wheels():
    needed = glibc_by_package()
    most, next_most = sorted(set(needed.values()), reverse=True)[:2]
    first = [name for name, version in needed.items() if version == most]
    second = [name for name, version in needed.items() if version == next_most]
    row = re.search(r"\| glibc \| (\d+)\.(\d+) or later .*?\| (.*) \|", PAGE)
    assert (int(row[1]), int(row[2])) == most
    assert re.findall(r"`([\w-]+)`", row[3].split(";")[0]) == first
    assert sorted(re.findall(r"`([\w-]+)`", row[3].split(";")[1])) == sorted(second)
    assert f"need {next_most[0]}.{next_most[1]}" in row[3]


def test_the_page_names_the_cuda_that_torch_is_built_with():
    (toolkit,) = (entry for entry in metadata.requires("torch") if entry.startswith("cuda-toolkit"))
    version = re.search(r"==(\d+\.\d+)", toolkit)[1]
    assert f"built with CUDA {version}," in PAGE
    assert not [entry for entry in metadata.requires("tensorflow") if "nvidia" in entry and "extra ==" not in entry]


@pytest.mark.torch
def test_the_page_names_the_oldest_gpu_that_torch_is_compiled_for():
    import torch

    oldest = min(int(name) for name in re.findall(r"sm_(\d+)", torch._C._cuda_getArchFlags()))
    assert f"compute capability {oldest // 10}.{oldest % 10} or later" in PAGE
