"""The queue in the database: every accepted job ends in one answer, whatever is killed."""

import json
import os
import socket
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import CursorResult, func, select, update
from sqlalchemy.orm import Session

from gliobench_service import journal
from gliobench_service.accounts import digest
from gliobench_service.errors import NOT_FOUND, Refused
from gliobench_service.settings import Settings
from gliobench_service.tables import CANCELLED, DONE, FAILED, RUNNING, WAITING, Event, Job, User, now

TRIES = 2  # a job that was killed in the middle is done again, once
KILLED = (
    "The prediction was stopped twice before it ended, by a restart, because the database was away, or because it "
    "needed too much memory or time."
)


def check_limits(session: Session, user: User, settings: Settings) -> None:
    """Refuse an upload of a user who has too many waiting jobs, or too many within the hour."""
    waiting = select(func.count()).where(Job.user_id == user.id, Job.state == WAITING)
    if (session.scalar(waiting) or 0) >= settings.queued:
        raise Refused(429, f"You have {settings.queued} waiting jobs: wait until one ends, or cancel one.", 30)
    # Rows of the log, since those of jobs go when a result is deleted.
    asked = select(func.count()).where(Event.actor == user.name, Event.action == journal.ASKED)
    if (session.scalar(asked.where(Event.at > now() - timedelta(hours=1))) or 0) >= settings.uploads_per_hour:
        raise Refused(429, f"You sent {settings.uploads_per_hour} uploads within an hour: try again later.", 600)


def claim(session: Session, lease_seconds: int) -> Job | None:
    """
    Take the oldest waiting job, or one whose worker is gone.

    Parameters
    ----------
    session : Session
        Of a transaction of its own.
    lease_seconds : int
        The job is the caller's for so long, and longer with every `renew`.

    Returns
    -------
    Job or None
        With a new ``claim``, which every later call must name.
    """
    end_abandoned(session)
    free = (Job.state == WAITING) | ((Job.state == RUNNING) & (Job.lease < now()))
    query = select(Job).where(free).order_by(Job.created).limit(1).with_for_update(skip_locked=True)
    job = session.scalar(query)
    if job is None:
        return None
    job.state, job.claim, job.attempts = RUNNING, uuid.uuid4().hex, job.attempts + 1
    job.worker = worker_name(os.getpid())
    job.lease, job.started = now() + timedelta(seconds=lease_seconds), now()
    job.stage, job.progress = "started", 0.0
    return job


def end_abandoned(session: Session) -> list[str]:
    """End the jobs that lost their worker in the last of their tries; return their ids."""
    lost = (Job.state == RUNNING) & (Job.lease < now()) & (Job.attempts >= TRIES)
    ended = list(session.scalars(select(Job).where(lost).with_for_update(skip_locked=True)))
    for job in ended:
        _end(session, job, FAILED, KILLED)
    return [job.id for job in ended]


def worker_name(process_id: int) -> str:
    """Return the name of a worker: its machine and process."""
    return f"{socket.gethostname()[:60]}:{process_id}"


def release(session: Session, process_id: int) -> None:
    """Give back the job of a process of this machine that is known to be gone, without waiting for its lease."""
    its = (Job.state == RUNNING) & (Job.worker == worker_name(process_id))
    session.execute(update(Job).where(its).values(lease=now() - timedelta(seconds=1)))


def renew(session: Session, job_id: str, claimed: str, lease_seconds: int, **columns: Any) -> bool:
    """Keep a job, and say how far it is; return whether it still is the caller's."""
    values = {"lease": now() + timedelta(seconds=lease_seconds)} | columns
    changed = session.execute(update(Job).where(_held(job_id, claimed)).values(**values))
    return _count(changed) == 1


def finish(
    session: Session,
    job_id: str,
    claimed: str,
    answer: Mapping[str, Any] | None,
    reason: str | None,
    settings: Settings,
) -> bool:
    """
    Store the answer of a job, or why there is none.

    Returns
    -------
    bool
        Whether it was stored: not if the job was cancelled, deleted, or given to another meanwhile.
    """
    job = session.scalar(select(Job).where(_held(job_id, claimed)).with_for_update())
    if job is None:
        return False
    if answer is None:
        _end(session, job, FAILED, reason)
        return True
    if job.keep:
        job.images_until = now() + timedelta(hours=settings.keep_hours)
    job.answer = json.dumps(answer, ensure_ascii=False, allow_nan=False)
    job.probability = answer["probability"]
    _end(session, job, DONE, None)
    return True


def cancel(session: Session, job: Job, user: User) -> bool:
    """Cancel a job that has not ended; return whether there was something to cancel."""
    going = (Job.id == job.id) & Job.state.in_((WAITING, RUNNING))
    changed = session.execute(update(Job).where(going).values(state=CANCELLED, claim=None, finished=now()))
    if _count(changed):
        journal.note(session, journal.CANCELLED, user, job_id=job.id, model=job.model)
    return bool(_count(changed))


def own_job(session: Session, user: User, job_id: str) -> Job:
    """Return a job of a user; of another's it is not told that it exists."""
    job = session.get(Job, job_id)
    if job is None or job.user_id != user.id:
        raise Refused(404, NOT_FOUND)
    return job


def _held(job_id: str, claimed: str) -> Any:
    return (Job.id == job_id) & (Job.claim == claimed) & (Job.state == RUNNING)


def _count(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0


def _end(session: Session, job: Job, state: str, reason: str | None) -> None:
    job.state, job.reason, job.finished, job.progress, job.claim = state, reason, now(), 1.0, None
    job.stage = state
    user = session.get(User, job.user_id)
    answered = digest(job.answer) if job.answer else None
    action = journal.ANSWERED if state == DONE else journal.FAILED
    journal.note(session, action, user, job_id=job.id, model=job.model, answer_digest=answered)
