"""The page with the reference, in a real browser."""

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Locator, Page, expect

from pixmill.dialects import all_dialects

from fixtures.browsers import chromium
from fixtures.servers import RunningServer

SWAGGER_UI = files("pixmill.http") / "static" / "swagger-ui"


@pytest.fixture(scope="module")
def page(server: RunningServer) -> Iterator[tuple[Page, list[str]]]:
    """Give the opened page, and everything that it complained of or asked elsewhere."""
    complaints: list[str] = []
    with chromium() as browser:
        opened = browser.new_page()
        # What Chromium suggests about the fields of Swagger UI's own forms is no complaint.
        opened.on(
            "console",
            lambda message: (
                None if message.text.startswith("[DOM]") else complaints.append(message.text)
            ),
        )
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("request", lambda request: complaints.extend(strange(request.url, server)))
        opened.on("requestfailed", lambda request: complaints.append(request.url))
        opened.goto(f"{server.base_url}/docs", wait_until="networkidle")
        yield opened, complaints


def strange(url: str, server: RunningServer) -> list[str]:
    own = url.startswith((f"{server.base_url}/", f"blob:{server.base_url}/", "data:"))
    return [] if own else [url]


def operation_row(page: Page, method: str, path: str) -> Locator:
    return page.locator(f".opblock-{method.lower()}").filter(
        has=page.locator(f'[data-path="{path}"]')
    )


def test_the_page_shows_every_operation(page: tuple[Page, list[str]]) -> None:
    shown, _ = page
    for dialect in all_dialects():
        for operation in dialect.operations:
            if operation.alias:
                continue
            row = operation_row(shown, operation.method, operation.path)

            expect(row).to_have_count(1)
            expect(row).to_contain_text(operation.summary)


def test_an_operation_can_be_tried_out(
    page: tuple[Page, list[str]], server: RunningServer, jpeg: bytes, tmp_path: Path
) -> None:
    """Also: the key goes in, the picture comes out and is shown, under the page's policy."""
    shown, _ = page
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    shown.get_by_role("button", name="Authorize").first.click()
    scheme = shown.locator(".auth-container", has_text="OptiPic key")
    scheme.locator("input").first.fill(server.key())
    scheme.locator("button", has_text="Authorize").first.click()
    shown.locator("button.btn-done").first.click()
    row = operation_row(shown, "POST", "/v1/compress")
    row.locator("button.opblock-summary-control").click()
    row.locator("input[type=file]").set_input_files(tmp_path / "photo.jpg")
    row.locator("button.execute").click()

    expect(row.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(row.locator(".live-responses-table")).to_contain_text("x-savings-percent")


def test_the_page_complains_of_nothing_and_asks_nobody_else(page: tuple[Page, list[str]]) -> None:
    _, complaints = page

    assert complaints == []


def test_the_policy_of_the_page_allows_no_code_in_it(server: RunningServer) -> None:
    answer = requests.get(f"{server.base_url}/docs", timeout=10)
    policy = answer.headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)|\bon\w+=|<style|style=", answer.text)


def test_the_page_works_below_a_path(server: RunningServer) -> None:
    """Behind a proxy that serves us under a prefix, absolute paths would lead elsewhere."""
    text = requests.get(f"{server.base_url}/docs", timeout=10).text

    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert not urlsplit(address).scheme
        assert not address.startswith("/")


def test_the_parts_of_the_page_are_served(server: RunningServer) -> None:
    for name in ("docs.js", "swagger-ui/swagger-ui.css", "swagger-ui/LICENSE"):
        answer = requests.get(f"{server.base_url}/docs/static/{name}", timeout=10)

        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("../docs.py", "..%2fdocs.py", "swagger-ui", "none", "docs.html"):
        assert requests.get(f"{server.base_url}/docs/static/{name}", timeout=10).status_code == 404


def test_swagger_ui_is_as_it_was_published() -> None:
    listed = {}
    for line in (SWAGGER_UI / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        listed[name] = digest
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in SWAGGER_UI.iterdir()
        if path.name not in {"SHA256SUMS", "README.md"}
    }

    assert found == listed
    assert "Apache License" in (SWAGGER_UI / "LICENSE").read_text()
