"""The pages about sessions, in a real browser, with a real server in the model's place."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from services.vision.server import Asked, Handler, Script, serving, streaming
from web.visitors import Visitor, watched
from web.work import CUT, photo

from fixtures.servers import RunningServer, start

#: Milliseconds in which all of a run ends on a busy machine.
LONG = 60_000


@pytest.fixture(scope="module")
def model() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture(scope="module")
def studio(model: Script, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server that has a model."""
    running = start(
        tmp_path_factory.mktemp("studio"),
        env={"PIXMILL_VISION_URL": model.base_url, "PIXMILL_VISION_MODEL": "tiny-eyes"},
    )
    yield running
    assert running.stop() == 0


@pytest.fixture
def reader(browser: Browser, studio: RunningServer) -> Iterator[Visitor]:
    """Give somebody with an account where there is a model."""
    visitor = watched(browser, studio)
    visitor.become()
    yield visitor
    visitor.page.context.close()
    assert visitor.complaints == []


def begin(visitor: Visitor, folder: Path, **pictures: bytes) -> Page:
    """Begin a session with *pictures* through the form."""
    page = visitor.open("/dashboard/sessions")
    paths = []
    for name, data in pictures.items():
        paths.append(folder / f"{name}.jpg")
        paths[-1].write_bytes(data)
    page.get_by_label("Pictures").set_input_files(paths)
    page.get_by_role("button", name="Begin with these").click()
    expect(page.get_by_role("heading", name="Pictures", exact=True)).to_be_visible()
    return page


def test_pictures_come_in_and_get_words(reader: Visitor, model: Script, tmp_path: Path) -> None:
    page = reader.open("/dashboard/sessions")
    expect(page.get_by_text("No sessions yet")).to_be_visible()
    reader.check_accessibility()
    pictures = {f"p{number}": photo(number, (640, 480)) for number in range(5)}
    begin(reader, tmp_path, **pictures, notes=b"no picture at all", cut=photo(7)[:CUT])
    told = page.get_by_role("status").first
    expect(told).to_contain_text("6 pictures have come in.")
    expect(told).to_contain_text("notes.jpg:")
    reader.check_accessibility()
    shown = page.locator("#img_001 img")
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("img => img.naturalWidth") == 320

    go_on = threading.Event()

    def wait(handler: Handler, asked: Asked) -> None:
        go_on.wait(LONG / 1000)
        streaming()(handler, asked)

    model.says(wait)
    page.get_by_role("button", name="Find words").click()
    expect(page.get_by_text("Finding words: ")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_be_visible()
    reader.check_accessibility(narrow=False)
    go_on.set()

    expect(page.locator("#img_001 form")).to_be_visible(timeout=LONG)
    expect(page.get_by_label("Alternative text").first).to_have_value(
        "A red kite above a beach at low tide, its tail pointing left."
    )
    expect(page.locator("#img_006")).to_contain_text("Failed")
    expect(page.get_by_text("Done. Show everything")).to_be_visible()


def test_words_are_edited_in_place_approved_and_exported(reader: Visitor, tmp_path: Path) -> None:
    page = begin(reader, tmp_path, **{f"p{number}": photo(number) for number in range(3)})
    card = page.locator("#img_002")
    card.get_by_label("Title").fill("Kites, many of them")
    card.get_by_label("File name").fill("Kites & more")
    before = page.url
    card.get_by_role("button", name="Save and approve").click()
    expect(card.get_by_role("status")).to_have_text("Saved and approved.")
    assert page.url == before
    expect(card.get_by_label("File name")).to_have_value("kites-more")
    card.get_by_label("File name").fill("???")
    card.get_by_role("button", name="Save", exact=True).click()
    expect(card.get_by_role("alert")).to_contain_text("letters or digits")
    expect(card.get_by_label("File name")).to_have_value("???")
    page.reload()
    expect(card).to_contain_text("Approved")
    expect(card.get_by_label("Title")).to_have_value("Kites, many of them")

    page.get_by_label("Format").select_option("webp")
    expect(page.locator("#field-files_for")).to_contain_text("approved pictures (1)")
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="kites-more.webp")
    expect(link).to_be_visible(timeout=LONG)
    with page.expect_download() as saved:
        link.click()
    with Image.open(saved.value.path()) as image:
        assert image.format == "WEBP"
        assert b"Kites, many of them" in image.info["xmp"]
    page.reload()
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save 1 as ZIP").click()
    with ZipFile(BytesIO(Path(saved.value.path()).read_bytes())) as archive:
        assert archive.namelist() == ["kites-more.webp"]

    page.locator("#img_001").get_by_label("Caption").fill("Nothing special")
    page.locator("#img_001").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#img_001").get_by_role("status")).to_have_text("Saved.")
    page.reload()
    page.get_by_role("button", name="Approve all 1 with words").click()
    expect(page.get_by_role("status")).to_contain_text("the words of 1 picture")
    reader.check_accessibility()
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete the session").click()
    expect(page.get_by_role("status")).to_contain_text("are deleted")


def test_a_thumbnail_is_nothing_but_a_picture_of_its_owner(
    reader: Visitor, browser: Browser, studio: RunningServer, tmp_path: Path
) -> None:
    page = begin(reader, tmp_path, photo=photo(1, (640, 480)))
    path = page.locator("#img_001 img").get_attribute("src")
    assert path

    answer = page.request.get(f"{studio.base_url}{path}")

    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    other = watched(browser, studio)
    other.become()
    for own in (path, page.url.removeprefix(studio.base_url)):
        assert other.page.request.get(f"{studio.base_url}{own}").status == 404
    other.page.context.close()


def test_words_are_saved_without_a_script(
    reader: Visitor, browser: Browser, tmp_path: Path
) -> None:
    page = begin(reader, tmp_path, photo=photo(2))
    context = browser.new_context(
        java_script_enabled=False, storage_state=reader.page.context.storage_state()
    )
    plain = context.new_page()
    plain.goto(page.url)
    plain.get_by_label("Title").fill("Plain")
    plain.get_by_role("button", name="Save and approve").click()
    expect(plain.get_by_role("status")).to_have_text("Saved and approved.")
    expect(plain.get_by_label("Title")).to_have_value("Plain")
    plain.get_by_label("File name").fill("???")
    plain.get_by_role("button", name="Save", exact=True).click()
    expect(plain.get_by_role("alert")).to_contain_text("letters or digits")
    context.close()


def test_what_was_typed_stays_when_it_cannot_be_saved(member: Visitor, tmp_path: Path) -> None:
    page = begin(member, tmp_path, photo=photo(4))
    path = page.url.removeprefix(member.server.base_url)
    assert member.send(f"{path}/delete").status_code == 303
    card = page.locator("#img_001")
    card.get_by_label("Title").fill("Hard to find words")
    for _ in range(2):
        with page.expect_response(lambda answer: answer.request.method == "POST") as saved:
            card.get_by_role("button", name="Save", exact=True).click()

    expect(card.get_by_role("alert")).to_have_count(1)
    expect(card.get_by_label("Title")).to_have_value("Hard to find words")
    assert saved.value.status == 200  # a browser would complain of anything else
    line = member.server.logged(saved.value.headers["x-request-id"])
    assert (line["status"], line["error"]) == (404, "session_not_found")


def test_a_form_that_is_sent_twice_at_once_orders_once(
    reader: Visitor, model: Script, tmp_path: Path
) -> None:
    page = begin(reader, tmp_path, photo=photo(5))
    path = page.url.removeprefix(reader.server.base_url)
    go_on = threading.Event()

    def wait(handler: Handler, asked: Asked) -> None:
        go_on.wait(LONG / 1000)
        streaming()(handler, asked)

    model.says(wait)
    send = reader.sender()
    with ThreadPoolExecutor(2) as pool:
        sent = [pool.submit(send, f"{path}/analyze", words_for="all") for _ in range(2)]
        answers = [each.result() for each in sent]
    page.reload()
    expect(page.get_by_text("Finding words: ")).to_have_count(1)
    go_on.set()

    done, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (done.status_code, refused.status_code) == (303, 409)
    assert refused.json()["message"] == "That is being done already; wait until it is over."


def test_a_server_without_a_model_says_so(member: Visitor, tmp_path: Path) -> None:
    page = begin(member, tmp_path, sunset=photo(3))

    expect(page.get_by_text("No vision model is configured")).to_be_visible()
    page.get_by_role("button", name="Find words").click()

    expect(page.get_by_label("File name")).to_have_value("sunset", timeout=LONG)


def test_a_form_without_a_picture_is_refused(member: Visitor, tmp_path: Path) -> None:
    page = member.open("/dashboard/sessions")
    path = tmp_path / "notes.txt"
    path.write_text("no picture")
    page.get_by_label("Pictures").set_input_files(path)
    page.get_by_role("button", name="Begin with these").click()
    expect(page.get_by_role("alert")).to_contain_text("notes.txt")
    expect(page.get_by_text("No sessions yet")).to_be_visible()
