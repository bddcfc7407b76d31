"""What the service answers: models of the bodies, each with the notice."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from gliobench.predict.describe import PURPOSE


class Answer(BaseModel):
    """Every body says what the service is for."""

    notice: str = PURPOSE


class Problem(Answer):
    """Why a request is not answered."""

    error: str = Field(description="One sentence: what is wrong and what to do.")
    error_id: str = Field(description="By this number whoever runs the service finds it in the log of the process.")


class Accepted(Answer):
    """An upload that was taken."""

    id: str
    state: str
    result: str = Field(description="Where to ask for the answer.")


class Result(Answer):
    """A job and, once it is done, its answer."""

    id: str
    label: str
    state: str = Field(description="waiting, running, done, failed or cancelled")
    stage: str
    progress: float = Field(ge=0, le=1)
    waiting_before: int | None = Field(description="Jobs that are done first, while it waits.")
    model: str
    created: datetime
    finished: datetime | None
    reason: str | None = Field(description="Why there is no answer.")
    probability: float | None = Field(description="Of label 1, by the models that have not seen the patient.")
    cohort: dict[str, list[float]] | None = Field(
        description="Probabilities of the cohort's tested patients, by label."
    )
    warnings: list[str] | None = Field(description="How the patient differs from the cohort, and other limits.")
    versions: dict[str, str] | None
    prediction: dict[str, Any] | None = Field(description="The answer as in schema prediction of GlioBench.")
    images: list[str] = Field(description="Series and map that can be fetched, while they are kept.")
    images_until: datetime | None


class Row(BaseModel):
    """A row of the log."""

    id: int
    at: datetime
    actor: str
    role: str
    action: str
    job_id: str | None
    model: str | None
    detail: str | None
    answer_digest: str | None
    probability: float | None = Field(None, description="The answer, in one's own rows, until it is deleted.")


class Log(Answer):
    """Rows of the log, the newest first."""

    rows: list[Row]
    before: int | None = Field(description="Ask for rows before this id for more; null if there are none.")


class Health(Answer):
    """Whether the service works."""

    status: str
    model: str
    waiting: int


class Done(Answer):
    """Something was done."""

    done: str


class Token(Answer):
    """A token for programs; it is shown once."""

    token: str
    expires: datetime


class SignIn(BaseModel):
    """Name and password."""

    name: str = Field(max_length=64)
    password: str = Field(max_length=1000)
