"""A run to serve, databases, and the service itself; without the group `service` these tests do not exist."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("fastapi") is None:
    collect_ignore_glob = ["*"]
else:
    from studies import copy_project, finish

    from gliobench_service.database import engine_of, migrate
    from gliobench_service.settings import Settings, read_settings
    from servers import MariaDB, Postgres

HERE = Path(__file__).parent
RUN = "results/service/planted/runs/{}/harmonised/repeat-0/seed-0/batch-0"


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished study, made once for all workers; TEST_STUDY names where to keep it between calls."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    home = Path(os.environ.get("TEST_STUDY", shared / "study"))
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        project = home / "project"
        if not (home / "done").exists():
            copy_project(project)
            shutil.copy(HERE / "study.yaml", project)
            files = [RUN.format(f"{name}/all") + "/run.json" for name in ("baseline/intensity", "stacked_cnn3d/main")]
            files.append("results/service/tables/comparison.tsv")
            finish(project, "--configfile", "study.yaml", "--set-scatter", "shards=1", "--", *files)
            (home / "done").touch()
    return project


@pytest.fixture(scope="session")
def run(study: Path) -> Path:
    """A run whose models are light."""
    return study / RUN.format("baseline/intensity/all")


@pytest.fixture(scope="session")
def cam_run(study: Path) -> Path:
    """A run with Grad-CAM."""
    return study / RUN.format("stacked_cnn3d/main/all")


@pytest.fixture(scope="session")
def images(study: Path) -> Path:
    """The patients of its cohort."""
    return study / "results/service/planted/images/train"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Postgres(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with MariaDB(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres", "mariadb"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind, with the tables."""
    url = (
        f"sqlite:///{tmp_path / 'service.sqlite'}"
        if request.param == "sqlite"
        else request.getfixturevalue(request.param)
    )
    migrate(url)
    yield url
    migrate(url, "base")
    engine_of(url).dispose()


@pytest.fixture
def settings(run: Path, tmp_path: Path) -> "Settings":
    """Settings of a service with an empty SQLite database."""
    made = read_settings({}, run=run, data=tmp_path / "data")
    made.data.mkdir()
    migrate(made.url)
    return made
