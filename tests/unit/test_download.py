"""The competition's data from a server that stands for Kaggle's."""

import contextlib
import errno
import hashlib
import io
import json
import stat
import warnings
import zipfile
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests.auth import HTTPBasicAuth

from gliobench.cohorts import download, unpack
from gliobench.cohorts.download import Bearer, download_rsna, fetch, find_credentials
from gliobench.errors import GlioBenchError
from kaggle import kaggle

KEY = "0f-secret-key-of-the-user"
AUTH = HTTPBasicAuth("user", KEY)
CONTENT = bytes(range(256)) * 4000
MEMBERS = {
    "train_labels.csv": b"BraTS21ID,MGMT_value\n00000,1\n",
    "train/00000/FLAIR/Image-1.dcm": b"DICM" * 99,
    "test/00001/FLAIR/Image-1.dcm": b"DICM",
    "sample_submission.csv": b"",
}


@pytest.fixture
def server(monkeypatch):
    with kaggle() as server:
        server.content = CONTENT
        monkeypatch.setenv("KAGGLE_API_ENDPOINT", server.url)
        monkeypatch.setenv("KAGGLE_USERNAME", "user")
        monkeypatch.setenv("KAGGLE_KEY", KEY)
        monkeypatch.delenv("KAGGLE_API_TOKEN", raising=False)
        yield server


def archive(members=MEMBERS, **attributes):
    """Make a ZIP archive in memory; `attributes` are set on each of its members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a duplicate name
        for name, content in members.items() if isinstance(members, dict) else members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def get(server, target):
    return fetch(f"{server.url}/api", AUTH, target, pause=lambda _: 0)


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestFetch:
    def test_the_file_and_its_sha256_arrive(self, server, tmp_path):
        server.state_md5()
        record = get(server, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == CONTENT
        assert record["sha256"] == hashlib.sha256(CONTENT).hexdigest()
        assert record["bytes"] == len(CONTENT)
        assert record["checked_by"] == "size and MD5"
        assert files_below(tmp_path) == {"a.zip", "a.zip.json"}

    def test_the_credentials_go_to_kaggle_alone(self, server, tmp_path):
        get(server, tmp_path / "a.zip")
        (_, _, asked), (path, _, stored) = server.requests
        assert asked.startswith("Basic ")
        assert path.startswith("/storage")
        assert stored is None, "the storage is another host"

    def test_a_cut_connection_is_resumed_where_it_broke(self, server, tmp_path):
        server.cuts = [300_000, 1, 200_000]
        get(server, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == CONTENT
        ranges = [wanted for path, wanted, _ in server.requests if path.startswith("/storage")]
        assert ranges == [None, "bytes=262144-", "bytes=262144-", "bytes=458752-"]

    def test_a_second_call_goes_on_where_the_first_was_stopped(self, server, tmp_path):
        server.cuts = [300_000] + [0] * 20
        with pytest.raises(GlioBenchError, match=r"stopped at 0\.00 GB, 6 times in a row without progress .*: run the"):
            get(server, tmp_path / "a.zip")
        server.cuts, server.requests[:] = [], []
        get(server, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == CONTENT
        assert server.requests[-1][1] == "bytes=262144-"

    @settings(deadline=None, max_examples=15)
    @given(cuts=st.lists(st.integers(0, 500_000), max_size=5))
    def test_wherever_it_is_cut_the_same_bytes_arrive(self, tmp_path_factory, cuts):
        with kaggle() as server:
            server.content, server.cuts = CONTENT, list(cuts)
            target = tmp_path_factory.mktemp("cut") / "a.zip"
            assert get(server, target)["sha256"] == hashlib.sha256(CONTENT).hexdigest()

    @pytest.mark.parametrize("change", ["other file", "no ranges"])
    def test_a_part_of_another_file_is_not_continued(self, server, tmp_path, change):
        server.cuts = [300_000] + [0] * 20
        with pytest.raises(GlioBenchError):
            get(server, tmp_path / "a.zip")
        server.cuts = []
        if change == "other file":
            server.content, server.etag = CONTENT[::-1], '"two"'
        server.ranges = change != "no ranges"
        get(server, tmp_path / "a.zip")
        assert (tmp_path / "a.zip").read_bytes() == server.content

    def test_a_wrong_checksum_is_a_sentence_and_nothing_is_kept(self, server, tmp_path):
        server.state_md5()
        server.content = CONTENT[:-1] + b"x"
        with pytest.raises(
            GlioBenchError, match=r"the downloaded file is damaged: its MD5 is \w+, but the server states \w+; it was"
        ):
            get(server, tmp_path / "a.zip")
        assert not files_below(tmp_path)

    def test_without_a_stated_size_the_record_says_so(self, server, tmp_path):
        server.length = False
        assert get(server, tmp_path / "a.zip")["checked_by"] == "nothing: the server states neither size nor checksum"

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            (401, r"does not accept these credentials \(status 401\): create a new API token"),
            (403, r"refuses the download \(status 403\): join the competition and accept its rules at https"),
            (404, r"has no such file \(status 404\)"),
            (418, "responded with status 418: run the same command later"),
            (503, "responded with status 503"),
        ],
    )
    def test_a_refusal_is_a_sentence(self, server, tmp_path, status, said):
        server.status = status
        with pytest.raises(GlioBenchError, match=said) as refused:
            get(server, tmp_path / "a.zip")
        assert KEY not in str(refused.value)
        assert not files_below(tmp_path)

    def test_a_server_that_is_not_there_is_a_sentence_without_its_address(self, tmp_path):
        with pytest.raises(GlioBenchError, match=r"\(ConnectionError\): run the same command later") as refused:
            fetch("http://127.0.0.1:9/secret", AUTH, tmp_path / "a.zip", pause=lambda _: 0)
        assert "secret" not in str(refused.value)
        assert refused.value.__cause__ is None

    def test_no_room_is_a_sentence_before_the_first_byte(self, server, tmp_path, monkeypatch):
        monkeypatch.setattr(unpack.shutil, "disk_usage", lambda _: type("Disk", (), {"total": 10**6, "free": 10**5}))
        with pytest.raises(GlioBenchError, match=r"the archive needs 0\.0 GB in .*, where 0\.0 GB are free: make room"):
            get(server, tmp_path / "a.zip")
        assert not (tmp_path / "a.zip.part").exists()


class TestDownload:
    def test_the_folder_holds_the_labelled_patients_and_the_record(self, server, tmp_path):
        server.content = archive()
        record = download_rsna(tmp_path / "data" / "rsna")
        assert files_below(tmp_path) == {
            "data/rsna/train_labels.csv",
            "data/rsna/train/00000/FLAIR/Image-1.dcm",
            "data/rsna/download.json",
        }
        assert record["sha256"] == hashlib.sha256(server.content).hexdigest()
        assert record["files"] == 2
        n_requests = len(server.requests)
        assert download_rsna(tmp_path / "data" / "rsna") == record
        assert len(server.requests) == n_requests, "what is there is not fetched again"

    def test_a_folder_with_something_else_is_left_alone(self, server, tmp_path):
        (tmp_path / "rsna").mkdir()
        (tmp_path / "rsna" / "mine").write_text("x")
        with pytest.raises(GlioBenchError, match="rsna already exists and is not from a download: move it away"):
            download_rsna(tmp_path / "rsna")
        assert files_below(tmp_path) == {"rsna/mine"}

    def test_a_call_that_was_stopped_while_unpacking_fetches_nothing_again(self, server, tmp_path, monkeypatch):
        server.content = archive()
        monkeypatch.setattr(download, "unpack", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            download_rsna(tmp_path / "rsna")
        monkeypatch.undo()
        (tmp_path / "rsna.download" / "unpacked" / "train").mkdir(parents=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
            patch.setenv("KAGGLE_API_TOKEN", "t")
            download_rsna(tmp_path / "rsna")
        assert (tmp_path / "rsna" / "train_labels.csv").is_file()

    def test_an_archive_of_something_else_is_a_sentence(self, server, tmp_path):
        server.content = archive({"train/readme": b""})
        with pytest.raises(GlioBenchError, match=r"has no train_labels\.csv: it is not the competition's"):
            download_rsna(tmp_path / "rsna")
        assert not (tmp_path / "rsna").exists()

    def test_a_token_is_written_nowhere(self, server, tmp_path, capfd, caplog):
        server.content = archive()
        server.cuts = [100]
        with caplog.at_level("DEBUG", "gliobench"):
            download_rsna(tmp_path / "rsna")
        written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
        said = "".join(capfd.readouterr()) + caplog.text
        assert "it resumes" in said
        for secret in (KEY, "SIGNED", str(AUTH(type("R", (), {"headers": {}})()).headers)):
            assert secret not in said
            assert secret.encode() not in written


class TestUnpack:
    @pytest.mark.parametrize(
        "name",
        ["../evil", "train/../../evil", "/tmp/evil", "train\\..\\..\\evil", "C:evil", "train/a\0b", "..", "train/.."],
    )
    def test_a_name_that_leads_outside_is_refused_before_anything_is_written(self, tmp_path, name):
        (tmp_path / "a.zip").write_bytes(archive({"train_labels.csv": b"x", name: b"evil"}))
        with pytest.raises(GlioBenchError, match="would lie outside the folder; nothing was unpacked"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "in" / "new", [""])
        assert files_below(tmp_path) == {"a.zip"}

    @given(name=st.text(st.sampled_from("./\\ab:\0~"), min_size=1, max_size=12))
    def test_whatever_its_names_nothing_is_written_outside(self, tmp_path_factory, name):
        base = tmp_path_factory.mktemp("names")
        (base / "a.zip").write_bytes(archive({name: b"x"}))
        with contextlib.suppress(GlioBenchError, OSError):
            unpack.unpack(base / "a.zip", base / "deep" / "in", [""])
        assert all(path == "a.zip" or path.startswith("deep/in/") for path in files_below(base))
        assert not (base.parent / "a").exists()

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
    def test_links_and_devices_are_refused(self, tmp_path, kind):
        (tmp_path / "a.zip").write_bytes(archive({"train/link": b"/etc"}, external_attr=(kind | 0o777) << 16))
        with pytest.raises(
            GlioBenchError, match="'train/link' is a link or a device, not a file; nothing was unpacked"
        ):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])
        assert files_below(tmp_path) == {"a.zip"}

    @pytest.mark.parametrize("names", [("train/a", "train/a/b"), ("train/a/b", "train/a")])
    def test_a_name_that_is_a_file_and_a_folder_is_refused(self, tmp_path, names):
        (tmp_path / "a.zip").write_bytes(archive([(name, b"1") for name in names]))
        with pytest.raises(GlioBenchError, match="'train/a' occurs twice; nothing was unpacked"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_a_name_longer_than_file_systems_allow_is_refused(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(archive({"train/" + 300 * "a": b"1"}))
        with pytest.raises(GlioBenchError, match="has too long a name; nothing was unpacked"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_a_path_longer_than_systems_allow_is_refused(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(archive({"train/" + 30 * (200 * "a" + "/") + "1.dcm": b"1"}))
        with pytest.raises(GlioBenchError, match="has too long a name; nothing was unpacked"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_two_spellings_of_one_name_are_refused_and_an_entry_of_a_folder_is_not(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(archive([("train/", b""), ("train/a", b"1"), ("train/./a", b"2")]))
        with pytest.raises(GlioBenchError, match=r"'train/\./a' occurs twice"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])
        (tmp_path / "b.zip").write_bytes(archive([("train/", b""), ("train/a", b"1")]))
        assert unpack.unpack(tmp_path / "b.zip", tmp_path / "folder", [""]) == 1

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_DEFLATED])
    def test_a_damaged_archive_is_a_sentence_whatever_it_is_compressed_with(self, tmp_path, method):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as file:
            file.writestr("train/a", np.random.default_rng(0).bytes(5000))
        content = bytearray((tmp_path / "a.zip").read_bytes())
        content[60:200] = b"\xff" * 140
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(GlioBenchError, match="cannot be unpacked"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_a_full_disk_is_said(self, tmp_path, monkeypatch):
        (tmp_path / "a.zip").write_bytes(archive({"train/a": b"1"}))
        monkeypatch.setattr(unpack, "_write", Mock(side_effect=OSError(errno.ENOSPC, "full")))
        with pytest.raises(unpack.RoomError, match="is full: make room"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_a_name_that_stands_there_twice_is_refused(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(archive([("train/a", b"1"), ("train/a", b"2")]))
        with pytest.raises(GlioBenchError, match="'train/a' occurs twice"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_sizes_that_the_disk_cannot_hold_are_refused(self, tmp_path):
        content = bytearray(archive({"train/bomb": b"x"}))
        place = content.index(b"PK\1\2")
        content[place + 24 : place + 28] = (2**32 - 2).to_bytes(4, "little")  # the declared size
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(unpack.shutil, "disk_usage", lambda _: type("Disk", (), {"total": 10**10, "free": 10**9}))
            with pytest.raises(
                GlioBenchError, match=r"the unpacked archive needs 4\.3 GB in .* where 0\.9 GB are free"
            ):
                unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_a_member_longer_than_it_declares_is_cut_and_refused(self, tmp_path):
        content = bytearray(archive({"train/bomb": b"x" * 10**6}))
        place = content.index(b"PK\1\2")
        content[place + 24 : place + 28] = (10).to_bytes(4, "little")
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(GlioBenchError, match=r"cannot be unpacked \(BadZipFile\): remove it and fetch it again"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])
        assert sum(path.stat().st_size for path in (tmp_path / "new").rglob("*") if path.is_file()) <= 10

    def test_a_member_outside_of_the_archive_is_a_sentence(self, tmp_path):
        content = bytearray(archive({"train/a": b"x"}))
        place = content.index(b"PK\5\6") + 16  # where the list of members is said to begin, from which all are counted
        content[place : place + 4] = (10**6).to_bytes(4, "little")
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(GlioBenchError, match=r"cannot be unpacked \(BadZipFile\)"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])

    def test_what_is_no_archive_is_a_sentence(self, tmp_path):
        (tmp_path / "a.zip").write_bytes(b"<html>")
        with pytest.raises(GlioBenchError, match=r"a\.zip cannot be unpacked \(BadZipFile\)"):
            unpack.unpack(tmp_path / "a.zip", tmp_path / "new", [""])


class TestCredentials:
    def test_the_environment_comes_first_and_a_token_before_a_key(self, tmp_path):
        both = {"KAGGLE_USERNAME": "u", "KAGGLE_KEY": "k", "HOME": str(tmp_path)}
        assert find_credentials(both) == HTTPBasicAuth("u", "k")
        token = find_credentials(both | {"KAGGLE_API_TOKEN": " t\n"})
        assert isinstance(token, Bearer)
        assert token.token == "t"

    def test_files_are_read_as_kaggles_own_clients_do(self, tmp_path):
        folder = tmp_path / ".kaggle"
        folder.mkdir()
        (folder / "kaggle.json").write_text(json.dumps({"username": "u", "key": "k"}))
        assert find_credentials({"HOME": str(tmp_path)}) == HTTPBasicAuth("u", "k")
        assert find_credentials({"KAGGLE_CONFIG_DIR": str(folder)}) == HTTPBasicAuth("u", "k")
        (folder / "access_token").write_text("t\n")
        assert find_credentials({"HOME": str(tmp_path)}).token == "t"

    def test_none_at_all_says_where_they_are_looked_for(self, tmp_path):
        with pytest.raises(
            GlioBenchError, match=r"no Kaggle credentials: create an API token at .* KAGGLE_API_TOKEN, or"
        ):
            find_credentials({"HOME": str(tmp_path)})

    @pytest.mark.parametrize("content", ["{", "[]", '{"username": "u", "token": "SECRET"}'])
    def test_a_wrong_file_is_not_quoted(self, tmp_path, content):
        Path(tmp_path / "kaggle.json").write_text(content)
        with pytest.raises(GlioBenchError, match=r"kaggle\.json is not a Kaggle credential: expected JSON") as refused:
            find_credentials({"KAGGLE_CONFIG_DIR": str(tmp_path)})
        assert "SECRET" not in str(refused.value)
        assert refused.value.__cause__ is None
