"""The service's commands: ``python -m gliobench_service serve <run>``; docs/service.md describes them."""

import argparse
import getpass
import sys
from pathlib import Path
from typing import Any

from alembic.util import CommandError
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from gliobench.errors import GlioBenchError
from gliobench.processes import die_with_parent, hold
from gliobench_service import accounts
from gliobench_service.database import migrate, reading, writing
from gliobench_service.safely import report_error
from gliobench_service.settings import PREFIX, Settings, read_settings
from gliobench_service.tables import ADMINISTRATOR, ROLES, USER, User

STAYING = ("serve", "web", "workers", "worker")  # commands that work until they are ended


def main() -> None:
    """Run a command; an error that the user can fix is one sentence."""
    arguments = vars(parser().parse_args())
    command = arguments.pop("command")
    try:
        command(**arguments)
    except (GlioBenchError, SQLAlchemyError, CommandError, ModuleNotFoundError, OSError) as error:
        if command.__name__ in STAYING and not isinstance(error, GlioBenchError):
            report_error(error)  # it may be the service's own, which no sentence explains
        sys.exit(f"\nGlioBench: {_sentence(error)}\n")


def _sentence(error: Exception) -> str:
    """Return what is wrong and what to do."""
    if isinstance(error, SQLAlchemyError):
        why = str(getattr(error, "orig", None) or error).partition("\n")[0]
        return f"the database cannot be used ({why}): check {PREFIX}DATA and {PREFIX}DATABASE, and run migrate."
    if isinstance(error, CommandError):
        return f"the tables cannot be brought to this revision ({error}): name none, for the newest, or base."
    if isinstance(error, ModuleNotFoundError):
        return f"there is no Python package {error.name}: run make setup-service, and check {PREFIX}DATABASE."
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename} cannot be used ({error.strerror}): check the path, and who may write there."
    return str(error)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the commands."""
    top = argparse.ArgumentParser(prog="python -m gliobench_service", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")

    def add(name: str, command: Any, words: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=words, description=words)
        one.set_defaults(command=command)
        return one

    one = add("serve", serve, "Everything on this machine, for this machine: web server, workers, database.")
    one.add_argument("run", help="folder of a finished run")
    one.add_argument("--data", default=None, help="folder of uploads and the database")
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--workers", type=int, default=None)
    one = add("web", web, "The web server alone.")
    one.add_argument("--host", default="127.0.0.1")
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--processes", type=int, default=1)
    add("workers", workers, "The workers alone, and the clock that deletes what is due.")
    add("worker", worker, "One worker, which ends with the process that started it.")
    one = add("migrate", migrate_database, "Bring the tables of the database up to date.")
    one.add_argument("revision", nargs="?", default="head", help="a revision, or base to remove the tables")
    one = add("add-user", add_user, "Add a user; the password is asked for, or read from a pipe.")
    one.add_argument("name")
    one.add_argument("--role", choices=ROLES, default=USER)
    one = add("change-user", change_user, "Change a user's role or password, or end or allow signing in.")
    one.add_argument("name")
    one.add_argument("--role", choices=ROLES)
    one.add_argument("--password", action="store_true", help="ask for a new password")
    one.add_argument("--disabled", action=argparse.BooleanOptionalAction)
    one = add("backup", back_up, "Write users, answers and log to one file; images are not in it.")
    one.add_argument("file", type=Path, help="the .tar.gz to write")
    one = add("restore", restore, "Fill an empty database from a backup.")
    one.add_argument("file", type=Path)
    return top


def serve(run: str, data: str | None, port: int, workers: int | None) -> None:
    """Run everything on loopback; the first user is made at the terminal."""
    given = {"run": run, "data": data, "workers": workers}
    settings = read_settings(**{name: value for name, value in given.items() if value is not None})
    _prepare(settings)
    hold(settings.data / "serve.lock")
    with reading(settings.url) as session:
        there = session.scalar(select(func.count()).select_from(User))
    if not there:
        print("There is no user yet; the first one is an administrator.")
        name = input("Name: ") if sys.stdin.isatty() else sys.stdin.readline().strip()
        _add(settings, name, ADMINISTRATOR)
    print(f"GlioBench: http://127.0.0.1:{port} answers with {settings.run}; Ctrl-C ends it.", flush=True)
    from gliobench_service.keeper import Keeper

    Keeper(settings, ["web", "--port", str(port)]).keep()


def web(host: str, port: int, processes: int) -> None:
    """Run the web server."""
    import uvicorn

    die_with_parent()
    settings = read_settings()
    settings.served_run()
    uvicorn.run(
        "gliobench_service.web:serve_app",
        factory=True,
        host=host,
        port=port,
        workers=processes,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        proxy_headers=True,  # from loopback, or the addresses in FORWARDED_ALLOW_IPS
    )


def workers() -> None:
    """Run the workers."""
    from gliobench_service.keeper import Keeper

    settings = read_settings()
    settings.served_run()
    hold(settings.data / "workers.lock")
    Keeper(settings).keep()


def worker() -> None:
    """Run one worker."""
    from gliobench_service.worker import work

    work(read_settings())


def migrate_database(revision: str) -> None:
    """Bring the database to a revision."""
    settings = read_settings()
    settings.data.mkdir(parents=True, exist_ok=True)
    migrate(settings.url, revision)


def add_user(name: str, role: str) -> None:
    """Add a user."""
    _add(read_settings(), name, role)


def change_user(name: str, role: str | None, password: bool, disabled: bool | None) -> None:
    """Change a user."""
    new = _ask_password() if password else None
    with writing(read_settings().url) as session:
        accounts.change_user(session, name, role, new, disabled)


def back_up(file: Path) -> None:
    """Write a backup."""
    from gliobench_service import backup

    counts = backup.back_up(read_settings(), file)
    print(f"{file}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


def restore(file: Path) -> None:
    """Fill an empty database from a backup."""
    from gliobench_service import backup

    settings = read_settings()
    settings.data.mkdir(parents=True, exist_ok=True)
    migrate(settings.url)
    counts = backup.restore(settings, file)
    print(f"{file}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))


def _add(settings: Settings, name: str, role: str) -> None:
    with writing(settings.url) as session:
        accounts.add_user(session, name, _ask_password(), role)


def _ask_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise GlioBenchError("the two passwords differ: start again.")
    return password


def _prepare(settings: Settings) -> None:
    settings.served_run()
    settings.data.mkdir(parents=True, exist_ok=True)
    settings.data.chmod(0o700)
    migrate(settings.url)


if __name__ == "__main__":
    main()
