"""The files of deploy/: the site behind a real nginx with TLS, and units and settings that the commands understand."""

import configparser
import os
import shlex
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from clients import patient_files, zipped
from gliobench.predict.describe import PURPOSE
from gliobench_service.__main__ import parser
from gliobench_service.accounts import add_user
from gliobench_service.database import reading, writing
from gliobench_service.settings import PREFIX, Settings, read_settings
from gliobench_service.tables import USER, Event
from ports import free_port
from programs import program
from running import PASSWORD, ROOT, wait_until

DEPLOY = ROOT / "deploy"
HOST = "gliobench.example.org"
LIVE = f"/etc/letsencrypt/live/{HOST}"
PROXY = "/etc/nginx/gliobench-proxy.conf"
MAIN = """\
daemon off;
pid {home}/pid;
error_log {home}/error.log;
events {{}}
http {{
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    access_log off;
    include {home}/site.conf;
}}
"""


class Site:
    """The web server behind nginx, as deploy/ has it but for ports and paths."""

    def __init__(self, home: Path, settings: Settings):
        self.home, self.settings = home, settings
        self.http, self.https, self.behind = free_port(), free_port(), free_port()
        self.processes: list[psutil.Popen] = []

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.https}"

    def client(self) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.home / "fullchain.pem"))
        return httpx.Client(base_url=self.url, verify=context, timeout=60)

    def __enter__(self) -> "Site":
        nginx, openssl = str(program("nginx", "nginx-light")), str(program("openssl", "openssl"))
        key, certificate = self.home / "privkey.pem", self.home / "fullchain.pem"
        subject = ("-subj", f"/CN={HOST}", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2")
        made = ("-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate))
        subprocess.run([openssl, "req", "-x509", *made, *subject], check=True, capture_output=True)
        changes = {
            "listen 80;": f"listen 127.0.0.1:{self.http};",
            "listen [::]:80;": "",
            "listen 443 ssl": f"listen 127.0.0.1:{self.https} ssl",
            "listen [::]:443 ssl;": "",
            "server 127.0.0.1:8000;": f"server 127.0.0.1:{self.behind};",
            LIVE: str(self.home),
            PROXY: str(DEPLOY / "nginx/proxy.conf"),
        }
        text = (DEPLOY / "nginx/gliobench.conf").read_text()
        for old, new in changes.items():
            assert old in text
            text = text.replace(old, new)
        (self.home / "site.conf").write_text(text)
        (self.home / "nginx.conf").write_text(MAIN.format(home=self.home))
        command = [nginx, "-p", str(self.home), "-c", str(self.home / "nginx.conf"), "-e", str(self.home / "error.log")]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        assert "warn" not in tested.stderr, tested.stderr
        self._start(command)
        paths = os.pathsep.join(str(ROOT / part) for part in ("workflow/scripts", "service"))
        web = [sys.executable, "-m", "gliobench_service", "web", "--port", str(self.behind), "--processes", "2"]
        self._start(web, env=os.environ | {"PYTHONPATH": paths} | self.settings.environment())
        wait_until(self.answers, "the site answers", self.said)
        return self

    def _start(self, command: list[str], **options: object) -> None:
        with (self.home / "said").open("a") as said:
            self.processes.append(psutil.Popen(command, stdout=said, stderr=subprocess.STDOUT, **options))

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return client.get("/health").status_code == 200
        except httpx.HTTPError:
            return False

    def said(self) -> str:
        return "".join((self.home / name).read_text()[-2000:] for name in ("said", "error.log"))

    def __exit__(self, *_: object) -> None:
        while self.processes:
            self.end_last()

    def end_last(self) -> None:
        """End what was started last: the web server, and then nginx."""
        process = self.processes.pop()
        everything = [process, *process.children(recursive=True)]
        process.terminate()
        for left in psutil.wait_procs(everything, timeout=20)[1]:
            left.kill()


@pytest.fixture
def site(settings: Settings, tmp_path: Path) -> Iterator[Site]:
    home = tmp_path / "nginx"
    home.mkdir()
    with writing(settings.url) as session:
        add_user(session, "ana", PASSWORD, USER)
    with Site(home, settings.model_copy(update={"https": True})) as site:
        yield site


def test_the_site_behind_nginx(site, images):
    plain = httpx.get(f"http://127.0.0.1:{site.http}/history")
    assert (plain.status_code, plain.headers["location"]) == (301, "https://127.0.0.1/history")
    old = ssl.create_default_context(cafile=str(site.home / "fullchain.pem"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.ConnectError):
        httpx.get(site.url, verify=old)

    with site.client() as client:
        health = client.get("/health")
        assert health.headers["strict-transport-security"].startswith("max-age=")
        assert "script-src 'self'" in health.headers["content-security-policy"]
        assert health.headers["server"] == "nginx", "without its version"
        viewer = client.get("/static/niivue.js")
        assert viewer.headers["content-encoding"] == "gzip"
        assert "export { " in viewer.text[-100:]

        form = {"name": "ana", "password": PASSWORD}
        forged = {"Origin": "https://elsewhere.example.org"}
        assert client.post("/sign-in", data=form, headers=forged).status_code == 403
        own = {"Origin": site.url, "X-Forwarded-For": "192.0.2.7"}
        signed_in = client.post("/sign-in", data=form, headers=own)
        assert signed_in.status_code == 303
        cookie = signed_in.headers["set-cookie"]
        assert cookie.startswith("__Host-session=")
        assert {"Secure", "HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
        with reading(site.settings.url) as session:
            addresses = {event.address for event in session.query(Event).filter(Event.action == "signed in")}
        assert addresses == {"127.0.0.1"}, "that of the client, not one that it claims"

        page = client.get("/", headers={"Accept": "text/html"}).text
        csrf = {"X-CSRF-Token": page.partition('data-csrf="')[2].partition('"')[0]}
        sent = {"files": ("patient.zip", zipped(patient_files(images / "00003")), "application/zip")}
        assert client.post("/predict", files=sent).status_code == 403
        taken = client.post("/predict", files=sent, headers=csrf)
        assert taken.status_code == 202, taken.text


def test_what_nginx_refuses_is_a_sentence_with_a_number(site):
    with site.client() as client:
        answers = [client.post("/tokens", content=bytes(2 * 2**20))]
        answers += [client.get("/sign-in") for _ in range(40)]
        site.end_last()
        answers.append(client.get("/health"))
    by_status = {answer.status_code: answer for answer in answers if answer.status_code != 200}
    assert set(by_status) == {413, 429, 503}
    for answer in by_status.values():
        body = answer.json()
        assert (body["notice"], len(body["error_id"])) == (PURPOSE, 32)
        assert body["error"].endswith(".")


@pytest.mark.parametrize("unit", ["web", "workers"])
def test_units_start_a_command_that_there_is(unit):
    text = configparser.ConfigParser(interpolation=None, strict=False)
    text.optionxform = str
    text.read(DEPLOY / f"systemd/gliobench-{unit}.service")
    python, module, name, *arguments = shlex.split(text["Service"]["ExecStart"])
    assert (Path(python).name, module, name) == ("python", "-m", "gliobench_service")
    assert parser().parse_args(arguments).command.__name__ == unit
    assert text["Service"]["EnvironmentFile"] == "/etc/gliobench/service.env"


def test_the_settings_are_known_and_fit_nginx():
    lines = (DEPLOY / "service.env").read_text().splitlines()
    given = dict(line.removeprefix("# ").split("=", 1) for line in lines if PREFIX in line)
    settings = read_settings(given)
    assert settings.https
    assert settings.upload_bytes == 2 * 2**30
    assert "client_max_body_size 2g" in (DEPLOY / "nginx/gliobench.conf").read_text()
