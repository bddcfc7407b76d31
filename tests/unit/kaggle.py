"""A server that answers as Kaggle does: it redirects to a storage that knows ranges, checksums and cut connections."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Serves `content`, as the attributes below ask; `requests` notes path, range and credentials of each request."""

    content = b""
    status = 200  # of the API's answer, before it redirects
    cuts: list[int]  # bytes after which each of the first answers of the storage breaks off
    md5: str | None = None
    etag = '"one"'
    ranges = True
    length = True  # whether the size is stated

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.cuts, self.requests = [], []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def state_md5(self) -> None:
        self.md5 = base64.b64encode(hashlib.md5(self.content).digest()).decode()


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_GET(self) -> None:  # the name that http.server asks for
        self.server.requests.append((self.path, self.headers.get("Range"), self.headers.get("Authorization")))
        if not self.path.startswith("/storage"):
            self._redirect()
        else:
            self._send()

    def _redirect(self) -> None:
        self.send_response(302 if self.server.status == 200 else self.server.status)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/storage?signature=SIGNED")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self) -> None:
        content, wanted = self.server.content, self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.server.length:
            self.send_header("Content-Length", str(len(content) - start))
        if self.server.md5:
            self.send_header("x-goog-hash", f"crc32c=AAAAAA==,md5={self.server.md5}")
        self.send_header("ETag", self.server.etag)
        self.end_headers()
        end = start + self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start:end])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def kaggle() -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
