"""Clients of the service inside the test's process, and archives of patients."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient

from gliobench_service.accounts import add_user, make_key
from gliobench_service.database import reading, writing
from gliobench_service.queue import claim
from gliobench_service.settings import Settings
from gliobench_service.tables import TOKEN, USER
from gliobench_service.web import make_app
from gliobench_service.worker import do

PASSWORD = "correct horse battery"


@contextmanager
def client_of(settings: Settings) -> Iterator[TestClient]:
    with TestClient(make_app(settings), base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def token_of(settings: Settings, name: str, role: str = USER) -> dict[str, str]:
    """Add a user and return the headers that say so."""
    with writing(settings.url) as session:
        user = add_user(session, name, PASSWORD, role)
        session.flush()
        secret, _ = make_key(session, user, TOKEN, settings)
    return {"Authorization": f"Bearer {secret}"}


def zipped(files: Mapping[str, bytes | Path]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    return stream.getvalue()


def patient_files(folder: Path, prefix: str = "") -> dict[str, bytes | Path]:
    return {prefix + path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*.dcm"))}


def work_once(settings: Settings, predictor: object) -> None:
    """Do the next job as a worker does."""
    with writing(settings.url) as session:
        job = claim(session, settings.lease_seconds)
    assert job is not None
    do(job, predictor, settings)


def left_on_disk(settings: Settings) -> list[str]:
    """Return what is on the disk of a service besides the database, its folders included."""
    with reading(settings.url):
        pass
    home = settings.data
    found = [path for path in home.rglob("*") if not path.name.startswith("service.sqlite")]
    return sorted(str(path.relative_to(home)) for path in found if path.name not in ("incoming", "jobs"))
