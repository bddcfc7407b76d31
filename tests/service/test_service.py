"""The service as it is started: by the commands of the documentation, and killed in the middle of its work."""

import io
import json
import shlex
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import httpx
import nibabel as nib
import numpy as np
import pytest
from sqlalchemy.exc import StatementError

from clients import patient_files, zipped
from gliobench.files import read_table
from gliobench.predict.describe import PURPOSE
from gliobench_service import __main__ as commands
from gliobench_service import keeper
from gliobench_service.__main__ import main
from programs import program
from running import PASSWORD, ROOT, Service, wait_until

ENDED = ("done", "failed", "cancelled")


def documented() -> dict[str, str]:
    """Return the commands of the documentation, by what each asks for."""
    text = (ROOT / "docs/service.md").read_text().partition("## By curl")[2].split("```")[1]
    names = ("tokens", "predict", "result", "maps", "log", "delete")
    return dict(zip(names, text.strip().splitlines(), strict=True))


def curl(command: str, values: dict[str, str], folder: Path) -> str:
    for old, new in values.items():
        command = command.replace(old, new)
    arguments = shlex.split(command)
    assert arguments[0] == program("curl", "curl").name
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=120, cwd=folder)
    return done.stdout


def expected(run: Path, patient: str) -> float:
    table = read_table(run / "predictions.tsv", "predictions")
    return float(table[(table["patient_id"] == patient) & (table["part"] == "test")]["probability"].iloc[0])


def results(service: Service, headers: dict, jobs: list[str]) -> list[dict]:
    return [httpx.get(f"{service.url}/results/{job}", headers=headers, timeout=60).json() for job in jobs]


def all_ended(service: Service, headers: dict, jobs: list[str]) -> list[dict]:
    def ended():
        found = results(service, headers, jobs)
        return found if all(each["state"] in ENDED for each in found) else None

    return wait_until(ended, "all jobs ended", service.said)


def ask(service: Service, headers: dict, images: Path, patient: str) -> str:
    sent = {"files": ("p.zip", zipped(patient_files(images / patient)), "application/zip")}
    answer = httpx.post(f"{service.url}/predict", headers=headers, files=sent, timeout=60)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def test_the_commands_of_the_documentation_give_the_probability_of_the_run(cam_run, images, tmp_path):
    (tmp_path / "patient.zip").write_bytes(zipped(patient_files(images / "00003")))
    commands = documented()
    with Service(cam_run, tmp_path / "data") as service:
        values = {"localhost:8000": service.url.removeprefix("http://"), '"ana"': '"admin"', "...": PASSWORD}

        def said(name: str, *more: str) -> str:
            return curl(" ".join((commands[name], *more)), values, tmp_path)

        values["<token>"] = json.loads(said("tokens"))["token"]
        sent = json.loads(said("predict"))
        assert sent["notice"] == PURPOSE
        values["<id>"] = sent["id"]

        def done():
            answer = json.loads(said("result"))
            assert 0 <= answer["progress"] <= 1
            return answer if answer["state"] in ENDED else None

        answer = wait_until(done, "the job ended", service.said)
        assert answer["state"] == "done", answer["reason"]
        assert answer["label"] == "p-017"
        assert answer["probability"] == pytest.approx(expected(cam_run, "00003"), abs=1e-6)
        assert answer["prediction"]["same_as"] == ["00003"]
        assert {"python", "torch"} <= set(answer["versions"])
        said("maps")
        assert nib.load(tmp_path / "map.nii.gz").shape == (16, 16, 16)
        rows = json.loads(said("log"))["rows"]
        assert [row["action"] for row in rows] == ["answered", "asked", "token made", "user added"]
        said("delete")
        assert said("result", "-w %{http_code}").endswith("404")


def test_every_accepted_job_ends_in_one_answer_whatever_is_killed(run, images, tmp_path):
    patients = ["00000", "00001", "00002", "00003", "00004", "00005"]
    with Service(run, tmp_path / "data", workers=2, lease_seconds=6) as service:
        headers = service.token()
        jobs = [ask(service, headers, images, patient) for patient in patients]
        running = lambda: [each for each in results(service, headers, jobs) if each["state"] == "running"]  # noqa: E731
        wait_until(running, "a job runs", service.said)
        for worker in service.processes("worker"):
            worker.kill()  # in mid-job
        wait_until(lambda: len(service.processes("worker")) == 2, "the workers are started again", service.said)
        wait_until(running, "a job runs again", service.said)
        service.kill()
        service.start()
        for web in service.processes("web"):
            web.kill()
        wait_until(service.answers, "the web server is started again", service.said)
        found = all_ended(service, headers, jobs)
        for each, patient in zip(found, patients, strict=True):
            killed_twice = each["state"] == "failed" and "stopped twice" in each["reason"]
            assert killed_twice or each["probability"] == pytest.approx(expected(run, patient), abs=1e-6), each
        assert sum(each["state"] == "done" for each in found) >= len(jobs) - 2, "two workers, two jobs twice at most"
        rows = httpx.get(f"{service.url}/log", headers=headers, params={"limit": 500}).json()["rows"]
        ends = [row["job_id"] for row in rows if row["action"] in ("answered", "failed")]
        assert sorted(ends) == sorted(jobs), "one answer each"

        def left() -> list[Path]:
            return [path for path in (tmp_path / "data/jobs").rglob("*") if path.is_file()]

        wait_until(lambda: not left(), "the images are deleted", service.said)


def test_a_worker_that_takes_too_long_is_ended_and_its_job_is_done_again(run, images, tmp_path):
    with Service(run, tmp_path / "data", job_seconds=20, lease_seconds=600) as service:
        headers = service.token()
        jobs = [ask(service, headers, images, f"{number:05}") for number in range(4)]
        wait_until(lambda: any(each["state"] == "running" for each in results(service, headers, jobs)), "a job runs")
        (stuck,) = service.processes("worker")
        service.suspend(stuck)
        found = all_ended(service, headers, jobs)
        assert [each["state"] for each in found] == ["done"] * 4
        assert stuck.pid not in [worker.pid for worker in service.processes("worker")]


def test_a_worker_that_needs_too_much_memory_is_ended(settings, monkeypatch):
    kept = keeper.Keeper(settings)
    greedy = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    kept.processes, kept.started = [greedy], [time.monotonic()]
    kept._keep_one(0)
    assert greedy.poll() is None, "it is within its limit"
    monkeypatch.setattr(keeper, "_memory", lambda _: settings.worker_memory + 1)
    kept._keep_one(0)
    assert greedy.poll() is not None


def test_a_mistake_at_the_terminal_is_a_sentence(run, tmp_path):
    service = Service(run, tmp_path / "data")

    def said(*arguments: str, given: str = "") -> str:
        command = [sys.executable, "-m", "gliobench_service", *arguments]
        done = subprocess.run(
            command, input=given, capture_output=True, text=True, env=service.environment, check=False
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr, done.stderr
        return done.stderr

    assert "there is no folder nowhere" in said("serve", "nowhere")
    assert "RUN is not set" in said("workers")
    assert "has no run.json" in said("serve", str(tmp_path))
    assert "12 to 256 characters" in said("serve", str(run), given="admin\nshort\n")
    service.variables["GLIOBENCH_SERVICE_WORKERS"] = "many"
    assert "GLIOBENCH_SERVICE_WORKERS: " in said("workers")
    service.variables = {"GLIOBENCH_SERVICE_COLOUR": "red", "GLIOBENCH_SERVICE_RUN": "x"}
    assert "GLIOBENCH_SERVICE_COLOUR" in said("workers")


def other_archive(folder: Path) -> str:
    with tarfile.open(folder / "other.tar.gz", "w:gz") as archive:
        archive.add(__file__, "file")
    return archive.name


def cut_archive(folder: Path) -> str:
    path = folder / "cut.tar.gz"
    (folder / "noise").write_bytes(bytes(np.random.default_rng(1).integers(0, 256, 10**5, dtype=np.uint8)))
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder / "noise", "database.sqlite")
    path.write_bytes(path.read_bytes()[:50_000])
    return str(path)


def damaged_archive(folder: Path) -> str:
    (folder / "database").write_bytes(b"no database at all" * 100)
    with tarfile.open(folder / "damaged.tar.gz", "w:gz") as archive:
        archive.add(folder / "database", "database.sqlite")
    return archive.name


MISUSED = {
    "a user before there are tables": (["add-user", "ana"], "", "no such table: users"),
    "a backup of nothing": (["backup", "{folder}/b.tar.gz"], "", "there is no folder"),
    "another archive": (["restore", other_archive], "", "holds no database.sqlite"),
    "a backup cut off": (["restore", cut_archive], "", "damaged or not a backup"),
    "a backup with a damaged database": (["restore", damaged_archive], "", "damaged.tar.gz is damaged"),
    "a database without its package": (["migrate"], "postgresql://a@127.0.0.1/a", "no Python package psycopg2"),
    "a database of no kind": (["migrate"], "nonsense", "the database cannot be used"),
    "a server that does not answer": (["migrate"], "mysql+pymysql://a@127.0.0.1:1/a", "the database cannot be used"),
    "a revision that there is not": (["migrate", "nonsense"], "", "for the newest"),
}


@pytest.mark.parametrize("kind", MISUSED)
def test_a_command_that_cannot_work_ends_in_a_sentence(tmp_path, monkeypatch, kind):
    words, database, expected = MISUSED[kind]
    folder = tmp_path / "data"
    if words[0] != "backup":
        folder.mkdir()
    given = [word(tmp_path) if callable(word) else word.format(folder=tmp_path) for word in words]
    monkeypatch.setenv("GLIOBENCH_SERVICE_DATA", str(folder))
    monkeypatch.setenv("GLIOBENCH_SERVICE_DATABASE", database)
    monkeypatch.setattr(sys, "argv", ["gliobench_service", *given])
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\n"))
    with pytest.raises(SystemExit) as end:
        main()
    said = str(end.value).strip()
    assert expected in said
    assert "\n" not in said


def ended(monkeypatch, command: str, error: Exception) -> str:
    """Return what a command says that ends with an error."""

    def fail() -> None:
        raise error

    monkeypatch.setattr(commands, "read_settings", fail)
    monkeypatch.setattr(sys, "argv", ["gliobench_service", command])
    with pytest.raises(SystemExit) as end:
        main()
    return str(end.value)


def test_only_a_package_that_is_missing_is_said_to_be(monkeypatch):
    assert "no Python package a:" in ended(monkeypatch, "migrate", ModuleNotFoundError("No module named 'a'", name="a"))
    with pytest.raises(ImportError, match="cannot import"):
        ended(monkeypatch, "migrate", ImportError("cannot import name 'a' from 'b'", name="b"))


def test_an_error_of_the_database_without_an_original_says_its_own_words(monkeypatch):
    assert "(bad value)" in ended(monkeypatch, "migrate", StatementError("bad value", None, None, None))


@pytest.mark.parametrize(("command", "frames"), [("migrate", False), ("workers", True)])
def test_a_command_that_stays_says_where_an_error_was_raised(monkeypatch, capfd, command, frames):
    assert "the disk" in ended(monkeypatch, command, OSError("the disk"))
    assert ("OSError in fail (" in capfd.readouterr().err) == frames
