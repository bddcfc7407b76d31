"""The pages, rendered here; what they show comes from the functions behind the REST interface."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import delete, select
from starlette.staticfiles import StaticFiles

from gliobench.errors import GlioBenchError
from gliobench.predict.describe import PURPOSE
from gliobench.predict.patient import series_of_run
from gliobench.reporting.html import TEMPLATES as REPORT
from gliobench_service import accounts, jobs, journal
from gliobench_service.access import (
    Account,
    Configured,
    address_of,
    check_csrf,
    check_same_origin,
    cookie_name,
    find_account,
)
from gliobench_service.database import reading, writing
from gliobench_service.errors import Refused
from gliobench_service.tables import ADMINISTRATOR, ROLES, SESSION, Job, Key, User
from gliobench_service.viewer import niivue

HERE = Path(__file__).parent
STATIC = StaticFiles(directory=HERE / "static")
ENVIRONMENT = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(default=True), undefined=StrictUndefined
)


def moment(time: datetime) -> str:
    """Return a time as the pages write it."""
    return time.strftime("%Y-%m-%d %H:%M:%S")


def sentence_case(text: str) -> str:
    """Return a sentence of the library, which begins small, with a capital."""
    return text[:1].upper() + text[1:]


ENVIRONMENT.filters |= {"moment": moment, "sentence_case": sentence_case}
TEMPLATES = Jinja2Templates(env=ENVIRONMENT)
HISTORY = 50  # results on a page
ROWS = 100  # of the log on a page
NAVIGATION = {"/": "Upload", "/history": "History", "/journal": "Log"}
FOR_ADMINISTRATORS = {"/users": "Users"}
PLANES = {3: "all three", 0: "axial", 1: "coronal", 2: "sagittal"}  # numbers of NiiVue
DAY = {"Cache-Control": "max-age=86400"}
PAGES = ("/", "/sign-in", "/sign-out", "/history", "/view", "/journal", "/users")

router = APIRouter()


def wants_page(request: Request) -> bool:
    """Whether an error should be answered by a page."""
    path = request.url.path
    ours = path == "/" or path.startswith(PAGES[1:])
    return ours and "text/html" in request.headers.get("accept", "")


def page(
    request: Request, name: str, account: Account | None, status: int = 200, headers: Any = None, **values: Any
) -> Response:
    """Render a page."""
    context = {
        "notice": PURPOSE,
        "user": account.user if account else None,
        "csrf": account.key.csrf if account else "",
        "model": request.app.state.model,
        "navigation": NAVIGATION | (FOR_ADMINISTRATORS if account and account.user.role == ADMINISTRATOR else {}),
    }
    return TEMPLATES.TemplateResponse(request, name, context | values, status_code=status, headers=headers)


def error_page(request: Request, status: int, sentence: str, number: str, headers: dict[str, str]) -> Response:
    """Return the page of an error; who is not signed in is asked to."""
    if status == 401 and request.method == "GET":
        return RedirectResponse("/sign-in", 303)
    return page(request, "error.html.j2", None, status, headers, sentence=sentence, number=number)


def signed_in(request: Request, csrf: str | None = None) -> Account:
    """Return who looks at a page, or sent its form with this token."""
    account = find_account(request)
    if account is None or account.key.kind != SESSION:
        raise Refused(401, "Sign in first.")
    if request.method != "GET":
        check_csrf(account.key, csrf or "")
    return account


@router.get("/sign-in")
def sign_in_page(request: Request) -> Any:
    """Show the form to sign in."""
    return page(request, "sign_in.html.j2", None, sentence="")


@router.post("/sign-in")
def sign_in(
    request: Request,
    settings: Configured,
    name: Annotated[str, Form(max_length=64)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
) -> Any:
    """Start a session."""
    check_same_origin(request)
    try:
        user = accounts.sign_in(name, password, address_of(request), settings)
    except Refused as refused:
        return page(request, "sign_in.html.j2", None, refused.status, sentence=refused.sentence)
    with writing(settings.url) as session:
        secret, _ = accounts.make_key(session, user, SESSION, settings)
        journal.note(session, journal.SIGNED_IN, user, address=address_of(request))
    response = RedirectResponse("/", 303)
    response.set_cookie(
        cookie_name(settings),
        secret,
        max_age=3600 * settings.session_hours,
        secure=settings.https,
        httponly=True,
        samesite="strict",
    )
    return response


@router.post("/sign-out")
def sign_out(request: Request, settings: Configured, csrf: Annotated[str, Form()] = "") -> Any:
    """End a session."""
    account = signed_in(request, csrf)
    with writing(settings.url) as session:
        session.execute(delete(Key).where(Key.digest == account.key.digest))
        journal.note(session, journal.SIGNED_OUT, account.user)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(cookie_name(settings), secure=settings.https, httponly=True, samesite="strict")
    return response


@router.get("/static/report.css")
def report_style() -> Any:
    """Return the style of the report, which the pages share."""
    return FileResponse(REPORT / "style.css")


@router.get("/static/niivue.js")
def viewer() -> Any:
    """Return NiiVue."""
    return Response(niivue(), media_type="text/javascript", headers=DAY)


@router.get("/")
def upload_page(request: Request, settings: Configured) -> Any:
    """Show the form to upload."""
    return page(
        request,
        "upload.html.j2",
        signed_in(request),
        series=series_of_run(request.app.state.record),
        files=settings.files,
        megabytes=settings.upload_bytes // 10**6,
        keep_hours=settings.keep_hours,
    )


@router.get("/history")
def history_page(
    request: Request,
    settings: Configured,
    words: Annotated[str, Query(max_length=80)] = "",
    before: Annotated[str, Query(max_length=32)] = "",
) -> Any:
    """Show the user's results, the newest first."""
    account = signed_in(request)
    own = Job.user_id == account.user.id
    query = select(Job).where(own).order_by(Job.created.desc()).limit(HISTORY)
    if words:
        query = query.where(Job.label.contains(words, autoescape=True) | (Job.id == words) | (Job.state == words))
    if before:
        query = query.where(Job.created < select(Job.created).where(own, Job.id == before).scalar_subquery())
    with reading(settings.url) as session:
        found = list(session.scalars(query))
    more = len(found) == HISTORY
    return page(request, "history.html.j2", account, jobs=found, words=words, before=before, more=more)


@router.get("/view/{job_id}")
def view_page(request: Request, job_id: str, settings: Configured) -> Any:
    """Show one result."""
    account = signed_in(request)
    return page(request, "view.html.j2", account, result=jobs.show(job_id, account, settings), planes=PLANES)


@router.get("/journal")
def journal_page(
    request: Request,
    settings: Configured,
    words: Annotated[str, Query(max_length=64)] = "",
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Any:
    """Show the log."""
    account = signed_in(request)
    with reading(settings.url) as session:
        rows = journal.read_log(session, account.user, before, ROWS, words)
    sees_all = account.user.role in journal.SEES_ALL
    return page(request, "journal.html.j2", account, rows=rows, words=words, more=len(rows) == ROWS, sees_all=sees_all)


@router.get("/users")
def users_page(request: Request, settings: Configured) -> Any:
    """Show the users, to administrators."""
    return _users(request, _administrator(signed_in(request)), settings)


@router.post("/users")
def add_user(
    request: Request,
    settings: Configured,
    csrf: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
) -> Any:
    """Add a user."""
    account = _administrator(signed_in(request, csrf))
    try:
        with writing(settings.url) as session:
            accounts.add_user(session, name, password, role, account.user)
    except GlioBenchError as error:
        return _users(request, account, settings, str(error))
    return RedirectResponse("/users", 303)


@router.post("/users/{name}")
def change_user(
    request: Request,
    settings: Configured,
    name: str,
    csrf: Annotated[str, Form()] = "",
    role: Annotated[str | None, Form()] = None,
    password: Annotated[str | None, Form()] = None,
    disabled: Annotated[bool | None, Form()] = None,
) -> Any:
    """Change a user."""
    account = _administrator(signed_in(request, csrf))
    try:
        with writing(settings.url) as session:
            accounts.change_user(session, name, role, password or None, disabled, account.user)
    except GlioBenchError as error:
        return _users(request, account, settings, str(error))
    return RedirectResponse("/users", 303)


def _users(request: Request, account: Account, settings: Any, sentence: str = "") -> Response:
    with reading(settings.url) as session:
        users = list(session.scalars(select(User).order_by(User.name)))
    status = 422 if sentence else 200
    shortest = accounts.SHORTEST
    return page(
        request, "users.html.j2", account, status, users=users, roles=ROLES, shortest=shortest, sentence=sentence
    )


def _administrator(account: Account) -> Account:
    if account.user.role != ADMINISTRATOR:
        raise Refused(403, "Only administrators see this page.")
    return account
