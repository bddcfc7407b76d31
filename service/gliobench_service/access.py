"""Who asks: the user of a request, by the cookie of a session or by a token."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gliobench_service.accounts import find_key
from gliobench_service.database import reading
from gliobench_service.errors import Refused
from gliobench_service.settings import Settings
from gliobench_service.tables import SESSION, TOKEN, Key, User

SAFE = ("GET", "HEAD", "OPTIONS")
CSRF_HEADER, CSRF_FIELD = "x-csrf-token", "csrf"
SIGN_IN_FIRST = "Sign in first, or send a token: Authorization: Bearer <token>."
FORGED = "The request did not come from a page of this service, or the page is old: load it again."


@dataclass(frozen=True)
class Account:
    """The user of a request, and the session or token that says so."""

    user: User
    key: Key


def settings_of(request: Request) -> Settings:
    """Return the settings of the service."""
    settings: Settings = request.app.state.settings
    return settings


def cookie_name(settings: Settings) -> str:
    """Return the name of the session's cookie; browsers hold a ``__Host-`` cookie to this host and to HTTPS."""
    return "__Host-session" if settings.https else "session"


def address_of(request: Request) -> str:
    """Return the address of the client, as uvicorn tells it: behind nginx, that of `X-Forwarded-For`."""
    return request.client.host[:45] if request.client else ""


def find_account(request: Request) -> Account | None:
    """Return who asks, None if nobody is signed in; the session's cookie counts only with its CSRF token."""
    settings = settings_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    cookie = request.cookies.get(cookie_name(settings), "")
    kind, secret = (TOKEN, token.strip()) if scheme.lower() == "bearer" else (SESSION, cookie)
    if not secret:
        return None
    with reading(settings.url) as session:
        found = find_key(session, secret, kind)
    return Account(*found) if found else None


def account_of(request: Request) -> Account:
    """Return who asks; refuse a request of nobody, and one that a foreign page may have made the browser send."""
    account = find_account(request)
    if account is None:
        raise Refused(401, SIGN_IN_FIRST)
    if account.key.kind == SESSION and request.method not in SAFE:
        check_csrf(account.key, request.headers.get(CSRF_HEADER, ""))
    return account


def check_csrf(key: Key, sent: str) -> None:
    """Refuse a request without the token of its session."""
    if not hmac.compare_digest(key.csrf.encode(), sent.encode()):
        raise Refused(403, FORGED)


def check_same_origin(request: Request) -> None:
    """Refuse a form that the browser says comes from another site; for forms that no session protects."""
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    if site not in ("none", "same-origin") or (
        origin is not None and origin.partition("://")[2] != request.headers.get("host", "")
    ):
        raise Refused(403, FORGED)


Asks = Annotated[Account, Depends(account_of)]
Configured = Annotated[Settings, Depends(settings_of)]
