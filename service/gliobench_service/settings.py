"""Settings of the service: from the environment, so that every process of it has the same."""

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gliobench.errors import GlioBenchError
from gliobench.predict.request import find_models, read_record

PREFIX = "GLIOBENCH_SERVICE_"


class Settings(BaseModel):
    """
    Settings; each is the variable ``GLIOBENCH_SERVICE_<NAME>`` of the environment.

    Attributes
    ----------
    run : Path
        Folder of the run whose models answer; commands that only use the database do without.
    data : Path
        Folder of uploads, kept images and maps, and of the embedded database.
    database : str
        URL for SQLAlchemy; by default SQLite in `data`.
    https : bool
        Whether users reach the service by HTTPS, so that cookies are for HTTPS only; false on loopback.
    workers : int
        Processes that predict; each loads the models once.
    threads : int
        Threads of a worker.
    device : {"auto", "cpu", "cuda"}
        As for a training.
    worker_memory : int
        Bytes of memory above which a worker is ended.
    job_seconds : int
        Time above which a job is ended.
    lease_seconds : int
        A job whose worker has not reported for so long is given to another.
    upload_bytes, unpacked_bytes, files : int
        Most of one upload: bytes sent, bytes after unpacking, files.
    queued : int
        Most waiting jobs of one user.
    uploads_per_hour : int
        Most uploads of one user.
    attempts : int
        Most failed sign-ins of a name, or an address, within `attempt_minutes`.
    attempt_minutes : int
        See `attempts`.
    session_hours : int
        After so long a browser must sign in again.
    token_days : int
        After so long a token ends.
    keep_hours : int
        Images kept on purpose are deleted after so long.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Path | None = None
    data: Path = Path("results/service")
    database: str = ""
    https: bool = False
    workers: int = Field(1, ge=1, le=64)
    threads: int = Field(1, ge=1, le=64)
    device: str = Field("auto", pattern="^(auto|cpu|cuda)$")
    worker_memory: int = Field(6 * 2**30, ge=2**28)
    job_seconds: int = Field(900, ge=1)
    lease_seconds: int = Field(60, ge=2)
    upload_bytes: int = Field(2 * 2**30, ge=1)
    unpacked_bytes: int = Field(4 * 2**30, ge=1)
    files: int = Field(5000, ge=1)
    queued: int = Field(20, ge=1)
    uploads_per_hour: int = Field(200, ge=1)
    attempts: int = Field(10, ge=1)
    attempt_minutes: int = Field(15, ge=1)
    session_hours: int = Field(12, ge=1)
    token_days: int = Field(30, ge=1)
    keep_hours: int = Field(24, ge=1)

    @property
    def url(self) -> str:
        """The database."""
        return self.database or f"sqlite:///{self.data.resolve() / 'service.sqlite'}"

    @property
    def jobs(self) -> Path:
        """Where each job has its folder."""
        return self.data / "jobs"

    def served_run(self) -> Path:
        """
        Return the folder of the run, absolute.

        Raises
        ------
        GlioBenchError
            It has no run, or no models.
        """
        if self.run is None or not self.run.is_dir():
            there = f"there is no folder {self.run}" if self.run else f"{PREFIX}RUN is not set"
            raise GlioBenchError(f"{there}: name the folder of a finished run.")
        read_record(self.run)
        find_models(self.run)
        return self.run.resolve()

    def environment(self) -> dict[str, str]:
        """Return the variables that make another process have these settings."""
        values = self.model_dump(mode="json", exclude_none=True)
        return {PREFIX + name.upper(): str(value) for name, value in values.items()}


def read_settings(environment: Any = os.environ, **given: Any) -> Settings:
    """
    Read the settings.

    Parameters
    ----------
    environment : mapping of str to str
        Where the variables are.
    **given
        Settings that take precedence.

    Raises
    ------
    GlioBenchError
        A variable is unknown or has a value that it cannot have.
    """
    found = {name.removeprefix(PREFIX).lower(): value for name, value in environment.items() if name.startswith(PREFIX)}
    try:
        return Settings(**(found | given))
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(map(str, first["loc"])).upper()
        raise GlioBenchError(f"{name}: {first['msg']}; docs/service.md lists the settings.") from None
