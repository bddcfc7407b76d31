"""Unpacking of untrusted archives, which cannot write outside their target folder."""

import lzma
import shutil
import stat
import zipfile
import zlib
from collections.abc import Sequence
from errno import EDQUOT, ENOSPC
from pathlib import Path, PurePosixPath

from gliobench.errors import GlioBenchError

SPARE = 10**9  # bytes kept free, but at most a hundredth of the disk
LONGEST_NAME = 255  # bytes, of a file in common file systems
LONGEST_PATH = 2048  # bytes, below the target folder; Linux takes 4096 in all
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, EOFError, ValueError)


class MemberError(GlioBenchError):
    """
    A member of an archive is refused.

    Attributes
    ----------
    problem : str
        Why, without its name, which may be a person's.
    """

    def __init__(self, archive: Path, name: str, problem: str):
        super().__init__(f"{archive}: its member {name!r} {problem}; nothing was unpacked.")
        self.problem = problem


class RoomError(GlioBenchError):
    """The disk is too full."""


def unpack(archive: Path, folder: Path, wanted: Sequence[str]) -> int:
    """
    Unpack some members of a ZIP archive into a new folder.

    Every member's name is checked before the first is written. Not one byte more is written than the sizes that the
    archive declares, and those must fit on the disk.

    Parameters
    ----------
    archive : Path
        The ZIP file.
    folder : Path
        Made by this function.
    wanted : sequence of str
        Files, and folders with a slash at their end, that are unpacked.

    Returns
    -------
    int
        Number of files written.

    Raises
    ------
    MemberError
        A member would lie outside the folder, is a link, is encrypted or occurs twice.
    RoomError
        There is not enough space.
    GlioBenchError
        The archive is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = file.infolist()
            if not all(0 <= member.header_offset < archive.stat().st_size for member in members):
                raise zipfile.BadZipFile("a member lies outside of the file")
            _check_members(members, archive)
            files = (member for member in members if not member.is_dir())
            chosen = [member for member in files if member.filename.startswith(tuple(wanted))]
            folder.mkdir(parents=True)
            check_room(sum(member.file_size for member in chosen), folder, "the unpacked archive")
            for member in chosen:
                _write(file, member, folder / member.filename)
    except DAMAGED as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise RoomError(f"the disk of {folder} is full: make room and run the same command.") from error
        if error.errno is None:  # from the bzip2 decompressor
            raise _damaged(archive, error) from error
        raise
    return len(chosen)


def _damaged(archive: Path, error: Exception) -> GlioBenchError:
    return GlioBenchError(f"{archive} cannot be unpacked ({type(error).__name__}): remove it and fetch it again.")


def _check_members(members: Sequence[zipfile.ZipInfo], archive: Path) -> None:
    seen: set[str] = set()
    folders = {str(parent) for member in members for parent in PurePosixPath(member.filename).parents}
    for member in members:
        path = str(PurePosixPath(member.filename))  # a/./b is a/b
        again = path in seen or (path in folders and not member.is_dir())
        problem = _problem(member) or ("occurs twice" if again else None)
        if problem:
            raise MemberError(archive, member.filename, problem)
        seen.add(path)


def _problem(member: zipfile.ZipInfo) -> str | None:
    # The name as stored in the archive: zipfile has cut it at a NUL and changed separators already.
    name = member.orig_filename
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name or "\0" in name or not parts:
        return "would lie outside the folder"
    if any(len(part.encode()) > LONGEST_NAME for part in parts) or len(name.encode()) > LONGEST_PATH:
        return "has too long a name"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a device, not a file"
    return "is encrypted" if member.flag_bits & 1 else None


def check_room(n_bytes: int, folder: Path, what: str) -> None:
    """Raise an error unless the disk of a folder has room for this many bytes, and some to spare."""
    disk = shutil.disk_usage(folder)
    room = disk.free - min(SPARE, disk.total // 100)
    if n_bytes > room:
        raise RoomError(
            f"{what} needs {n_bytes / 1e9:.1f} GB in {folder.resolve().parent}, where {max(room, 0) / 1e9:.1f} GB are "
            "free: make room and run the same command."
        )


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("xb") as file:
        shutil.copyfileobj(source, file, 2**20)
