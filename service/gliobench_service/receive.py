"""An upload as it arrives: written to disk part by part, and refused as soon as it passes a limit."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from gliobench_service.errors import Refused
from gliobench_service.settings import Settings

FIELD_BYTES = 1000  # of a value that is not a file
HEADER_BYTES = 4000  # of the header of a part
FIELDS = 20
IDLE = 60  # seconds without a byte, after which an upload is given up


@dataclass
class Part:
    """
    A file of an upload.

    Attributes
    ----------
    field : str
        Name of the form's field.
    name : str
        As the user's machine calls the file; used to tell its modality, and stored nowhere.
    path : Path
        Where it lies.
    """

    field: str
    name: str
    path: Path


@dataclass
class Received:
    """Files and other values of an upload."""

    files: list[Part] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    n_bytes: int = 0


async def receive(request: Request, folder: Path, settings: Settings) -> Received:
    """
    Write the files of a request of type multipart/form-data into a folder.

    Raises
    ------
    Refused
        It is of another type or malformed, passes a limit, or stops.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise Refused(415, "Send the files as multipart/form-data: a form with files, or curl -F files=@patient.zip.")
    too_large = Refused(413, f"An upload has at most {settings.upload_bytes / 1e6:.0f} MB: send one patient's series.")
    if int(request.headers.get("content-length") or 0) > settings.upload_bytes:
        raise too_large
    reader = _Reader(options[b"boundary"], folder, settings.files)
    try:
        async for chunk in _chunks(request):
            reader.received.n_bytes += len(chunk)
            if reader.received.n_bytes > settings.upload_bytes:
                raise too_large
            await asyncio.to_thread(reader.write, chunk)
    finally:
        reader.close()
    if not reader.ended:
        raise Refused(400, "The upload is incomplete: send it again.")
    return reader.received


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    try:
        while True:
            try:
                yield await asyncio.wait_for(anext(stream), IDLE)
            except StopAsyncIteration:
                return
    except TimeoutError:
        raise Refused(408, f"Nothing arrived for {IDLE} seconds: send the upload again.") from None
    except ClientDisconnect:
        raise Refused(400, "The connection ended during the upload: send it again.") from None


class _Reader:
    """Takes a body apart; files go to disk under names of its own."""

    def __init__(self, boundary: bytes, folder: Path, most_files: int):
        self.received = Received()
        self.ended = False
        self._folder, self._most_files = folder, most_files
        self._file: BinaryIO | None = None
        self._header, self._value = bytearray(), bytearray()
        self._headers: dict[bytes, bytes] = {}
        self._name = ""
        callbacks = {
            name: getattr(self, f"_{name}")
            for name in (
                *("on_part_begin", "on_part_data", "on_part_end", "on_end"),
                *("on_header_field", "on_header_value", "on_header_end", "on_headers_finished"),
            )
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except MultipartParseError:
            raise Refused(400, "The upload is malformed: its boundary cannot be used.") from None

    def write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except MultipartParseError:
            raise Refused(400, "The upload is malformed: it does not follow multipart/form-data.") from None

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _on_part_begin(self) -> None:
        self._headers, self._header, self._value = {}, bytearray(), bytearray()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]
        self._check_header()

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._check_header()

    def _check_header(self) -> None:
        if len(self._header) + len(self._value) > HEADER_BYTES:
            raise Refused(400, "The upload is malformed: a part's header is too long.")

    def _on_header_end(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        self._value = bytearray()
        if b"filename" not in options:
            if len(self.received.values) >= FIELDS:
                raise Refused(400, "The upload has too many fields.")
            return
        if len(self.received.files) >= self._most_files:
            raise Refused(413, f"An upload has at most {self._most_files} files: send one patient's series.")
        path = self._folder / f"{len(self.received.files):06}"
        name = options[b"filename"].decode("utf-8", "replace")
        self.received.files.append(Part(self._name, name, path))
        self._file = path.open("xb")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file:
            self._file.write(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > FIELD_BYTES:
            raise Refused(400, "The upload has a value that is too long.")

    def _on_part_end(self) -> None:
        if self._file:
            self.close()
            if not self.received.files[-1].name:  # a form whose file field was left empty
                self.received.files.pop().path.unlink()
        else:
            self.received.values[self._name] = bytes(self._value).decode("utf-8", "replace")

    def _on_end(self) -> None:
        self.ended = True
