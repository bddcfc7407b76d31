"""Database servers of the distribution, started by the tests in folders of their own."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from ports import free_port
from programs import program

PATIENCE = 120  # seconds
ENVIRONMENT = os.environ | {"LC_ALL": "C.UTF-8"}


class Server:
    """A server that listens on a port of loopback until the block ends."""

    account = ""
    programs: Sequence[str] = ()
    package = ""

    def __init__(self, home: Path):
        self.found = {name: str(program(name, self.package)) for name in self.programs}
        self.home = home
        self.port = free_port()

    def prepare(self) -> None:
        """Make the files of an empty server."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """Return the command that runs it."""
        raise NotImplementedError

    def admin(self) -> tuple[str, list[str], str]:
        """Return the URL to make a database with, the statements, and the URL of the new database."""
        raise NotImplementedError

    def as_account(self, command: Sequence[str]) -> list[str]:
        """Return a command run by the server's account, where the tests run as root, whom servers refuse."""
        return ["runuser", "-u", self.account, "--", *command] if os.geteuid() == 0 else list(command)

    def call(self, *command: str) -> None:
        done = subprocess.run(self.as_account(command), capture_output=True, text=True, env=ENVIRONMENT, check=False)
        assert done.returncode == 0, done.stderr

    def __enter__(self) -> str:
        for folder in (self.home, *self.home.parents):
            if folder.stat().st_uid == os.geteuid() and folder.name:
                folder.chmod(folder.stat().st_mode | 0o055)  # pytest's folders are closed to the server's account
        if os.geteuid() == 0:
            shutil.chown(self.home, self.account)
        self.prepare()
        self.log = (self.home / "server.log").open("w")
        self.process = subprocess.Popen(
            self.as_account(self.command()), stdout=self.log, stderr=subprocess.STDOUT, env=ENVIRONMENT
        )
        url, statements, made = self.admin()
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        wait_for(lambda: _answers(engine), f"{self.package} answers", self.process, self.home / "server.log")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()
        return made

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.log.close()


def _answers(engine: object) -> bool:
    try:
        with engine.connect():  # type: ignore[attr-defined]
            return True
    except SQLAlchemyError:
        return False


def wait_for(met: Callable[[], bool], what: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"waited {PATIENCE} s until {what}: {log.read_text()}"
        time.sleep(0.1)


class Postgres(Server):
    account = "postgres"
    programs = ("initdb", "postgres")
    package = "postgresql"

    def prepare(self) -> None:
        self.call(self.found["initdb"], "-D", f"{self.home}/data", "-U", "postgres", "--auth=trust", "-E", "UTF8")

    def command(self) -> list[str]:
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        return [
            self.found["postgres"],
            "-D",
            f"{self.home}/data",
            *(f"--{key}={value}" for key, value in options.items()),
        ]

    def admin(self) -> tuple[str, list[str], str]:
        url = f"postgresql+psycopg://postgres@127.0.0.1:{self.port}"
        return f"{url}/postgres", ["CREATE DATABASE gliobench"], f"{url}/gliobench"


class MariaDB(Server):
    account = "mysql"
    programs = ("mariadbd", "mariadb-install-db")
    package = "mariadb-server"

    def prepare(self) -> None:
        self.call(
            *(self.found["mariadb-install-db"], "--no-defaults", f"--datadir={self.home}/data"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )

    def command(self) -> list[str]:
        options = {"datadir": f"{self.home}/data", "port": self.port, "bind-address": "127.0.0.1"}
        options |= {"socket": f"{self.home}/socket", "pid-file": f"{self.home}/pid"}
        return [self.found["mariadbd"], "--no-defaults", *(f"--{key}={value}" for key, value in options.items())]

    def admin(self) -> tuple[str, list[str], str]:
        url = f"mysql+pymysql://root@127.0.0.1:{self.port}"
        made = ["CREATE DATABASE gliobench CHARACTER SET utf8mb4"]
        return f"{url}/mysql", made, f"{url}/gliobench?charset=utf8mb4"
