"""`make screenshots`: a server with something to show, and pictures of all its pages."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Page
from rich.console import Console
from rich.progress import track

from pixmill.web.pages import all_pages
from web.visitors import OPERATOR, Visitor, watched

from fixtures import servers
from fixtures.browsers import chromium
from fixtures.pictures import encode, graphic, photo
from fixtures.servers import RunningServer

FOLDER = Path("screenshots")


@dataclass(frozen=True, slots=True)
class Look:
    """How a page is looked at."""

    name: str
    theme: Literal["light", "dark"]
    width: int


LOOKS = (
    Look("light", "light", 1280),
    Look("dark", "dark", 1280),
    Look("narrow", "light", 360),
    Look("wide", "light", 1600),
)


def main() -> None:
    """Take all pictures, and say where they are."""
    console = Console(stderr=True)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        server = servers.start(Path(folder))
        try:
            guest, operator = watched(browser, server), watched(browser, server)
            operator.become(OPERATOR)
            fill(server, operator)
            shots = [*shots_of(guest, "guest"), *shots_of(operator, "operator")]
            for page, path, look, name in track(shots, "Taking pictures", console=console):
                take(page, server.base_url + path, look, FOLDER / f"{name}-{look.name}.png")
        finally:
            server.stop()
    console.print(f"{len(shots)} pictures are in {FOLDER}/")


def fill(server: RunningServer, operator: Visitor) -> None:
    """Let there be keys, traffic, a batch with a file that failed, a session and a webhook."""
    page = operator.open("/dashboard/keys")
    page.get_by_label("Name").first.fill("Build server")
    page.get_by_role("button", name="Make").first.click()
    shown = page.locator("code").filter(has_text=re.compile(r"^[a-z]+[-_]\w{16,}$")).first
    headers = {"Authorization": f"Bearer {shown.inner_text()}"}
    pictures = [encode(photo(400, 300, seed=seed), "JPEG", quality=95) for seed in range(8)]
    for data in pictures[:4]:
        for path, field in (("/v1/compress", "file"), ("/api/optimize", "image")):
            post(server, path, headers, files={field: ("photo.jpg", data)})
    post(server, "/v1/compress", headers, files={"file": ("words.txt", b"no picture")})
    files = [("files", (f"photo-{n}.jpg", data)) for n, data in enumerate(pictures)]
    files += [("files", ("broken.jpg", pictures[0][:900])), drawing()]
    batch = headers | {"Idempotency-Key": "one"}
    form = {"client_batch_id": "autumn-catalog", "format": "webp", "final": "true"}
    post(server, "/api/v1/optimize/batch", batch, files=files, data=form)
    images = [("images[]", (f"river-{n}.jpg", data)) for n, data in enumerate(pictures[:3])]
    post(server, "/v1/sessions/upload", headers, files=images)


def drawing() -> tuple[str, tuple[str, bytes]]:
    return "files", ("drawing.png", encode(graphic(200, 150), "PNG"))


def post(server: RunningServer, path: str, headers: dict[str, str], **parts: object) -> None:
    url = server.base_url + path
    requests.post(url, headers=headers, timeout=60, **parts)  # type: ignore[arg-type]


def shots_of(visitor: Visitor, who: str) -> Iterator[tuple[Page, str, Look, str]]:
    """Give every page that *visitor* gets to, in every look."""
    for path in sorted(reached(visitor)):
        name = f"{who}{path.replace('/', '-').rstrip('-')}"
        for look in LOOKS:
            yield visitor.page, path, look, name


def reached(visitor: Visitor) -> set[str]:
    """Follow the links of all pages, to at most two of a kind."""
    patterns = [page.path for page in all_pages() if page.method == "GET"]
    kinds = {pattern: re.compile(re.sub(r"\{[^}]+\}", "[^/]+", pattern)) for pattern in patterns}
    seen: Counter[str] = Counter()
    found: set[str] = set()
    waiting = [pattern for pattern in patterns if "{" not in pattern]
    while waiting:
        path = waiting.pop()
        kind = next((name for name, regex in kinds.items() if regex.fullmatch(path)), None)
        if kind is None or path in found or seen[kind] == 2 or ends_in_a_file(path):
            continue
        answer = visitor.page.request.get(visitor.server.base_url + path, max_redirects=0)
        if answer.status != 200 or "text/html" not in answer.headers.get("content-type", ""):
            continue
        seen[kind] += 1
        found.add(path)
        waiting += [urlsplit(link).path for link in re.findall(r'href="(/[^"#]*)', answer.text())]
    return found


def ends_in_a_file(path: str) -> bool:
    return "." in path.rpartition("/")[2]


def take(page: Page, url: str, look: Look, to: Path) -> None:
    """Take a picture of the whole page at *url*."""
    page.set_viewport_size({"width": look.width, "height": 900})
    page.emulate_media(color_scheme=look.theme, reduced_motion="reduce")
    page.goto(url, wait_until="load")
    page.screenshot(path=to, full_page=True)


if __name__ == "__main__":
    main()
