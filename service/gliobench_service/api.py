"""The REST interface."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse
from sqlalchemy import func, select

from gliobench_service import accounts, answers, jobs, journal, queue
from gliobench_service.access import Asks, Configured, address_of
from gliobench_service.answer_files import file_of
from gliobench_service.database import reading, writing
from gliobench_service.errors import Refused
from gliobench_service.tables import TOKEN, WAITING, Event, Job

JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="Of a result.")]
PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": answers.Problem} for status in (400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 507)
}
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {
                        "files": {
                            "type": "array",
                            "items": {"type": "string", "format": "binary"},
                            "description": "Zips, or DICOM or NIfTI files. A field may be called FLAIR, T1w, T1wCE, "
                            "T2w or segmentation instead, to say what its files, or those of its zip, are.",
                        },
                        "label": {"type": "string", "maxLength": 80, "description": "A code, never a name."},
                        "keep": {"type": "boolean", "description": "Whether the images are kept for a while."},
                    },
                }
            }
        },
    }
}
router = APIRouter(responses=PROBLEMS)


@router.get("/health", response_model=answers.Health)
def health(request: Request, settings: Configured) -> Any:
    """Say whether the service and its database work."""
    with reading(settings.url) as session:
        waiting = session.scalar(select(func.count()).where(Job.state == WAITING)) or 0
    return answers.Health(status="ok", model=request.app.state.model, waiting=waiting)


@router.post("/tokens", response_model=answers.Token, status_code=201)
def make_token(request: Request, body: answers.SignIn, settings: Configured) -> Any:
    """Exchange name and password for a token, which programs send as ``Authorization: Bearer <token>``."""
    user = accounts.sign_in(body.name, body.password, address_of(request), settings)
    with writing(settings.url) as session:
        secret, key = accounts.make_key(session, user, TOKEN, settings)
        journal.note(session, journal.TOKEN_MADE, user, address=address_of(request))
    return answers.Token(token=secret, expires=key.expires)


@router.post("/predict", response_model=answers.Accepted, status_code=202, openapi_extra=UPLOAD)
async def predict(request: Request, account: Asks, settings: Configured) -> Any:
    """Send a patient's series; the answer follows at ``/results/{id}``."""
    state = request.app.state
    job = await jobs.take(request, account, settings, state.record, state.model)
    return answers.Accepted(id=job.id, state=WAITING, result=f"/results/{job.id}")


@router.get("/results/{job_id}", response_model=answers.Result)
def result(job_id: JobId, account: Asks, settings: Configured) -> Any:
    """Return how far a job is and, once it is done, its answer."""
    return jobs.show(job_id, account, settings)


@router.get("/results/{job_id}/maps", response_class=FileResponse)
def maps(job_id: JobId, account: Asks, settings: Configured) -> Any:
    """Return the Grad-CAM map as NIfTI, if the model makes one."""
    return _file(job_id, "map", account, settings)


@router.get("/results/{job_id}/images/{name}", response_class=FileResponse)
def image(job_id: JobId, name: str, account: Asks, settings: Configured) -> Any:
    """Return one series as NIfTI, if it was kept."""
    return _file(job_id, name, account, settings)


def _file(job_id: str, name: str, account: Any, settings: Any) -> FileResponse:
    with reading(settings.url) as session:
        queue.own_job(session, account.user, job_id)
    path = file_of(job_id, name, settings)
    return FileResponse(path, media_type="application/gzip", filename=path.name)


@router.post("/results/{job_id}/cancel", response_model=answers.Done, responses={409: {"model": answers.Problem}})
def cancel(job_id: JobId, account: Asks, settings: Configured) -> Any:
    """Cancel a job that has not ended."""
    if not jobs.cancel(job_id, account, settings):
        raise Refused(409, "The job has ended already.")
    return answers.Done(done="cancelled")


@router.delete("/results/{job_id}", response_model=answers.Done)
def delete(job_id: JobId, account: Asks, settings: Configured) -> Any:
    """Delete images and answer of a job; the log keeps who asked, when, and of which model."""
    jobs.delete(job_id, account, settings)
    return answers.Done(done="deleted")


@router.get("/log", response_model=answers.Log)
def log(
    account: Asks,
    settings: Configured,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    words: Annotated[str, Query(max_length=64)] = "",
) -> Any:
    """Return the log: auditors and administrators see all rows, users their own."""
    with reading(settings.url) as session:
        rows = journal.read_log(session, account.user, before, limit, words)
        own = [row.job_id for row in rows if row.actor == account.user.name and row.action == journal.ANSWERED]
        mine = (Job.user_id == account.user.id) & Job.id.in_(own)
        given = dict(session.execute(select(Job.id, Job.probability).where(mine)).tuples().all())
    return answers.Log(rows=[_row(row, given) for row in rows], before=rows[-1].id if len(rows) == limit else None)


def _row(row: Event, given: dict[str, float | None]) -> answers.Row:
    names = set(answers.Row.model_fields) - {"probability"}
    answered = given.get(row.job_id or "") if row.action == journal.ANSWERED else None
    return answers.Row(**{name: getattr(row, name) for name in names}, probability=answered)
