"""The RSNA-MICCAI 2021 data from Kaggle, with the user's own credentials: resumed, checked, safely unpacked."""

import base64
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase, HTTPBasicAuth
from urllib3.util import Retry

from gliobench.cohorts.names import LABEL_TABLES
from gliobench.cohorts.unpack import check_room, unpack
from gliobench.errors import GlioBenchError
from gliobench.files import read_json, write_json
from gliobench.recipe import say

COMPETITION = "rsna-miccai-brain-tumor-radiogenomic-classification"
HOME_PAGE = f"https://www.kaggle.com/competitions/{COMPETITION}"
ENDPOINT = "https://www.kaggle.com"  # KAGGLE_API_ENDPOINT names another, as for Kaggle's own clients
WANTED = ("train/", LABEL_TABLES["rsna"])  # of the archive; the test patients have no labels
RECORD = "download.json"
TRIES = 6  # consecutive attempts without progress
CHUNK = 2**16  # bytes; what arrived of an unfinished one is lost with the connection
TIMEOUT = (30, 120)  # seconds to connect, and between bytes
BUSY = (429, 500, 502, 503, 504)


class Bearer(AuthBase):
    """Sends a token of Kaggle's newer kind."""

    def __init__(self, token: str):
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def find_credentials(environment: Mapping[str, str] = os.environ) -> AuthBase:
    """
    Find the user's Kaggle credentials where Kaggle's own clients look.

    First the environment: KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY. Then the files ``access_token`` and
    ``kaggle.json`` in ``~/.kaggle``, or in the folder that KAGGLE_CONFIG_DIR names.

    Raises
    ------
    GlioBenchError
        There are none, or ``kaggle.json`` is not one of Kaggle's.
    """
    if environment.get("KAGGLE_API_TOKEN"):
        return Bearer(environment["KAGGLE_API_TOKEN"].strip())
    if environment.get("KAGGLE_USERNAME") and environment.get("KAGGLE_KEY"):
        return HTTPBasicAuth(environment["KAGGLE_USERNAME"].strip(), environment["KAGGLE_KEY"].strip())
    folder = Path(environment.get("KAGGLE_CONFIG_DIR") or Path(environment.get("HOME", "~")).expanduser() / ".kaggle")
    if (folder / "access_token").is_file():
        return Bearer((folder / "access_token").read_text(encoding="utf-8").strip())
    if (folder / "kaggle.json").is_file():
        return _read_key(folder / "kaggle.json")
    raise GlioBenchError(
        "there are no Kaggle credentials: create an API token at https://www.kaggle.com/settings and set "
        f"KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, or put kaggle.json into {folder}."
    )


def _read_key(path: Path) -> AuthBase:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return HTTPBasicAuth(record["username"], record["key"])
    except (ValueError, KeyError, TypeError):  # their words quote the file
        raise GlioBenchError(
            f"{path} is not a Kaggle credential: expected JSON with username and key, as Kaggle's settings page "
            "writes it; create a new one there."
        ) from None


def download_rsna(folder: str | Path) -> dict[str, Any]:
    """
    Fetch the labelled patients of the competition into a folder that does not exist yet.

    The archive is kept next to the folder, in ``<folder>.download``, until the folder exists, so that the next call
    resumes an interrupted download. The folder appears only when complete.

    Parameters
    ----------
    folder : path
        The cohort's folder, as the config's ``path`` names it.

    Returns
    -------
    dict
        The downloaded file: bytes, sha256, how it was checked, files; also kept as ``download.json`` in the folder. If
        that exists already, nothing is fetched.

    Raises
    ------
    GlioBenchError
        No credentials, refused, stopped too often, damaged, no room, or the folder holds something else.
    """
    folder = Path(folder)
    if (folder / RECORD).is_file():
        return dict(read_json(folder / RECORD))
    if folder.exists():
        raise GlioBenchError(f"{folder} already exists and is not from a download: move it away, or use it as it is.")
    work = folder.with_name(f"{folder.name}.download")
    work.mkdir(parents=True, exist_ok=True)
    archive = work / "archive.zip"
    url = f"{os.environ.get('KAGGLE_API_ENDPOINT', ENDPOINT)}/api/v1/competitions/data/download-all/{COMPETITION}"
    record = {"competition": COMPETITION} | fetch(url, find_credentials(), archive)
    unpacked = work / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)  # of a call that was stopped
    record["files"] = unpack(archive, unpacked, WANTED)
    if not (unpacked / WANTED[-1]).is_file():
        raise GlioBenchError(f"the archive has no {WANTED[-1]}: it is not the competition's; see {HOME_PAGE}.")
    write_json(record, unpacked / RECORD)
    unpacked.replace(folder)
    shutil.rmtree(work)
    return record


def fetch(
    url: str, auth: AuthBase, target: Path, pause: Callable[[int], float] = lambda failures: min(60.0, 2.0**failures)
) -> dict[str, Any]:
    """
    Fetch a file, resuming where an earlier call or a broken connection stopped.

    Parameters
    ----------
    url : str
        The file's address; redirects are followed, without the credentials where they lead to another host.
    auth : AuthBase
        The user's credentials; they are written nowhere.
    target : Path
        The file, written as ``<target>.part`` until it is whole.
    pause : callable
        Seconds to wait after so many failures in a row.

    Returns
    -------
    dict
        bytes, sha256, checked_by (what it was compared with), finished (time, UTC); kept as ``<target>.json``.

    Raises
    ------
    GlioBenchError
        Refused, stopped too often without progress, no room, or not what the server said it sends.
    """
    done = target.with_name(f"{target.name}.json")
    if target.is_file() and done.is_file():
        return dict(read_json(done))
    part = target.with_name(f"{target.name}.part")
    with requests.Session() as session:
        retries = Retry(
            total=5, backoff_factor=pause(0), status_forcelist=BUSY, raise_on_status=False, allowed_methods=["GET"]
        )
        session.mount("https://", HTTPAdapter(max_retries=retries))
        session.mount("http://", HTTPAdapter(max_retries=retries))
        _fetch_all(session, url, auth, part, pause)
    record = _check_arrived(part)
    write_json(record, done)
    part.replace(target)
    _facts_file(part).unlink(missing_ok=True)
    return record


def _facts_file(part: Path) -> Path:
    """Return where the server's description of the file is kept: size, etag and md5, without its address."""
    return part.with_name(f"{part.name}.json")


def _known(part: Path) -> dict[str, Any]:
    """Return the server's description of the file, empty if it is not known."""
    path = _facts_file(part)
    return dict(read_json(path)) if path.is_file() else {}


def _start_over(part: Path) -> None:
    part.unlink(missing_ok=True)
    _facts_file(part).unlink(missing_ok=True)


def _stated_md5(response: requests.Response) -> str | None:
    """Return the MD5 (hexadecimal) that the server states for the whole file."""
    stated = {}
    for entry in response.headers.get("x-goog-hash", "").split(","):
        name, _, value = entry.strip().partition("=")
        stated[name] = value
    encoded = stated.get("md5") or (response.headers.get("Content-MD5") if response.status_code == 200 else None)
    return base64.b64decode(encoded).hex() if encoded else None


def _fetch_all(
    session: requests.Session,
    url: str,
    auth: AuthBase,
    part: Path,
    pause: Callable[[int], float],
) -> None:
    failures = 0
    while True:
        before = _size(part)
        try:
            if _fetch_more(session, url, auth, part):
                return
            problem = "the connection ended early"
        except requests.RequestException as error:
            problem = type(error).__name__  # its words hold addresses with signatures
        failures = 0 if _size(part) > before else failures + 1
        if failures == TRIES:
            raise GlioBenchError(
                f"the download stopped at {_gigabytes(_size(part))}, {TRIES} times in a row without progress "
                f"({problem}): run the same command later to resume it."
            )
        say(f"the download stopped at {_gigabytes(_size(part))} ({problem}); it resumes")
        time.sleep(pause(failures))


def _fetch_more(session: requests.Session, url: str, auth: AuthBase, part: Path) -> bool:
    """Request the missing part and append it; return whether the file is complete."""
    have, known = _size(part), _known(part)
    if have and have == known.get("size"):
        return True
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, auth=auth, headers=headers, stream=True, timeout=TIMEOUT) as response:
        _check_answer(response)
        if not _continues(response, have, known):
            _start_over(part)
            if response.status_code != 200:
                return False
            length = response.headers.get("Content-Length")
            known = {"size": int(length) if length else None, "etag": response.headers.get("ETag")}
            known["md5"] = _stated_md5(response)
            write_json(known, _facts_file(part))
        size = known.get("size")
        check_room((size or _size(part)) - _size(part), part.parent, "the archive")
        _append(response, part, size)
    return size in (None, _size(part))


def _continues(response: requests.Response, have: int, known: dict[str, Any]) -> bool:
    """Whether an answer continues, from its first byte on, the very file of which a part is here."""
    if response.status_code != 206:
        return False
    size, stated = known.get("size"), response.headers.get("Content-Range", "")
    return response.headers.get("ETag") == known.get("etag") and stated == f"bytes {have}-{(size or 0) - 1}/{size}"


def _append(response: requests.Response, part: Path, size: int | None) -> None:
    shown = 10 * _size(part) // size if size else 0
    with part.open("ab") as file:
        for block in response.iter_content(CHUNK):
            file.write(block)
            if size and 10 * file.tell() // size > shown:
                shown = 10 * file.tell() // size
                say(f"downloaded {_gigabytes(file.tell())} of {_gigabytes(size)}")


def _check_answer(response: requests.Response) -> None:
    status = response.status_code
    if status in (200, 206, 416):
        return
    if status == 401:
        raise GlioBenchError(
            "Kaggle does not accept these credentials (status 401): create a new API token at "
            "https://www.kaggle.com/settings."
        )
    if status == 403:
        raise GlioBenchError(
            "Kaggle refuses the download (status 403): join the competition and accept its rules at "
            f"{HOME_PAGE}/rules, then run the same command."
        )
    if status == 404:
        raise GlioBenchError(f"Kaggle has no such file (status 404): see {HOME_PAGE}.")
    raise GlioBenchError(
        f"Kaggle responded with status {status}: run the same command later; {HOME_PAGE} may say more."
    )


def _check_arrived(part: Path) -> dict[str, Any]:
    """Return the record of a file that is all there; remove it if it is not what the server stated."""
    known = _known(part)
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with part.open("rb") as file:
        while block := file.read(CHUNK):
            sha256.update(block)
            md5.update(block)
    stated = known.get("md5")
    if stated and stated != md5.hexdigest():
        _start_over(part)
        raise GlioBenchError(
            f"the downloaded file is damaged: its MD5 is {md5.hexdigest()}, but the server states {stated}; "
            "it was removed; run the same command again."
        )
    checks = ["size"] * (known.get("size") is not None) + ["MD5"] * bool(stated)
    return {
        "bytes": _size(part),
        "sha256": sha256.hexdigest(),
        "checked_by": " and ".join(checks) or "nothing: the server states neither size nor checksum",
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _gigabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.2f} GB"
