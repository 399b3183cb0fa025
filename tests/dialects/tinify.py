"""What the tests of the Tinify API share: a picture, a proxy with TLS, a cloud."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import trustme
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from fixtures.servers import PATIENCE, RunningServer

NOTICE = "Copyright Voormedia"

_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:rights><rdf:Alt>'
    f'<rdf:li xml:lang="x-default">{NOTICE}</rdf:li></rdf:Alt></dc:rights></rdf:Description>'
    "</rdf:RDF></x:xmpmeta>" + " " * 15_000 + '<?xpacket end="w"?>'
)


def logo() -> bytes:
    """Return 137 × 21 pixels of letters on nothing, as PNG with 15 kB of XMP."""
    large = Image.new("RGBA", (137 * 4, 21 * 4), (0, 0, 0, 0))
    draw = ImageDraw.Draw(large)
    draw.text((4, 0), "voormedia", font=ImageFont.load_default(76), fill=(60, 60, 60, 255))
    draw.ellipse((430, 10, 500, 80), fill=(220, 80, 30, 255))
    known = PngInfo()
    known.add_itxt("XML:com.adobe.xmp", _XMP)
    out = BytesIO()
    large.resize((137, 21), Image.Resampling.LANCZOS).save(out, "PNG", pnginfo=known)
    return out.getvalue()


@dataclass(frozen=True, kw_only=True)
class Shrinker:
    """Somebody who speaks plain HTTP."""

    base_url: str
    key: str

    def request(self, method: str, path: str, **options: Any) -> requests.Response:
        return requests.request(
            method, f"{self.base_url}{path}", auth=("api", self.key), timeout=PATIENCE, **options
        )

    def shrink(self, data: bytes, **options: Any) -> requests.Response:
        return self.request("POST", "/shrink", data=data, **options)

    def output(self, data: bytes, **commands: object) -> requests.Response:
        """Send *data*, and ask for it with *commands*."""
        shrunk = self.shrink(data)
        assert shrunk.status_code == 201, shrunk.text
        return self.request("POST", shrunk.headers["Location"], json=commands)


def somebody(server: RunningServer, plan: str = "self-hosted") -> Shrinker:
    return Shrinker(base_url=server.base_url, key=server.key(plan))


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Quiet(BaseHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))


@contextmanager
def _running(handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@dataclass(frozen=True, kw_only=True)
class Secured:
    """A server behind a proxy that terminates TLS, and how to trust it."""

    base_url: str
    authorities: Path  #: as PEM
    tls: ssl.SSLContext
    key: Callable[[], str]  #: makes one


@contextmanager
def failing(like: Secured | None = None) -> Iterator[str]:
    """Run a server that is broken; over HTTPS, if it is to be *like* another one."""

    class Handler(_Quiet):
        def do_POST(self) -> None:
            self.body()
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with _running(Handler, like.tls if like else None) as port:
        yield f"https://localhost:{port}" if like else f"http://127.0.0.1:{port}"


@contextmanager
def secured(server: RunningServer, folder: Path) -> Iterator[Secured]:
    """Run a proxy that tells *server* where a request was sent to."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    behind = urlsplit(server.base_url).netloc

    class Handler(_Quiet):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection(behind, timeout=PATIENCE)
            told = dict(self.headers.items()) | {"X-Forwarded-Proto": "https"}
            connection.request(self.command, self.path, self.body(), told)
            answer = connection.getresponse()
            data = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"connection", "transfer-encoding", "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            connection.close()

        do_POST = do_GET  # noqa: N815 - the name is http.server's

    with _running(Handler, context) as port:
        yield Secured(
            base_url=f"https://localhost:{port}", authorities=path, tls=context, key=server.key
        )


@dataclass(kw_only=True)
class Google:
    """A service that takes what is put, from whoever has the right token."""

    token: str = "a-google-token"
    base_url: str = ""
    objects: dict[str, tuple[Message, bytes]] = field(default_factory=dict)


@contextmanager
def google() -> Iterator[Google]:
    service = Google()

    class Handler(_Quiet):
        def do_PUT(self) -> None:
            body = self.body()
            known = self.headers["Authorization"] == f"Bearer {service.token}"
            if known:
                service.objects[self.path] = self.headers, body
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with _running(Handler, None) as port:
        service.base_url = f"http://127.0.0.1:{port}"
        yield service
