"""The log: who asked what, when, of which model, and the digest of the answer."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gliobench_service.tables import ADMINISTRATOR, AUDITOR, Event, User

SIGNED_IN, SIGN_IN_REFUSED, SIGNED_OUT, TOKEN_MADE = "signed in", "sign-in refused", "signed out", "token made"
ASKED, ANSWERED, FAILED, CANCELLED, DELETED = "asked", "answered", "failed", "cancelled", "deleted"
IMAGES_DELETED = "images deleted"
USER_ADDED, USER_CHANGED = "user added", "user changed"
SEES_ALL = (AUDITOR, ADMINISTRATOR)
SYSTEM = "(service)"  # not a user's name


def note(session: Session, action: str, user: User | None = None, actor: str = SYSTEM, **columns: Any) -> None:
    """
    Add a row to the log, in the transaction of what it reports.

    Parameters
    ----------
    session : Session
        Of that transaction.
    action : str
        One of this module's.
    user : User, optional
        Who did it.
    actor : str
        Who did it, if not a known user.
    **columns
        Of `Event`.
    """
    who = {"actor": user.name, "role": user.role} if user else {"actor": actor, "role": ""}
    session.add(Event(action=action, **who, **columns))


def read_log(session: Session, user: User, before: int | None, limit: int, words: str = "") -> list[Event]:
    """
    Return rows of the log that a user may see, the newest first.

    Parameters
    ----------
    session : Session
        Of the database.
    user : User
        Auditors and administrators see every row, users their own.
    before : int, optional
        Only rows with a smaller id.
    limit : int
        Most rows.
    words : str
        Only rows of this actor, action, or job.
    """
    query = select(Event).order_by(Event.id.desc()).limit(limit)
    if user.role not in SEES_ALL:
        query = query.where(Event.actor == user.name)
    if before is not None:
        query = query.where(Event.id < before)
    if words:
        query = query.where((Event.actor == words) | (Event.action == words) | (Event.job_id == words))
    return list(session.scalars(query))
