import fcntl
import shutil
from pathlib import Path

import pytest
from studies import SMOKE, copy_project, finish


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without results."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The project with its smoke study finished, made once for all workers: to be read, never changed."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    done = shared / "finished" / "done"
    done.parent.mkdir(exist_ok=True)
    with (shared / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(done.parent)
            project = copy_project(done.parent / "project")
            (done.parent / "printed").write_text(finish(project, *SMOKE), encoding="utf-8")
            done.touch()
    return done.parent / "project"


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A finished study of one's own; files keep their times, so that it is still finished."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
