"""The connection to the database, and its migrations."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

BUSY = 30  # seconds that SQLite waits for another writer


@cache
def engine_of(url: str) -> Engine:
    """Return the engine of a database, one per process; its errors do not quote values, which may be an answer."""
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_pre_ping=True, pool_recycle=1800, isolation_level="READ COMMITTED", hide_parameters=True
        )
    engine = create_engine(url, connect_args={"timeout": BUSY}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where SQLAlchemy says
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A reading transaction that writes later fails if another wrote meanwhile: those that write say so at once.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(url: str) -> Iterator[Session]:
    """Open a session that only reads."""
    with Session(engine_of(url), expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(url: str) -> Iterator[Session]:
    """Open a session whose changes are stored together at the end of the block, or not at all."""
    with (
        engine_of(url).execution_options(writes=True).connect() as connection,
        Session(connection, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


def migrate(url: str, revision: str = "head") -> None:
    """Bring the tables of a database to a revision, upwards or, to ``base``, downwards."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["url"] = url
    (command.downgrade if revision == "base" or revision.startswith("-") else command.upgrade)(config, revision)
