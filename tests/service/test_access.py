"""Who may do what: sign-in, cookies, roles, other people's results, deletion, and the clock."""

import errno
import os
import re
import time
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text, update
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError

from clients import PASSWORD, client_of, left_on_disk, patient_files, token_of, work_once, zipped
from gliobench.errors import GlioBenchError
from gliobench.predict.describe import PURPOSE
from gliobench.training import Machine
from gliobench_service import accounts, jobs, keeper, queue, receive, worker
from gliobench_service.answer import Predictor
from gliobench_service.backup import back_up, restore
from gliobench_service.database import migrate, reading, writing
from gliobench_service.errors import DISK_FULL
from gliobench_service.tables import ADMINISTRATOR, AUDITOR, ROLES, USER, Event, Job, Key, User, now

NOBODYS = "0" * 32


@pytest.fixture(scope="module")
def predictor(cam_run):
    return Predictor(cam_run, Machine())


@pytest.fixture
def served(settings, cam_run):
    return settings.model_copy(update={"run": cam_run})


@pytest.fixture
def client(served):
    with client_of(served) as client:
        yield client


def ask(client, headers, images, **values) -> str:
    sent = [("files", ("p.zip", zipped(patient_files(images / "00005")), "application/zip"))]
    answer = client.post("/predict", headers=headers, files=sent, data=values)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def sign_in(client, name="ana", password=PASSWORD, **headers):
    return client.post("/sign-in", data={"name": name, "password": password}, headers=headers, follow_redirects=False)


def csrf_of(client) -> str:
    return re.search(r'data-csrf="([^"]+)"', client.get("/").text)[1]


@pytest.fixture
def answered(served, client, images, predictor):
    """A result of Ana's with map and images, and everybody's headers."""
    everybody = {role: token_of(served, role, role) for role in ROLES}
    ana = token_of(served, "ana")
    job = ask(client, ana, images, keep="true", label="p-5")
    work_once(served, predictor)
    return job, ana, everybody


CALLS = [
    *(("GET", path) for path in ("", "/maps", "/images/FLAIR", "/images/map")),
    *(("POST", "/cancel"), ("DELETE", "")),
]


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sees_or_changes_anothers_result_whatever_the_role(client, answered, served, role):
    job, ana, everybody = answered
    for method, path in CALLS:
        others = client.request(method, f"/results/{job}{path}", headers=everybody[role])
        unknown = client.request(method, f"/results/{NOBODYS}{path}", headers=everybody[role])
        assert others.status_code == unknown.status_code == 404, (method, path)
        assert others.json()["error"] == unknown.json()["error"], "it does not tell that the result exists"
    result = client.get(f"/results/{job}", headers=ana).json()
    assert result["images"] == ["FLAIR", "T1w", "T1wCE", "T2w", "map"]
    assert str(result["probability"]) not in client.get("/log", headers=everybody[role]).text


def test_without_signing_in_nothing_is_seen(client, answered):
    job, *_ = answered
    for method, path in [*CALLS, ("GET", "/../../log"), ("POST", "/../../predict")]:
        answer = client.request(method, f"/results/{job}{path}")
        assert answer.status_code == 401, path
        assert answer.json()["notice"] == PURPOSE
    for path in ("/", "/history", f"/view/{job}", "/journal", "/users"):
        answer = client.get(path, headers={"accept": "text/html"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")


def test_the_log_is_seen_by_role(client, answered):
    job, ana, everybody = answered
    mine = client.get("/log", headers=ana).json()["rows"]
    assert {row["actor"] for row in mine} == {"ana"}
    assert [row["action"] for row in mine] == ["answered", "asked"]
    result = client.get(f"/results/{job}", headers=ana).json()
    assert mine[0]["probability"] == result["probability"]
    assert client.get("/log", headers=everybody[USER]).json()["rows"] == []
    for role in (AUDITOR, ADMINISTRATOR):
        rows = client.get("/log", headers=everybody[role], params={"words": job}).json()["rows"]
        assert [(row["actor"], row["action"], row["job_id"]) for row in rows] == [
            ("ana", "answered", job),
            ("ana", "asked", job),
        ]
        assert rows[0]["answer_digest"] == mine[0]["answer_digest"]
        assert rows[0]["probability"] is None
        assert "stacked_cnn3d" in rows[0]["model"]


def test_a_deletion_removes_images_and_answer_and_the_log_keeps_who_asked(client, answered, served):
    job, ana, everybody = answered
    assert (served.jobs / job / "result/FLAIR.nii.gz").is_file()
    assert client.delete(f"/results/{job}", headers=ana).status_code == 200
    assert client.get(f"/results/{job}", headers=ana).status_code == 404
    assert client.delete(f"/results/{job}", headers=ana).status_code == 404
    assert left_on_disk(served) == []
    with reading(served.url) as session:
        assert session.scalar(select(Job)) is None
    rows = client.get("/log", headers=everybody[AUDITOR], params={"words": job}).json()["rows"]
    assert [row["action"] for row in rows] == ["deleted", "answered", "asked"]
    assert all(row["actor"] == "ana" and row["model"] and row["at"] for row in rows)
    mine = client.get("/log", headers=ana).json()["rows"]
    assert {row["probability"] for row in mine} == {None}


def test_a_map_and_images_are_nifti_in_one_space(client, answered, tmp_path):
    import nibabel as nib
    import numpy as np

    job, ana, _ = answered
    shown = {}
    for name in ("maps", "images/FLAIR", "images/T1wCE"):
        answer = client.get(f"/results/{job}/{name}", headers=ana)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"].startswith("attachment")
        path = tmp_path / f"{name.replace('/', '-')}.nii.gz"
        path.write_bytes(answer.content)
        shown[name] = nib.load(path)
    cam = shown["maps"].get_fdata()
    assert cam.shape == (16, 16, 16)
    assert 0 <= cam.min() <= cam.max() <= 1
    middle = {name: (image.affine @ [*(np.array(image.shape) - 1) / 2, 1])[:3] for name, image in shown.items()}
    assert np.linalg.norm(middle["maps"] - middle["images/T1wCE"]) < 40, "the map lies over the head"
    assert b"2021" not in shown["images/FLAIR"].header.binaryblock


def test_images_kept_on_purpose_are_deleted_by_the_clock_and_the_answer_stays(client, answered, served):
    job, ana, everybody = answered
    keeper.clean(served)
    assert "FLAIR" in client.get(f"/results/{job}", headers=ana).json()["images"]
    with writing(served.url) as session:
        session.execute(update(Job).values(images_until=now() - timedelta(seconds=1)))
    keeper.clean(served)
    result = client.get(f"/results/{job}", headers=ana).json()
    assert result["images"] == ["map"]
    assert result["probability"] is not None
    rows = client.get("/log", headers=everybody[AUDITOR], params={"words": job}).json()["rows"]
    assert rows[0]["action"] == "images deleted"


def test_what_killed_processes_left_is_deleted_by_the_clock(served, answered, monkeypatch):
    job, *_ = answered
    (served.jobs / job / "work-x").mkdir()
    (served.data / "incoming" / "half").mkdir(parents=True)
    (served.jobs / "unknown").mkdir()
    keeper.clean(served)
    assert not (served.jobs / job / "work-x").exists()
    assert (served.data / "incoming" / "half").exists(), "it may still arrive"
    monkeypatch.setattr(keeper, "FORGOTTEN", -1.0)
    keeper.clean(served)
    assert not (served.data / "incoming" / "half").exists()
    assert not (served.jobs / "unknown").exists()


@pytest.mark.parametrize("arrives", [True, False])
def test_an_upload_is_not_deleted_while_it_arrives_however_long_that_takes(settings, arrives):
    received = settings.data / "incoming" / "a" / "received"
    received.mkdir(parents=True)
    file = received / "000000"
    file.write_bytes(b"PK")
    long_ago = time.time() - 2 * keeper.FORGOTTEN
    for path in (received.parent, received, *([] if arrives else [file])):
        os.utime(path, (long_ago, long_ago))
    keeper.clean(settings)
    assert file.exists() == arrives


def test_a_cancelled_job_leaves_no_image(client, served, images, predictor):
    ana = token_of(served, "ana")
    job = ask(client, ana, images)
    assert client.post(f"/results/{job}/cancel", headers=ana).status_code == 200
    assert client.get(f"/results/{job}", headers=ana).json()["state"] == "cancelled"
    assert client.post(f"/results/{job}/cancel", headers=ana).status_code == 409
    assert left_on_disk(served) == []


class AtOnce:
    """A predictor that answers at once, and keeps an image."""

    def answer(self, patient, work, result, keep, report):
        (result / "FLAIR.nii.gz").write_bytes(b"image")
        found = [
            {"modality": "FLAIR", "reason": f"FLAIR has no position: {path}/FLAIR.nii.gz"} for path in (patient, work)
        ]
        notes = [f"{patient.resolve()}/FLAIR.nii.gz has no position."]
        return {"probability": 0.25, "notes": notes, "series": found, "versions": {}, "cohort": {}}


def test_an_answer_is_stored_once_the_database_is_back(client, served, images, monkeypatch):
    ana = token_of(served, "ana")
    job = ask(client, ana, images, keep="true")
    finish, calls = queue.finish, []

    def away_at_first(*arguments):
        calls.append(arguments)
        if len(calls) < 3:
            raise OperationalError("UPDATE jobs", {}, Exception("gone away"))
        return finish(*arguments)

    monkeypatch.setattr(queue, "finish", away_at_first)
    monkeypatch.setattr(worker, "PAUSE", 0.01)
    work_once(served, AtOnce())
    result = client.get(f"/results/{job}", headers=ana).json()
    assert (result["state"], result["probability"], result["images"]) == ("done", 0.25, ["FLAIR"])
    assert result["images_until"]
    assert len(calls) == 3


def test_an_answer_that_the_database_refuses_ends_the_job_with_a_sentence(client, served, images, monkeypatch):
    ana = token_of(served, "ana")
    job = ask(client, ana, images, keep="true")
    finish = queue.finish

    def refuse_answers(session, job_id, claimed, answer, *rest):
        if answer:
            raise DataError("UPDATE jobs", {}, Exception("a text has a NUL"))
        return finish(session, job_id, claimed, answer, *rest)

    monkeypatch.setattr(queue, "finish", refuse_answers)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it is tried again"))
    work_once(served, AtOnce())
    result = client.get(f"/results/{job}", headers=ana).json()
    assert result["state"] == "failed"
    assert result["reason"].startswith(worker.UNEXPECTED)
    assert left_on_disk(served) == [f"jobs/{job}"]


def test_no_answer_has_a_path_of_the_server(client, served, images):
    ana = token_of(served, "ana")
    job = ask(client, ana, images)
    work_once(served, AtOnce())
    answer = client.get(f"/results/{job}", headers=ana)
    assert answer.json()["warnings"] == ["uploaded/FLAIR.nii.gz has no position."]
    assert str(served.data) not in answer.text
    assert "work-" not in answer.text


class Failing:
    """A predictor whose run is at fault."""

    def __init__(self, run):
        self.run = run

    def answer(self, *_):
        raise GlioBenchError(f"{self.run.resolve()}: a model's prediction is NaN; give another run.")


def test_the_reason_of_a_failed_job_has_no_path_of_the_run(client, served, images):
    ana = token_of(served, "ana")
    job = ask(client, ana, images)
    work_once(served, Failing(served.run))
    reason = client.get(f"/results/{job}", headers=ana).json()["reason"]
    assert reason == "the run: a model's prediction is NaN; give another run."


def test_no_image_stays_of_a_job_that_ends_between_its_result_and_its_answer(client, served, images, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    ana = token_of(served, "ana")
    job = ask(client, ana, images, keep="true")
    monkeypatch.setattr(worker, "_finish", killed)
    with pytest.raises(KeyboardInterrupt):
        work_once(served, AtOnce())
    assert (served.jobs / job / "result/FLAIR.nii.gz").is_file()
    with writing(served.url) as session:
        session.execute(update(Job).values(attempts=queue.TRIES, lease=now() - timedelta(seconds=1)))
    keeper.clean(served)
    assert client.get(f"/results/{job}", headers=ana).json()["state"] == "failed"
    assert left_on_disk(served) == [f"jobs/{job}"]


def test_an_error_of_the_database_quotes_no_value(url):
    with pytest.raises(SQLAlchemyError) as error, writing(url) as session:
        session.execute(text("INSERT INTO nowhere VALUES (:answer)"), {"answer": "0.8125"})
    assert "0.8125" not in str(error.value)


def test_a_sign_in_gives_a_cookie_that_scripts_and_other_sites_do_not_get(client, served):
    token_of(served, "ana")
    answer = sign_in(client)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie, "on loopback"
    with reading(served.url) as session:
        stored = {key.digest for key in session.scalars(select(Key))}
    assert client.cookies["session"] not in stored
    with client_of(served.model_copy(update={"https": True})) as secure:
        answer = sign_in(secure)
        assert answer.headers["set-cookie"].startswith("__Host-session=")
        assert "Secure" in answer.headers["set-cookie"]
        assert "Path=/" in answer.headers["set-cookie"]
        assert "max-age" in answer.headers["strict-transport-security"]


def test_a_request_with_the_cookie_needs_the_csrf_token(client, served, images):
    token_of(served, "ana")
    sign_in(client)
    csrf = csrf_of(client)
    sent = [("files", ("p.zip", zipped(patient_files(images / "00005")), "application/zip"))]
    for headers in ({}, {"X-CSRF-Token": "x"}):
        assert client.post("/predict", files=sent, headers=headers).status_code == 403
        assert client.delete(f"/results/{NOBODYS}", headers=headers).status_code == 403
    assert client.post("/sign-out", data={"csrf": "x"}).status_code == 403
    assert client.post("/predict", files=sent, headers={"X-CSRF-Token": csrf}).status_code == 202
    assert client.post("/sign-out", data={"csrf": csrf}, follow_redirects=False).status_code == 303
    assert client.get("/log").status_code == 401


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_site_cannot_sign_anybody_in(client, served, headers):
    token_of(served, "ana")
    assert sign_in(client, **headers).status_code == 403


def test_sign_ins_that_fail_too_often_are_refused_and_logged_without_what_was_typed(client, served):
    token_of(served, "ana")
    for _ in range(served.attempts):
        answer = sign_in(client, password="wrong password")
        assert answer.status_code == 401
    answer = sign_in(client)
    assert answer.status_code == 429
    assert "wait 15 minutes" in answer.text
    assert client.post("/tokens", json={"name": "ana", "password": PASSWORD}).headers["retry-after"] == "900"
    sign_in(client, name="my-secret-password-typed-here")
    with reading(served.url) as session:
        refused = list(session.scalars(select(Event).where(Event.action == "sign-in refused")))
        assert [event.actor for event in refused] == ["ana"] * served.attempts + ["(unknown)"]


def test_the_log_has_nothing_of_a_name_that_no_user_has(client, served):
    token_of(served, "ana")
    for name in ("glioma-2019-77", "another password", "another password"):
        assert sign_in(client, name=name).status_code == 401
    columns = [column for column in Event.__table__.columns if column.name not in ("id", "at")]
    with reading(served.url) as session:
        rows = set(session.execute(select(*columns).where(Event.action == "sign-in refused")))
        assert len(rows) == 1, rows


def test_failed_sign_ins_are_counted_for_a_while_and_then_forgotten():
    failures, start = accounts.Failures(), now()
    failures.add("ana")
    failures.add("ana")
    assert (failures.count("ana", start), failures.count("ben", start)) == (2, 0)
    assert failures.count("ana", now()) == 0
    assert failures.count("ana", start) == 0


def test_the_limit_of_sign_ins_does_not_tell_which_names_there_are(client, served):
    token_of(served, "ana")
    said = {}
    for name in ("ana", "nobody", "Not A Name"):
        wrong = {"name": name, "password": "wrong"}
        answers = [client.post("/tokens", json=wrong) for _ in range(served.attempts + 1)]
        said[name] = [(answer.status_code, answer.json()["error"]) for answer in answers]
    assert [status for status, _ in said["ana"]] == [401] * served.attempts + [429]
    assert said["nobody"] == said["Not A Name"] == said["ana"]
    assert client.post("/tokens", json={"name": "another", "password": "wrong"}).status_code == 401


def test_a_deleted_result_counts_among_the_uploads_of_an_hour(served, images):
    ana, ben = token_of(served, "ana"), token_of(served, "ben")
    with client_of(served.model_copy(update={"uploads_per_hour": 2})) as client:
        for _ in range(2):
            client.delete(f"/results/{ask(client, ana, images)}", headers=ana)
        sent = [("files", ("p.zip", b"PK", "application/zip"))]
        answer = client.post("/predict", headers=ana, files=sent)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
        ask(client, ben, images)


def test_uploads_of_one_user_are_limited(served, images):
    small = served.model_copy(update={"queued": 2})
    ana, ben = token_of(served, "ana"), token_of(served, "ben")
    with client_of(small) as client:
        for _ in range(2):
            ask(client, ana, images)
        sent = [("files", ("p.zip", b"PK", "application/zip"))]
        answer = client.post("/predict", headers=ana, files=sent)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
        assert "2 waiting jobs" in answer.json()["error"]
        ask(client, ben, images)


@pytest.mark.parametrize("change", [{"disabled": True}, {"password": "another long password"}, {"role": AUDITOR}])
def test_a_change_of_a_user_ends_sessions_and_tokens(client, served, change):
    ana = token_of(served, "ana")
    assert client.get("/log", headers=ana).status_code == 200
    with writing(served.url) as session:
        accounts.change_user(session, "ana", **change)
    assert client.get("/log", headers=ana).status_code == 401


def test_an_old_token_has_ended(client, served):
    ana = token_of(served, "ana")
    with writing(served.url) as session:
        session.execute(update(Key).values(expires=now() - timedelta(seconds=1)))
    assert client.get("/log", headers=ana).status_code == 401
    keeper.clean(served)
    with reading(served.url) as session:
        assert session.scalar(select(Key)) is None


def test_a_token_is_got_by_name_and_password(client, served):
    token_of(served, "ana")
    answer = client.post("/tokens", json={"name": "ana", "password": PASSWORD})
    assert answer.status_code == 201
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert client.get("/log", headers=headers).json()["rows"][0]["action"] == "token made"
    assert client.post("/tokens", json={"name": "ana", "password": "wrong"}).status_code == 401


def test_only_administrators_manage_users_and_the_last_one_stays(client, served):
    for role in ROLES:
        token_of(served, role, role)
    for role in (USER, AUDITOR):
        sign_in(client, role)
        assert client.get("/users").status_code == 403
        form = {"csrf": csrf_of(client), "name": "eve", "password": PASSWORD, "role": ADMINISTRATOR}
        assert client.post("/users", data=form).status_code == 403
        assert client.post(f"/users/{role}", data={"csrf": csrf_of(client), "role": ADMINISTRATOR}).status_code == 403
    sign_in(client, ADMINISTRATOR)
    form = {"csrf": csrf_of(client), "name": "eve", "password": PASSWORD, "role": AUDITOR}
    assert client.post("/users", data=form, follow_redirects=False).status_code == 303
    for bad, said in (
        ({"name": "Eve Smith"}, "small letters"),
        ({"name": "eve"}, "already"),
        ({"password": "x", "name": "f"}, "12 to 256"),
    ):
        answer = client.post("/users", data=form | bad)
        assert answer.status_code == 422
        assert said in answer.text
    for change in ({"role": USER}, {"disabled": "true"}):
        answer = client.post("/users/administrator", data={"csrf": csrf_of(client)} | change)
        assert answer.status_code == 422
        assert "last administrator" in answer.text
    with reading(served.url) as session:
        assert session.scalar(select(User.role).where(User.name == "eve")) == AUDITOR
        assert (
            session.scalar(select(Event.detail).where(Event.actor == ADMINISTRATOR, Event.action == "user added"))
            == "eve: auditor"
        )


def test_passwords_are_stored_by_argon2(served):
    token_of(served, "ana")
    with reading(served.url) as session:
        assert session.scalar(select(User.password)).startswith("$argon2id$")


@pytest.mark.parametrize("path", ["/sign-in", "/health", "/nowhere", "/static/style.css", "/log"])
def test_every_answer_has_the_headers_and_says_what_it_is_for(client, path):
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-research-only"] == PURPOSE
    if not path.startswith("/static"):
        assert PURPOSE in answer.text


@pytest.mark.parametrize("path", [f"/view/{NOBODYS}", f"/results/{NOBODYS}"])
def test_an_unexpected_error_is_answered_like_any_other_and_its_message_is_logged_nowhere(
    client, served, capfd, caplog, monkeypatch, path
):
    def fail(*_):
        raise RuntimeError("DOE^JANE/FLAIR/1.dcm")

    token_of(served, "ana")
    sign_in(client)
    monkeypatch.setattr(jobs, "show", fail)
    # This client raises what would reach the server, which logs it with its message.
    strict = TestClient(client.app, base_url="http://127.0.0.1", cookies=client.cookies)
    answer = strict.get(path, headers={"accept": "text/html"})
    said = "".join(capfd.readouterr()) + caplog.text
    assert answer.status_code == 500
    assert answer.headers["x-research-only"] == PURPOSE
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert PURPOSE in answer.text
    assert re.search(r"error ([0-9a-f]{12}): RuntimeError", said)[1] in answer.text
    assert "DOE" not in said + answer.text


def test_the_number_of_a_refusal_is_found_in_the_log_of_the_process(client, capfd):
    answers = [client.get("/log"), client.get("/nowhere"), client.post("/tokens", json={})]
    said = capfd.readouterr().err.splitlines()
    assert [line.partition(" refused ")[2] for line in said] == [
        f"{answer.json()['error_id']}: {answer.status_code}" for answer in answers
    ], "a line without frames: strangers may send many"


@pytest.mark.parametrize(("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)])
def test_only_a_full_disk_is_said_to_be_one(client, served, images, monkeypatch, number, status):
    def fail(*_):
        raise OSError(number, "any")

    ana = token_of(served, "ana")
    monkeypatch.setattr(receive._Reader, "_on_part_data", fail)
    sent = [("files", ("p.zip", b"PK", "application/zip"))]
    answer = client.post("/predict", headers=ana, files=sent)
    assert (answer.status_code, answer.json()["error"] == DISK_FULL) == (status, status == 507)
    assert left_on_disk(served) == []


def test_every_page_says_what_it_is_for(client, served, answered):
    job, *_ = answered
    sign_in(client, ADMINISTRATOR)
    for path in ("/", "/history", "/journal", "/users", f"/view/{job}"):
        assert PURPOSE in client.get(path, headers={"accept": "text/html"}).text, path
    client.cookies.clear()
    sign_in(client, "ana")
    assert "p-5" in client.get(f"/view/{job}").text


def test_a_label_is_text_and_never_markup(client, served, images):
    ana = token_of(served, "ana")
    job = ask(client, ana, images, label="<script>alert(1)</script>")
    sign_in(client)
    for path in ("/history", f"/view/{job}", "/history?words=%3Cscript%3E"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text


def test_a_backup_brings_everything_back_but_images_and_sessions(client, served, answered, tmp_path, images):
    job, ana, _ = answered
    ask(client, ana, images)
    file = tmp_path / "backup.tar.gz"
    counts = back_up(served, file)
    assert counts["jobs"] == 1, "a job that has not ended is not in it"
    assert file.stat().st_mode & 0o077 == 0
    new = served.model_copy(update={"data": tmp_path / "new"})
    new.data.mkdir()
    migrate(new.url)
    assert restore(new, file) == counts
    with client_of(new) as other:
        assert other.get("/log", headers=ana).status_code == 401
        token = other.post("/tokens", json={"name": "ana", "password": PASSWORD}).json()["token"]
        again = {"Authorization": f"Bearer {token}"}
        before = client.get(f"/results/{job}", headers=ana).json()
        after = other.get(f"/results/{job}", headers=again).json()
        assert after["images"] == ["map"]
        assert {key: after[key] for key in after if key != "images"} == {
            key: before[key] for key in before if key != "images"
        }
        assert (
            len(other.get("/log", headers=again).json()["rows"])
            == len(client.get("/log", headers=ana).json()["rows"]) + 1
        )
    with pytest.raises(GlioBenchError, match="holds users already"):
        restore(new, file)
    with pytest.raises(GlioBenchError, match="exists"):
        back_up(served, file)


def test_an_upload_is_answered_logged_and_deleted_with_each_database(url, served, images, predictor):
    there = served.model_copy(update={"database": url})
    ana = token_of(there, "ana")
    with client_of(there) as client:
        job = ask(client, ana, images, label="größer")
        work_once(there, predictor)
        result = client.get(f"/results/{job}", headers=ana).json()
        assert (result["state"], result["label"]) == ("done", "größer")
        assert client.delete(f"/results/{job}", headers=ana).status_code == 200
        keeper.clean(there)
        rows = client.get("/log", headers=ana).json()["rows"]
    assert [row["action"] for row in rows] == ["deleted", "answered", "asked"]


def test_a_restored_database_goes_on(url, served, answered, tmp_path):
    file = tmp_path / "backup.tar.gz"
    back_up(served, file)
    there = served.model_copy(update={"database": url, "data": tmp_path / "there"})
    there.data.mkdir()
    restore(there, file)
    with writing(url) as session:
        user = accounts.add_user(session, "zoe", PASSWORD, USER)
    with reading(url) as session:
        assert session.scalar(select(Event.detail).order_by(Event.id.desc()).limit(1)) == "zoe: user"
        assert user.id == max(session.scalars(select(User.id)))
    back_up(there, tmp_path / "again.tar.gz")
