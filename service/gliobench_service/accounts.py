"""Users, passwords, sessions and tokens."""

import hashlib
import hmac
import re
import secrets
import threading
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from gliobench.errors import GlioBenchError
from gliobench_service import journal
from gliobench_service.database import reading, writing
from gliobench_service.errors import Refused
from gliobench_service.settings import Settings
from gliobench_service.tables import ADMINISTRATOR, ROLES, SESSION, Event, Key, User, now

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
SHORTEST, LONGEST = 12, 256  # characters of a password; NIST SP 800-63B asks for length, not for kinds of characters
HASHER = PasswordHasher()  # argon2id, with the parameters of RFC 9106 for little memory
NOBODY = HASHER.hash(secrets.token_hex())  # checked where there is no such user, so that the time tells nothing
WRONG = "The name or the password is wrong."
UNKNOWN = "(unknown)"  # not a user's name


def add_user(session: Session, name: str, password: str, role: str, by: User | None = None) -> User:
    """
    Add a user.

    Raises
    ------
    GlioBenchError
        The name, the password or the role cannot be used, or the name is taken.
    """
    if not NAME.fullmatch(name):
        raise GlioBenchError("a user's name is of small letters, digits, and . _ -, at most 64: choose another.")
    if role not in ROLES:
        raise GlioBenchError(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}.")
    if session.scalar(select(User).where(User.name == name)):
        raise GlioBenchError(f"there is a user {name} already: choose another name.")
    user = User(name=name, password=hashed(password), role=role)
    session.add(user)
    journal.note(session, journal.USER_ADDED, by, detail=f"{name}: {role}")
    return user


def change_user(
    session: Session,
    name: str,
    role: str | None = None,
    password: str | None = None,
    disabled: bool | None = None,
    by: User | None = None,
) -> User:
    """
    Change a user's role, password, or whether he may sign in; his sessions and tokens end.

    Raises
    ------
    GlioBenchError
        There is no such user, a value cannot be used, or no administrator would be left.
    """
    user = session.scalar(select(User).where(User.name == name))
    if user is None:
        raise GlioBenchError("there is no such user.")
    if role is not None and role not in ROLES:
        raise GlioBenchError(f"a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}.")
    if user.role == ADMINISTRATOR and not user.disabled and (disabled or (role or ADMINISTRATOR) != ADMINISTRATOR):
        others = select(func.count()).where(User.role == ADMINISTRATOR, ~User.disabled, User.id != user.id)
        if not session.scalar(others):
            raise GlioBenchError("the last administrator stays one: make another first.")
    changes = []
    if password is not None:
        user.password = hashed(password)
        changes.append("password")
    if role is not None and role != user.role:
        user.role = role
        changes.append(role)
    if disabled is not None and disabled != user.disabled:
        user.disabled = disabled
        changes.append("disabled" if disabled else "enabled")
    if changes:
        session.execute(delete(Key).where(Key.user_id == user.id))
        journal.note(session, journal.USER_CHANGED, by, detail=f"{name}: {', '.join(changes)}")
    return user


def hashed(password: str) -> str:
    """Return what is stored of a password; refuse one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise GlioBenchError(f"a password has {SHORTEST} to {LONGEST} characters: choose another.")
    return HASHER.hash(password)


class Failures:
    """
    Failed sign-ins by name, in the memory of this process alone.

    What was typed as a name may be a password, so nothing of a name that no user has is stored. Users' names are
    counted in the same way, so that the limit does not tell which names there are.
    """

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._rows: list[tuple[datetime, bytes]] = []

    def add(self, name: str) -> None:
        """Count a sign-in that failed."""
        with self._lock:
            self._rows.append((now(), self._digest(name)))

    def count(self, name: str, since: datetime) -> int:
        """Return how many failed with a name since a time; all those before it are forgotten."""
        with self._lock:
            self._rows = [row for row in self._rows if row[0] > since]
            return [digest for _, digest in self._rows].count(self._digest(name))

    def _digest(self, name: str) -> bytes:
        return hmac.digest(self._secret, name.encode(), "sha256")


@cache
def failures_of(url: str) -> Failures:
    """Return the failed sign-ins at a database, one object per process."""
    return Failures()


def check_attempts(session: Session, name: str, address: str, settings: Settings) -> None:
    """Refuse a sign-in after too many that failed, of this name or from this address."""
    since = now() - timedelta(minutes=settings.attempt_minutes)
    by_name = failures_of(settings.url).count(name, since)
    failed = select(func.count()).where(Event.action == journal.SIGN_IN_REFUSED, Event.at > since)
    by_address = session.scalar(failed.where(Event.address == address)) or 0
    # Of one address many may sign in: behind a hospital's gateway all have the same.
    if by_name >= settings.attempts or by_address >= 5 * settings.attempts:
        minutes = settings.attempt_minutes
        raise Refused(429, f"There were too many failed sign-ins: wait {minutes} minutes.", 60 * minutes)


def is_password_of(user: User | None, password: str) -> bool:
    """Return whether a password is a user's; if there is none, this takes the same time."""
    try:
        return HASHER.verify(user.password if user else NOBODY, password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False


def sign_in(name: str, password: str, address: str, settings: Settings) -> User:
    """
    Return the user with a name and a password; a refusal is a row of the log.

    Raises
    ------
    Refused
        They are wrong, or were wrong too often.
    """
    with reading(settings.url) as session:
        check_attempts(session, name, address, settings)
        user = session.scalar(select(User).where(User.name == name)) if NAME.fullmatch(name) else None
    right = is_password_of(user, password)
    if user is None or user.disabled or not right:
        failures_of(settings.url).add(name)
        with writing(settings.url) as session:
            actor = user.name if user else UNKNOWN
            journal.note(session, journal.SIGN_IN_REFUSED, actor=actor, address=address)
        raise Refused(401, WRONG)
    return user


def make_key(session: Session, user: User, kind: str, settings: Settings) -> tuple[str, Key]:
    """Return the secret of a new session or token, and what is stored of it."""
    secret = secrets.token_urlsafe(32)
    lasts = timedelta(hours=settings.session_hours) if kind == SESSION else timedelta(days=settings.token_days)
    key = Key(digest=digest(secret), user_id=user.id, kind=kind, csrf=secrets.token_urlsafe(32), expires=now() + lasts)
    session.add(key)
    return secret, key


def find_key(session: Session, secret: str, kind: str) -> tuple[User, Key] | None:
    """Return user and key of a secret, None if it is unknown or has ended."""
    key = session.get(Key, digest(secret))
    if key is None or key.kind != kind or key.expires < now():
        return None
    user = session.get(User, key.user_id)
    return (user, key) if user and not user.disabled else None


def digest(secret: str) -> str:
    """Return the digest of a secret; secrets are random, so that a plain one is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
