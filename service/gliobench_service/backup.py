"""A backup of users, answers and log as one file, the same for each kind of database; images are never in it."""

import shutil
import tarfile
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, Engine, Table, create_engine, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gliobench.errors import GlioBenchError
from gliobench_service.answer_files import MAP
from gliobench_service.database import engine_of, writing
from gliobench_service.settings import PREFIX, Settings
from gliobench_service.tables import CANCELLED, DONE, FAILED, Base, Event, Job, User

DATABASE = "database.sqlite"
TABLES: list[Table] = [Base.metadata.tables[name] for name in ("users", "jobs", "log")]  # sessions and tokens end
ROWS = 1000  # copied at a time


def back_up(settings: Settings, file: Path) -> dict[str, int]:
    """
    Write a backup, while the service works.

    Parameters
    ----------
    settings : Settings
        Of the service.
    file : Path
        The ``.tar.gz`` to write; only the owner may read it.

    Returns
    -------
    dict of str to int
        Rows of each table. Jobs that have not ended are left out, since their images are.

    Raises
    ------
    GlioBenchError
        The file exists, or the service has no data.
    """
    if not settings.data.is_dir():
        raise GlioBenchError(f"there is no folder {settings.data}: set {PREFIX}DATA to the data of the service.")
    if file.exists():
        raise GlioBenchError(f"{file} exists: name another file.")
    with TemporaryDirectory(dir=settings.data) as work:
        copy = create_engine(f"sqlite:///{Path(work) / DATABASE}", hide_parameters=True)
        Base.metadata.create_all(copy)
        with _one_state(settings.url).connect() as source, Session(copy) as target:
            counts = {table.name: _copy(source, target, table) for table in TABLES}
            ended = [str(job) for job in target.scalars(select(Job.id))]
            target.commit()
        copy.dispose()
        file.touch(mode=0o600)
        with tarfile.open(file, "w:gz") as archive:
            archive.add(Path(work) / DATABASE, DATABASE)
            for job in ended:
                path = settings.jobs / job / "result" / MAP
                if path.is_file():
                    archive.add(path, f"jobs/{job}/result/{MAP}")
    return counts


def _one_state(url: str) -> Engine:
    """Return an engine whose transactions see one state of all tables, whoever writes meanwhile."""
    engine = engine_of(url)
    return engine if url.startswith("sqlite") else engine.execution_options(isolation_level="REPEATABLE READ")


def _copy(source: Connection, target: Session, table: Table) -> int:
    query = select(table)
    if table.name == Job.__tablename__:
        query = query.where(table.c.state.in_((DONE, FAILED, CANCELLED)))
    count = 0
    for rows in source.execute(query).mappings().partitions(ROWS):
        target.execute(insert(table), [dict(row) for row in rows])
        count += len(rows)
    return count


def restore(settings: Settings, file: Path) -> dict[str, int]:
    """
    Fill a database that has tables and nothing in them from a backup.

    Returns
    -------
    dict of str to int
        Rows of each table.

    Raises
    ------
    GlioBenchError
        The database holds users already, or the file is not a backup.
    """
    with TemporaryDirectory(dir=settings.data) as work:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(work, filter="data")
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            why = type(error).__name__
            raise GlioBenchError(f"{file} is damaged or not a backup ({why}): name another.") from None
        if not (Path(work) / DATABASE).is_file():
            raise GlioBenchError(f"{file} is not a backup of the service, as it holds no {DATABASE}: name another.")
        copy = create_engine(f"sqlite:///{Path(work) / DATABASE}", hide_parameters=True)
        with copy.connect() as source, writing(settings.url) as target:
            _check_copy(source, file)
            if target.scalar(select(func.count()).select_from(User)):
                raise GlioBenchError("the database holds users already: restore into an empty one.")
            counts = {table.name: _copy(source, target, table) for table in TABLES}
            if settings.url.startswith("postgresql"):
                for table in (User, Event):
                    last = select(func.coalesce(func.max(table.id), 1)).scalar_subquery()
                    sequence = func.pg_get_serial_sequence(table.__tablename__, "id")
                    target.execute(select(func.setval(sequence, last)))
        copy.dispose()
        if (Path(work) / "jobs").is_dir():
            shutil.copytree(Path(work) / "jobs", settings.jobs, dirs_exist_ok=True)
    return counts


def _check_copy(source: Connection, file: Path) -> None:
    """Refuse a damaged database before it is copied: what fails later is blamed on the one that is filled."""
    try:
        sound = source.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
        for table in TABLES:
            source.execute(select(table).limit(1))
    except SQLAlchemyError:
        sound = False
    if not sound:
        raise GlioBenchError(f"{file} is damaged or not a backup, as its {DATABASE} cannot be read: name another.")
