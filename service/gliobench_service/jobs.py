"""What is done with jobs: taken, shown, deleted."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from fastapi import Request
from sqlalchemy import func, select
from starlette.concurrency import run_in_threadpool

from gliobench_service import journal, queue
from gliobench_service.access import Account, address_of
from gliobench_service.answer_files import files_of
from gliobench_service.answers import Result
from gliobench_service.database import reading, writing
from gliobench_service.errors import Refused
from gliobench_service.intake import arrange
from gliobench_service.receive import receive
from gliobench_service.settings import Settings
from gliobench_service.tables import WAITING, Job

TRUE = ("1", "true", "yes", "on")
LABEL = 80  # characters


async def take(request: Request, account: Account, settings: Settings, record: dict[str, Any], model: str) -> Job:
    """Take an upload into the queue; of one that is refused nothing stays on the disk."""
    await run_in_threadpool(_check_limits, account, settings)
    job_id = uuid.uuid4().hex
    home = settings.data / "incoming" / job_id
    (home / "received").mkdir(parents=True)
    try:
        received = await receive(request, home / "received", settings)
        if not received.files:
            raise Refused(422, "The upload has no file: send a patient's series, as a zip or as files.")
        label = " ".join(received.values.get("label", "").split())
        if len(label) > LABEL or not label.isprintable():
            raise Refused(422, f"A label has at most {LABEL} printable characters.")
        async with request.app.state.intake:
            n_files = await run_in_threadpool(arrange, received.files, home, record, settings)
        job = Job(
            id=job_id,
            user_id=account.user.id,
            label=label,
            model=model,
            n_files=n_files,
            n_bytes=received.n_bytes,
            keep=received.values.get("keep", "").lower() in TRUE,
        )
        await run_in_threadpool(_accept, job, home, account, address_of(request), settings)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise
    return job


def _check_limits(account: Account, settings: Settings) -> None:
    with reading(settings.url) as session:
        queue.check_limits(session, account.user, settings)


def _accept(job: Job, home: Path, account: Account, address: str, settings: Settings) -> None:
    place = settings.jobs / job.id
    place.parent.mkdir(parents=True, exist_ok=True)
    home.rename(place)
    try:
        with writing(settings.url) as session:
            queue.check_limits(session, account.user, settings)
            session.add(job)
            journal.note(session, journal.ASKED, account.user, job_id=job.id, model=job.model, address=address)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def show(job_id: str, account: Account, settings: Settings) -> Result:
    """Return a job of a user with its answer."""
    with reading(settings.url) as session:
        job = queue.own_job(session, account.user, job_id)
        before = select(func.count()).where(Job.state == WAITING, Job.created < job.created)
        waiting_before = session.scalar(before) if job.state == WAITING else None
    prediction = json.loads(job.answer) if job.answer else None
    cohort = prediction.pop("cohort") if prediction else None
    return Result(
        **{name: getattr(job, name) for name in ("id", "label", "state", "stage", "progress", "model", "created")},
        **{name: getattr(job, name) for name in ("finished", "reason", "probability", "images_until")},
        waiting_before=waiting_before,
        cohort=cohort,
        warnings=prediction["notes"] if prediction else None,
        versions=prediction["versions"] if prediction else None,
        prediction=prediction,
        images=files_of(job.id, settings) if prediction else [],
    )


def delete(job_id: str, account: Account, settings: Settings) -> None:
    """Delete a job of a user, its images and its answer; the log keeps that there was one."""
    with writing(settings.url) as session:
        job = queue.own_job(session, account.user, job_id)
        session.delete(job)
        journal.note(session, journal.DELETED, account.user, job_id=job.id, model=job.model)
    shutil.rmtree(settings.jobs / job_id, ignore_errors=True)


def cancel(job_id: str, account: Account, settings: Settings) -> bool:
    """Cancel a job of a user; its images are deleted."""
    with writing(settings.url) as session:
        job = queue.own_job(session, account.user, job_id)
        cancelled = queue.cancel(session, job, account.user)
    if cancelled:
        shutil.rmtree(settings.jobs / job_id, ignore_errors=True)
    return cancelled
