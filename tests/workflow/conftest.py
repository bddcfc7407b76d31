import fcntl
import shutil
from pathlib import Path

import pytest
from studies import CHANCE, CHANCE_TABLES, SMALL, SMOKE, copy_project, finish


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without results."""
    return copy_project(tmp_path / "project")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def finished(shared: Path) -> Path:
    """The project with its smoke study finished, made once for all workers: to be read, never changed."""
    return made_once(shared / "finished", SMOKE)


@pytest.fixture(scope="session")
def finished_small(shared: Path) -> Path:
    """The project with the small study finished, made once for all workers: to be read, never changed."""
    return made_once(shared / "finished_small", SMALL)


@pytest.fixture(scope="session")
def finished_chance(shared: Path) -> Path:
    """The project with the study of chance finished, made once for all workers: to be read, never changed."""
    return made_once(shared / "finished_chance", [*CHANCE, *CHANCE_TABLES])


def made_once(folder: Path, study: list[str]) -> Path:
    """Return a project with a finished study; the first worker that asks makes it, the others wait."""
    done = folder / "done"
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder)
            project = copy_project(folder / "project")
            (folder / "printed").write_text(finish(project, *study), encoding="utf-8")
            done.touch()
    return folder / "project"


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A finished smoke study of one's own; files keep their times, so that it is still finished."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


@pytest.fixture
def small_copy(finished_small: Path, tmp_path: Path) -> Path:
    """A finished small study of one's own; files keep their times, so that it is still finished."""
    return Path(shutil.copytree(finished_small, tmp_path / "project", symlinks=True))
