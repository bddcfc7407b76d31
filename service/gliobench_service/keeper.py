"""The process that keeps workers running, within their memory and time, and deletes what is due."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import psutil
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from gliobench.processes import lead_jobs
from gliobench_service import journal, queue
from gliobench_service.answer_files import MAP, tidy
from gliobench_service.database import reading, writing
from gliobench_service.safely import report_error
from gliobench_service.settings import Settings
from gliobench_service.tables import DONE, RUNNING, WAITING, Job, Key, now

LOOK = 1.0  # seconds between looks at the workers
CLOCK = 60.0  # seconds between looks at what is due to be deleted
FORGOTTEN = 3600.0  # seconds without a change, after which the folder of an upload that never ended is deleted
COMMAND = (sys.executable, "-m", "gliobench_service")


class Keeper:
    """
    Keeps processes running.

    Parameters
    ----------
    settings : Settings
        Of the service.
    web : list of str
        Arguments of the command of the web server, if this process keeps one as well.
    """

    def __init__(self, settings: Settings, web: list[str] | None = None):
        self.settings = settings
        self.commands = [["worker"]] * settings.workers + ([web] if web else [])
        self.processes: list[subprocess.Popen[bytes] | None] = [None] * len(self.commands)
        self.started = [0.0] * len(self.commands)

    def keep(self) -> None:
        """Work until the process is ended; its children end with it."""
        lead_jobs()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        due = 0.0
        try:
            while True:
                for place in range(len(self.commands)):
                    self._keep_one(place)
                self._end_overdue()
                if time.monotonic() >= due:
                    clean(self.settings)
                    due = time.monotonic() + CLOCK
                time.sleep(LOOK)
        except KeyboardInterrupt:
            pass
        finally:
            for process in filter(None, self.processes):
                process.terminate()
            for process in filter(None, self.processes):
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def _keep_one(self, place: int) -> None:
        process = self.processes[place]
        if process is not None and process.poll() is None:
            if self.commands[place] == ["worker"] and _memory(process.pid) > self.settings.worker_memory:
                process.kill()
                process.wait()
            return
        if process is not None:
            self._give_back(process.pid)
        if time.monotonic() - self.started[place] < 5 * LOOK:  # it ended at once: not in a hurry
            return
        self.started[place] = time.monotonic()
        self.processes[place] = subprocess.Popen(
            [*COMMAND, *self.commands[place]], env=os.environ | self.settings.environment()
        )

    def _give_back(self, process_id: int) -> None:
        try:
            with writing(self.settings.url) as session:
                queue.release(session, process_id)
        except SQLAlchemyError as error:
            report_error(error)

    def _end_overdue(self) -> None:
        """Kill the workers whose job takes too long."""
        since = now() - timedelta(seconds=self.settings.job_seconds)
        overdue = select(Job.worker).where(Job.state == RUNNING, Job.started < since)
        try:
            with reading(self.settings.url) as session:
                late = set(session.scalars(overdue))
        except SQLAlchemyError as error:
            report_error(error)
            return
        for process in filter(None, self.processes):
            if queue.worker_name(process.pid) in late:
                process.kill()


def _memory(process_id: int) -> int:
    try:
        return int(psutil.Process(process_id).memory_info().rss)
    except psutil.Error:
        return 0


def clean(settings: Settings) -> None:
    """Delete what is due: images after their time, ended sessions, and what killed processes left."""
    try:
        _delete_images(settings)
        with writing(settings.url) as session:
            session.execute(delete(Key).where(Key.expires < now()))
            queue.end_abandoned(session)
        _delete_leftovers(settings)
    except (SQLAlchemyError, OSError) as error:
        report_error(error)


def _delete_images(settings: Settings) -> None:
    with writing(settings.url) as session:
        for job in session.scalars(select(Job).where(Job.images_until < now())):
            job.images_until = None
            for path in (settings.jobs / job.id / "result").glob("*.nii.gz"):
                if path.name != MAP:
                    path.unlink(missing_ok=True)
            journal.note(session, journal.IMAGES_DELETED, job_id=job.id, model=job.model)


def _delete_leftovers(settings: Settings) -> None:
    for folder in _folders(settings.data / "incoming"):
        if _forgotten(folder):
            shutil.rmtree(folder, ignore_errors=True)
    for folder in _folders(settings.jobs):
        with reading(settings.url) as session:
            job = session.get(Job, folder.name)
        if job is None:
            if _forgotten(folder):
                shutil.rmtree(folder, ignore_errors=True)
        elif job.state not in (WAITING, RUNNING):
            tidy(job.id, settings, job.state == DONE)


def _forgotten(folder: Path) -> bool:
    """Whether nothing in a folder has changed for long; bytes that arrive change the time of their file alone."""
    try:
        changed = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
    except FileNotFoundError:  # something in it was moved or deleted right now
        return False
    return time.time() - changed > FORGOTTEN


def _folders(home: Path) -> list[Path]:
    return [path for path in home.iterdir() if path.is_dir()] if home.is_dir() else []
