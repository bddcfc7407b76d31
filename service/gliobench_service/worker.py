"""A process that takes jobs from the queue and answers them, with the models in memory."""

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from gliobench.arithmetic import pin
from gliobench.caches import keep_caches
from gliobench.errors import GlioBenchError
from gliobench.processes import die_with_parent, end_on_interrupt
from gliobench_service import queue
from gliobench_service.answer_files import tidy
from gliobench_service.database import writing
from gliobench_service.safely import quiet_libraries, report_error
from gliobench_service.settings import Settings
from gliobench_service.tables import Job

PAUSE = 0.5  # seconds between looks at an empty queue, or tries to reach the database
UNEXPECTED = "The prediction failed by an error of the service."


def work(settings: Settings) -> None:
    """Answer jobs until the process is ended."""
    die_with_parent()
    end_on_interrupt()
    quiet_libraries()
    pin()
    os.nice(5)  # the pages must answer meanwhile
    keep_caches(settings.data / "cache")
    from gliobench.training import Machine
    from gliobench.training.gpus import claim_gpu
    from gliobench_service.answer import Predictor  # after the variables that its libraries read

    claim_gpu(0 if settings.device == "cpu" else 1, locks=settings.data / "gpus")
    predictor = Predictor(settings.served_run(), Machine(settings.threads, settings.device))
    pause = threading.Event()
    while True:
        job = _claim(settings)
        if job is None:
            pause.wait(PAUSE)
        else:
            do(job, predictor, settings)


def _claim(settings: Settings) -> Job | None:
    try:
        with writing(settings.url) as session:
            return queue.claim(session, settings.lease_seconds)
    except SQLAlchemyError as error:  # the database is away; it may come back
        report_error(error)
        return None


def do(job: Job, predictor: Any, settings: Settings) -> None:
    """Answer one job that this process holds."""
    home = settings.jobs / job.id
    claimed = str(job.claim)
    work, result = home / f"work-{claimed}", home / f"result-{claimed}"
    reason: str | None = None
    answer: dict[str, Any] | None = None
    with Held(job.id, claimed, settings) as held:
        try:
            work.mkdir()
            result.mkdir()
            patient = home / "patient" / "uploaded"
            answer = without_paths(predictor.answer(patient, work, result, job.keep, held.report), work, settings)
            shutil.rmtree(home / "result", ignore_errors=True)  # of a worker that was killed after this
            result.rename(home / "result")
        except Lost:
            pass
        except GlioBenchError as error:
            reason = without_paths(str(error), work, settings)
        except Exception as error:
            answer, reason = None, _unexpected(error)
        try:
            stored = _finish(held, answer, reason)
        except Exception as error:  # the database refuses something in the answer, and would again
            answer, reason = None, _unexpected(error)
            stored = _finish(held, answer, reason)
    if stored:
        tidy(job.id, settings, done=answer is not None)
    else:
        for folder in (work, result):
            shutil.rmtree(folder, ignore_errors=True)


def _unexpected(error: Exception) -> str:
    return f"{UNEXPECTED} Its number is {report_error(error)}."


def _finish(held: "Held", answer: dict[str, Any] | None, reason: str | None) -> bool:
    """Store the answer of a job; while the database is away, try again as long as the job is this process's."""
    while not held.lost:
        try:
            with writing(held.settings.url) as session:
                return queue.finish(session, held.job_id, held.claimed, answer, reason, held.settings)
        except (OperationalError, InterfaceError) as error:
            report_error(error)
            time.sleep(PAUSE)
    return False


def without_paths(value: Any, work: Path, settings: Settings) -> Any:
    """Return a message, or an answer with messages in it, without the paths of a job's folders and of the run."""
    if isinstance(value, dict):
        return {name: without_paths(each, work, settings) for name, each in value.items()}
    if isinstance(value, list):
        return [without_paths(each, work, settings) for each in value]
    if isinstance(value, str):
        for folder in (work, work.parent / "patient", work.parent):
            for path in (folder.resolve(), folder):
                value = value.replace(f"{path}/", "")
        if settings.run:
            value = value.replace(str(settings.run.resolve()), "the run")
    return value


class Lost(Exception):
    """The job is no longer this process's: it was cancelled, deleted, or given to another."""


class Held:
    """Keeps a job while it is done: a thread renews its lease."""

    def __init__(self, job_id: str, claimed: str, settings: Settings):
        self.job_id, self.claimed, self.settings = job_id, claimed, settings
        self.lost = False
        self._stage: dict[str, Any] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew_until_the_end, daemon=True)

    def report(self, stage: str, progress: float) -> None:
        """Say what is done; raise `Lost` if it need not be done any more."""
        self._stage = {"stage": stage, "progress": progress}
        self._renew()
        if self.lost:
            raise Lost

    def _renew(self) -> None:
        try:
            with writing(self.settings.url) as session:
                lease = self.settings.lease_seconds
                self.lost = not queue.renew(session, self.job_id, self.claimed, lease, **self._stage)
        except SQLAlchemyError as error:
            report_error(error)

    def _renew_until_the_end(self) -> None:
        while not self._end.wait(self.settings.lease_seconds / 4) and not self.lost:
            self._renew()

    def __enter__(self) -> "Held":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
