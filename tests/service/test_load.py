"""Two minutes of twenty clients: no lost job, no double answer, memory flat, and the service answers meanwhile."""

import os
import threading
import time

import httpx
import numpy as np

from clients import patient_files, zipped
from gliobench.training import Machine
from gliobench_service.answer import Predictor
from running import Service, wait_until

CLIENTS = 20
SECONDS = float(os.environ.get("SERVICE_LOAD_SECONDS", "120"))
SLOWEST = 0.1  # s, p95 of /health
GROWTH = 1.25  # of the memory between a third of the time and the end


class Client(threading.Thread):
    """Sends a patient, waits for the answer, and starts over until the time is up."""

    def __init__(self, service: Service, headers: dict[str, str], archive: bytes, until: float):
        super().__init__(daemon=True)
        self.service, self.headers, self.archive, self.until = service, headers, archive, until
        self.accepted: list[str] = []
        self.problems: list[str] = []

    def run(self) -> None:
        with httpx.Client(base_url=self.service.url, headers=self.headers, timeout=120) as client:
            while time.monotonic() < self.until:
                files = {"files": ("p.zip", self.archive, "application/zip")}
                answer = client.post("/predict", files=files)
                if answer.status_code == 429:
                    time.sleep(0.5)
                    continue
                if answer.status_code != 202:
                    self.problems.append(answer.text)
                    return
                self.accepted.append(answer.json()["id"])
                while time.monotonic() < self.until:
                    state = client.get(answer.json()["result"]).json()["state"]
                    if state not in ("waiting", "running"):
                        break
                    time.sleep(1)


def memory(service: Service) -> int:
    processes = [service.main, *service.main.children(recursive=True)]
    return sum(process.memory_info().rss for process in processes if process.is_running())


def all_rows(service: Service, headers: dict[str, str]) -> list[dict]:
    rows: list[dict] = []
    more: dict[str, int] = {}
    while True:
        params = {"limit": 500} | more
        page = httpx.get(f"{service.url}/log", headers=headers, params=params, timeout=60).json()
        rows += page["rows"]
        if page["before"] is None:
            return rows
        more = {"before": page["before"]}


def test_twenty_clients_for_two_minutes(run, images, tmp_path, record_property):
    archives = [zipped(patient_files(images / f"{number:05}")) for number in range(12)]
    predictor, patient = Predictor(run, Machine()), images / "00003"
    bare = []
    for number in range(5):
        work, result = tmp_path / f"work-{number}", tmp_path / f"result-{number}"
        work.mkdir()
        result.mkdir()
        began = time.monotonic()
        predictor.answer(patient, work, result, False, lambda *_: None)
        bare.append(time.monotonic() - began)
    with Service(run, tmp_path / "data", queued=CLIENTS, uploads_per_hour=10**6) as service:
        headers = service.token()
        began = time.monotonic()
        clients = [Client(service, headers, archives[n % 12], began + SECONDS) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        waits, used = [], []
        with httpx.Client(base_url=service.url, timeout=60) as probe:
            while time.monotonic() < began + SECONDS:
                asked = time.monotonic()
                assert probe.get("/health").status_code == 200
                waits.append(time.monotonic() - asked)
                used.append(memory(service))
                time.sleep(0.2)
        for client in clients:
            client.join(180)
        assert [problem for client in clients for problem in client.problems] == []
        accepted = [job for client in clients for job in client.accepted]

        def ended() -> list[dict] | None:
            waiting = httpx.get(f"{service.url}/health", timeout=60).json()["waiting"]
            if waiting:
                time.sleep(0.5)
                return None
            found = [httpx.get(f"{service.url}/results/{job}", headers=headers, timeout=60).json() for job in accepted]
            return found if all(each["state"] not in ("waiting", "running") for each in found) else None

        found = wait_until(ended, "all jobs ended", service.said)
        took = time.monotonic() - began
        assert {each["state"] for each in found} == {"done"}, "no lost job"
        answered = [row["job_id"] for row in all_rows(service, headers) if row["action"] == "answered"]
    assert sorted(answered) == sorted(accepted), "one answer each"
    p95 = float(np.quantile(waits, 0.95))
    each, alone = took / len(accepted), float(np.median(bare))
    third = used[len(used) // 3]
    figures = (
        f"{len(accepted)} jobs in {took:.0f} s: {each:.2f} s each, bare predict {alone:.2f} s; "
        f"/health p95 {1000 * p95:.0f} ms; memory {third / 2**20:.0f} to {used[-1] / 2**20:.0f} MiB; "
        f"load of the machine {os.getloadavg()[0]:.1f}"
    )
    print(figures)
    record_property("figures", figures)
    assert len(accepted) > CLIENTS
    assert used[-1] < GROWTH * third, figures
    assert p95 < SLOWEST, figures
