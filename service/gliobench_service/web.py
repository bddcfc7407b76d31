"""The web application: routes, errors as sentences, and headers."""

import asyncio
import errno
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gliobench.predict.describe import PURPOSE
from gliobench.predict.request import read_record
from gliobench.processes import die_with_parent
from gliobench_service import api, pages
from gliobench_service.answers import Problem
from gliobench_service.errors import DISK_FULL, Refused
from gliobench_service.safely import quiet_libraries, report_error, report_refusal
from gliobench_service.settings import Settings, read_settings

INTAKES = 2  # uploads whose files are sorted at the same time, in one process
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # without one, browsers send "Origin: null" with a form
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Research-Only": PURPOSE,
}
STRICT_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000"}
SENTENCES = {404: "There is no such page.", 405: "This address does not take such a request."}
FULL = (errno.ENOSPC, errno.EDQUOT)
AWAY = "The database cannot be reached: try again in a minute."
UNEXPECTED = "The service made an error: try again, and tell who runs it the number."


def make_app(settings: Settings | None = None) -> FastAPI:
    """
    Make the web application.

    Parameters
    ----------
    settings : Settings, optional
        From the environment by default.

    Raises
    ------
    GlioBenchError
        The run cannot be used.
    """
    quiet_libraries()
    settings = settings or read_settings()
    record = read_record(settings.served_run())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> Any:
        app.state.intake = asyncio.Semaphore(INTAKES)
        yield

    app = FastAPI(
        title="GlioBench service",
        description=PURPOSE,
        version="1",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings, app.state.record, app.state.model = settings, record, model_name(record)
    app.include_router(api.router)
    app.include_router(pages.router, include_in_schema=False)
    app.mount("/static", pages.STATIC, name="static")
    for error in (Refused, HTTPException, RequestValidationError):
        app.add_exception_handler(error, _answer_error)
    app.add_middleware(Outermost, headers=HEADERS | (STRICT_TRANSPORT if settings.https else {}))
    return app


def serve_app() -> FastAPI:
    """Make the application of a process of the web server, which ends with the one that started it."""
    die_with_parent()
    return make_app()


def model_name(record: dict[str, Any]) -> str:
    """Return the name of a run in log and pages."""
    names = ("cohort", "approach", "variant", "modality", "protocol")
    return " ".join(str(record[name]) for name in names)


async def _answer_error(request: Request, error: Exception) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, Refused):
        status, sentence = error.status, error.sentence
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    elif isinstance(error, RequestValidationError):
        status, sentence = 422, _what_is_invalid(error)
    elif isinstance(error, HTTPException):
        status, sentence = error.status_code, SENTENCES.get(error.status_code, "The request cannot be answered.")
        headers = dict(error.headers or {})
    elif isinstance(error, OSError) and error.errno in FULL:
        status, sentence = 507, DISK_FULL
    else:
        status, sentence = (503, AWAY) if isinstance(error, SQLAlchemyError) else (500, UNEXPECTED)
    number = report_error(error) if status >= 500 else report_refusal(status)
    if pages.wants_page(request):
        return pages.error_page(request, status, sentence, number, headers)
    return JSONResponse(Problem(error=sentence, error_id=number).model_dump(), status, headers)


def _what_is_invalid(error: RequestValidationError) -> str:
    """Return a sentence that quotes nothing of what was sent."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, str) and part.isidentifier())
    kind = str(first["type"]).replace("_", " ")
    return f"The request is invalid: {where or first['loc'][0]} ({kind})."


class Outermost:
    """Adds headers to every answer, and answers what nothing else did: a server logs the message of an error."""

    def __init__(self, app: ASGIApp, headers: dict[str, str]):
        self.app = app
        self.headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                there = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in self.headers if header[0] not in there),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                report_error(error)
            else:
                response = await _answer_error(Request(scope, receive), error)
                await response(scope, receive, send_with_headers)
