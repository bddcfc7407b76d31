import pytest

from gliobench.training.gpus import visible_gpus


@pytest.fixture(autouse=True, scope="session")
def gpu():
    """Fail at once where there is no GPU, and not after minutes of a study."""
    if not visible_gpus():
        pytest.fail("make test-gpu needs an NVIDIA GPU, and none is visible here")
