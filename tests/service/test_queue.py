"""The queue and the log, on each of the databases."""

import threading
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, inspect, select, text, update
from sqlalchemy.exc import DBAPIError

from gliobench_service import journal, queue
from gliobench_service.accounts import add_user
from gliobench_service.database import engine_of, migrate, reading, writing
from gliobench_service.settings import Settings
from gliobench_service.tables import DONE, FAILED, RUNNING, USER, WAITING, Base, Event, Job, User, now

SETTINGS = Settings(run="a run")
ANSWER = {"probability": 0.25, "text": "größer als 62 %"}


def user_of(url: str, name: str = "ana") -> User:
    with writing(url) as session:
        return add_user(session, name, "correct horse battery", USER)


def put(url: str, user: User, job_id: str, age: float = 0.0, **columns: object) -> None:
    created = now() - timedelta(seconds=age)
    with writing(url) as session:
        job = Job(id=job_id, user_id=user.id, label="", model="m", n_files=1, n_bytes=3 * 2**30, created=created)
        for name, value in columns.items():
            setattr(job, name, value)
        session.add(job)


def claim(url: str, lease: int = 60) -> Job | None:
    with writing(url) as session:
        return queue.claim(session, lease)


def finish(url: str, job: Job, answer: dict | None = ANSWER, reason: str | None = None) -> bool:
    with writing(url) as session:
        return queue.finish(session, job.id, str(job.claim), answer, reason, SETTINGS)


def job_of(url: str, job_id: str) -> Job | None:
    with reading(url) as session:
        return session.get(Job, job_id)


def lose(url: str, job_id: str) -> None:
    with writing(url) as session:
        session.execute(update(Job).where(Job.id == job_id).values(lease=now() - timedelta(seconds=1)))


def events(url: str, action: str) -> list[Event]:
    with reading(url) as session:
        return list(session.scalars(select(Event).where(Event.action == action)))


def test_the_oldest_job_is_taken_first_and_answered_once(url):
    user = user_of(url)
    put(url, user, "b" * 32, age=1)
    put(url, user, "a" * 32, age=9)
    first = claim(url)
    assert first is not None
    assert first.id == "a" * 32
    assert finish(url, first)
    assert not finish(url, first, {"probability": 0.9}), "a second answer is not stored"
    stored = job_of(url, first.id)
    assert (stored.state, stored.probability) == (DONE, 0.25)
    assert "größer" in stored.answer
    assert stored.n_bytes == 3 * 2**30
    assert len(events(url, journal.ANSWERED)) == 1
    assert len(events(url, journal.ANSWERED)[0].answer_digest) == 64


def test_many_workers_at_once_never_take_the_same_job(url):
    user = user_of(url)
    for number in range(24):
        put(url, user, f"{number:032}")
    taken: list[str] = []

    def work() -> None:
        while (job := claim(url)) is not None:
            taken.append(job.id)
            assert finish(url, job)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [f"{number:032}" for number in range(24)]
    assert len(events(url, journal.ANSWERED)) == 24


def test_a_job_whose_worker_is_gone_is_done_again_once_and_the_late_answer_is_dropped(url):
    put(url, user_of(url), "a" * 32)
    first = claim(url)
    assert claim(url) is None, "it is held"
    lose(url, first.id)
    second = claim(url)
    assert second.id == first.id
    assert not finish(url, first, {"probability": 0.9}), "its worker was given up"
    assert finish(url, second)
    assert job_of(url, first.id).probability == 0.25


def test_an_answer_that_comes_after_the_lease_is_stored_if_no_other_worker_took_the_job(url):
    put(url, user_of(url), "a" * 32)
    job = claim(url)
    lose(url, job.id)
    assert finish(url, job)
    assert claim(url) is None
    assert job_of(url, job.id).state == DONE


def test_a_job_that_loses_its_worker_twice_fails_with_a_sentence(url):
    put(url, user_of(url), "a" * 32)
    for _ in range(2):
        lose(url, claim(url).id)
    assert claim(url) is None
    job = job_of(url, "a" * 32)
    assert (job.state, job.reason) == (FAILED, queue.KILLED)
    assert "the database was away" in job.reason
    assert len(events(url, journal.FAILED)) == 1


def test_a_worker_that_reports_keeps_its_job(url):
    put(url, user_of(url), "a" * 32)
    job = claim(url, lease=1)
    with writing(url) as session:
        assert queue.renew(session, job.id, str(job.claim), 60, stage="reading", progress=0.5)
    assert claim(url) is None
    assert job_of(url, job.id).progress == 0.5


def test_a_process_known_to_be_gone_gives_its_job_back_at_once(url):
    put(url, user_of(url), "a" * 32)
    first = claim(url, lease=600)
    with writing(url) as session:
        queue.release(session, int(str(first.worker).rpartition(":")[2]))
    assert claim(url).id == first.id


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_a_cancelled_job_gets_no_answer(url, state):
    user = user_of(url)
    put(url, user, "a" * 32)
    job = claim(url) if state == RUNNING else job_of(url, "a" * 32)
    with writing(url) as session:
        assert queue.cancel(session, job, user)
    assert claim(url) is None
    assert not finish(url, job)
    with writing(url) as session:
        assert not queue.cancel(session, job, user), "it has ended"
    assert len(events(url, journal.CANCELLED)) == 1


def test_a_deleted_job_gets_no_answer(url):
    put(url, user_of(url), "a" * 32)
    job = claim(url)
    with writing(url) as session:
        session.execute(delete(Job))
    assert not finish(url, job)
    with writing(url) as session:
        assert not queue.renew(session, job.id, str(job.claim), 60)


@pytest.mark.parametrize("statement", ["UPDATE log SET actor = 'x'", "DELETE FROM log"])
def test_the_database_itself_refuses_to_change_the_log(url, statement):
    user_of(url)
    with pytest.raises(DBAPIError, match="append-only"), writing(url) as session:
        session.execute(text(statement))
    assert [event.actor for event in events(url, journal.USER_ADDED)] == [journal.SYSTEM]


def test_migrations_make_the_tables_of_the_code_and_remove_them(url):
    engine = engine_of(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    migrate(url, "base")
    assert set(inspect(engine).get_table_names()) <= {"alembic_version"}
    migrate(url)
    assert {"users", "jobs", "log", "access_keys"} <= set(inspect(engine).get_table_names())


def test_times_and_text_come_back_as_they_were(url):
    moment = now()
    user = user_of(url)
    put(url, user, "a" * 32, created=moment)
    with writing(url) as session:
        session.get(Job, "a" * 32).label = "Ä-017 ✓ 😀"
    job = job_of(url, "a" * 32)
    assert (job.created, job.label) == (moment, "Ä-017 ✓ 😀")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("SELECT id FROM jobs WHERE state = 'waiting' ORDER BY created LIMIT 1", "ix_jobs_queue"),
        ("SELECT id FROM jobs WHERE user_id = 1 ORDER BY created DESC LIMIT 50", "ix_jobs_history"),
        ("SELECT id FROM log WHERE actor = 'ana' ORDER BY id DESC LIMIT 100", "ix_log_actor"),
        ("SELECT count(*) FROM log WHERE action = 'sign-in refused' AND at > '2026'", "ix_log_attempts"),
        ("SELECT id FROM jobs WHERE images_until < '2026'", "ix_jobs_clock"),
    ],
)
def test_queries_that_grow_with_the_tables_use_an_index(tmp_path, query, index):
    url = f"sqlite:///{tmp_path / 'service.sqlite'}"
    migrate(url)
    with reading(url) as session:
        plan = " ".join(str(row) for row in session.execute(text(f"EXPLAIN QUERY PLAN {query}")))
    assert index in plan
