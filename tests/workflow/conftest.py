import fcntl
import shutil
from pathlib import Path

import pytest
from studies import CHANCE, CHANCE_TABLES, SMALL, SMALL_AUDIT, SMOKE, copy_finished, copy_project, finish


@pytest.hookimpl(trylast=True)  # once those are gone that were not asked for
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the first test make the smoke study, and those that read it too come last: no other worker waits for it."""
    smoke = [item for item in items if "finished" in getattr(item, "fixturenames", ())]
    items.sort(key=lambda item: 1 if item in smoke[1:] else -1 if item in smoke else 0)


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
def audited_small(shared: Path) -> Path:
    """The project with the small study's images made and audited, once for all workers: to be read, never changed."""
    return made_once(shared / "audited_small", SMALL_AUDIT)


@pytest.fixture(scope="session")
def finished_small(shared: Path, audited_small: Path) -> Path:
    """The project with the small study finished, made once for all workers: to be read, never changed."""
    return made_once(shared / "finished_small", SMALL, audited_small)


@pytest.fixture(scope="session")
def finished_chance(shared: Path) -> Path:
    """The project with the study of chance finished, made once for all workers: to be read, never changed."""
    return made_once(shared / "finished_chance", [*CHANCE, *CHANCE_TABLES])


def made_once(folder: Path, study: list[str], begun: Path | None = None) -> Path:
    """Return a project with a study run, from the start or from where another project left it; other workers wait."""
    done = folder / "done"
    folder.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder)
            project = folder / "project"
            copy_finished(begun, project) if begun else copy_project(project)
            (folder / "printed").write_text(finish(project, *study), encoding="utf-8")
            done.touch()
    return folder / "project"


@pytest.fixture
def finished_copy(finished: Path, tmp_path: Path) -> Path:
    """A finished smoke study of one's own."""
    return copy_finished(finished, tmp_path / "project")


@pytest.fixture
def small_copy(finished_small: Path, tmp_path: Path) -> Path:
    """A finished small study of one's own."""
    return copy_finished(finished_small, tmp_path / "project")


@pytest.fixture
def audited_copy(audited_small: Path, tmp_path: Path) -> Path:
    """A small study of one's own, with its images made and audited."""
    return copy_finished(audited_small, tmp_path / "project")
