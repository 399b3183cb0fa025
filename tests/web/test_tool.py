"""The page that makes pictures small, in a real browser."""

import re
import subprocess
from base64 import b64encode
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import requests
from PIL import Image
from playwright.sync_api import Browser, Download, Locator, Page, Route, expect

from web.visitors import NewVisitor, Visitor

from fixtures.pictures import decoded, encode, graphic, photo
from fixtures.servers import OwnServer, RunningServer

DROP = """files => {
    const transfer = new DataTransfer();
    for (const { name, type, data } of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name, { type }));
    }
    const target = document.querySelector("main");
    const init = { dataTransfer: transfer, bubbles: true, cancelable: true };
    for (const kind of ["dragenter", "dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(kind, init));
    }
}"""

PASTE = """({ name, type, data }) => {
    const transfer = new DataTransfer();
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], name, { type }));
    const init = { clipboardData: transfer, bubbles: true };
    document.body.dispatchEvent(new ClipboardEvent("paste", init));
}"""

JPEG = encode(photo(), "JPEG", quality=92)
PNG = encode(graphic(), "PNG")

File = dict[str, str]


def file(name: str, data: bytes, type_: str = "image/jpeg") -> File:
    return {"name": name, "type": type_, "data": b64encode(data).decode()}


def choose(page: Page, name: str, data: bytes) -> None:
    page.locator("#image").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def row(page: Page, name: str) -> Locator:
    return page.locator(".item").filter(has=page.get_by_role("button", name=name, exact=True))


def expect_done(page: Page, text: str) -> None:
    expect(page.locator("[data-total=done]")).to_have_text(text)
    expect(page.locator("[data-status]")).not_to_have_text("Working…")


def saved(download: Download, folder: Path) -> bytes:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path.read_bytes()


def refusals(visitor: Visitor) -> list[str]:
    """Take out what Chromium says of a server that is away, or of an answer made up here."""
    found = [each for each in visitor.complaints if each.startswith("Failed to load resource")]
    visitor.complaints[:] = [each for each in visitor.complaints if each not in found]
    return found


def test_pictures_are_dropped_pasted_and_chosen(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/")
    expect(page.get_by_text("pictures left today")).to_be_visible()
    expect(page.get_by_text("Files are deleted after 24 hours.")).to_be_visible()
    visitor.check_accessibility()

    page.evaluate(DROP, [file("one.jpg", JPEG), file("two.png", PNG, "image/png")])
    page.evaluate(PASTE, file("three.jpg", encode(photo(seed=3), "JPEG", quality=95)))
    choose(page, "four.jpg", encode(photo(seed=4), "JPEG", quality=95))
    expect_done(page, "4 of 4")

    expect(page.locator("#stage-name")).to_have_text("one.jpg")
    expect(page.locator("[data-fact=after]")).to_contain_text("320 × 240")
    expect(page.locator("[data-fact=saved]")).to_contain_text("−")
    expect(page.locator("[data-fact=score]")).to_contain_text("of 100")
    expect(page.locator("[data-total=saved]")).to_contain_text("−")
    expect(page.locator("[data-left]")).not_to_have_text("100")
    row(page, "two.png").scroll_into_view_if_needed()
    expect(row(page, "two.png").locator("canvas")).to_have_attribute("data-drawn", "yes")
    visitor.check_accessibility()

    with page.expect_download() as download:
        row(page, "one.jpg").get_by_role("link", name="Download").click()
    name = download.value.suggested_filename
    assert name.startswith("one.")
    assert decoded(saved(download.value, tmp_path)).size == (320, 240)


def test_before_and_after_are_compared_with_the_keyboard(visitor: Visitor) -> None:
    page = visitor.open("/")
    choose(page, "photo.jpg", JPEG)
    expect_done(page, "1 of 1")
    slider = page.get_by_role("slider", name="Before and after")
    slider.focus()
    for _ in range(12):
        slider.press("ArrowLeft")

    expect(slider).to_have_value("38")
    page.get_by_role("button", name="Actual pixels").press("Enter")
    expect(page.locator("[data-frame]")).to_have_css("width", "320px")
    expect(page.locator("[data-frame] [data-after]")).to_have_css(
        "clip-path", "inset(0px 0px 0px 38%)"
    )
    expect(page.locator("[data-frame] [data-before]")).to_have_css(
        "clip-path", "inset(0px 62% 0px 0px)"
    )


def test_before_and_after_are_compared_with_the_mouse(visitor: Visitor) -> None:
    page = visitor.open("/")
    choose(page, "photo.jpg", JPEG)
    expect_done(page, "1 of 1")
    page.locator("[data-frame]").scroll_into_view_if_needed()
    box = page.locator("[data-frame]").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)
    page.mouse.up()

    slider = page.get_by_role("slider", name="Before and after")
    expect(slider).to_have_value(re.compile("2[3-6]"))


def test_before_and_after_are_compared_by_touch(browser: Browser, server: RunningServer) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(server.base_url)
    choose(page, "photo.jpg", JPEG)
    expect_done(page, "1 of 1")
    page.locator("[data-frame]").scroll_into_view_if_needed()
    box = page.locator("[data-frame]").bounding_box()
    assert box
    page.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + 40)

    slider = page.get_by_role("slider", name="Before and after")
    expect(slider).to_have_value(re.compile("7[3-7]"))
    context.close()


def test_another_format_is_made_at_once_for_all_or_for_one(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.evaluate(DROP, [file("one.jpg", JPEG), file("two.png", PNG, "image/png")])
    expect_done(page, "2 of 2")
    page.get_by_role("radio", name="WebP").check()
    expect(row(page, "one.jpg")).to_contain_text("WEBP")
    expect(row(page, "two.png")).to_contain_text("WEBP")
    page.get_by_role("radio", name="This one").check()
    page.get_by_role("radio", name="JPEG").check()
    page.get_by_label("Width", exact=True).fill("100")

    expect(row(page, "one.jpg")).to_contain_text("JPEG 100 × 75")
    expect(row(page, "two.png")).to_contain_text("WEBP")
    row(page, "two.png").get_by_role("button", name="two.png").click()
    expect(page.get_by_role("radio", name="WebP")).to_be_checked()
    expect(page.get_by_label("Width", exact=True)).to_have_value("")


def test_a_score_a_mode_and_a_size_in_bytes_can_be_asked_for(visitor: Visitor) -> None:
    page = visitor.open("/")
    choose(page, "photo.jpg", JPEG)
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Look").select_option("target")
    page.get_by_label("Score to reach").fill("60")
    expect(page.get_by_role("slider", name="Quality")).to_be_disabled()
    expect(page.locator("[data-code]")).to_contain_text("target=60")
    score = page.locator("[data-fact=score]").inner_text().split()[0]
    assert 58 <= float(score) <= 64
    page.get_by_label("At most, in kB").fill("3")
    expect(page.locator("[data-code]")).to_contain_text("max_bytes=3000")
    assert float(row(page, "photo.jpg").locator("[data-after]").inner_text().split()[0]) <= 3000
    page.get_by_label("At most, in kB").fill("")
    page.get_by_label("Look").select_option("lossless")
    page.get_by_role("radio", name="JPEG").check()

    expect(row(page, "photo.jpg")).to_contain_text("the same pixels")
    visitor.check_accessibility()


def test_the_call_that_is_shown_does_the_same(
    member: Visitor, server: RunningServer, tmp_path: Path
) -> None:
    page = member.open("/")
    choose(page, "my photo's.jpg", JPEG)
    page.get_by_role("radio", name="WebP").check()
    page.get_by_label("Height", exact=True).fill("120")
    expect(page.locator("[data-code]")).to_contain_text("height=120")
    expect(row(page, "my photo's.jpg")).to_contain_text("160 × 120")
    size = requests.get(
        server.base_url + (page.get_by_role("link", name="Download").get_attribute("href") or ""),
        timeout=20,
    ).headers["Content-Length"]
    (tmp_path / "my photo's.jpg").write_bytes(JPEG)
    command = page.locator("[data-code]").inner_text().replace("YOUR_KEY", server.key())
    called = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert f'"optimized_size":{size}' in called.stdout
    page.get_by_role("tab", name="curl").press("ArrowRight")

    expect(page.get_by_role("tab", name="Python")).to_be_focused()
    expect(page.locator("[data-code]")).to_contain_text("import requests")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Width and height").select_option("exact")
    expect(page.locator("[data-code]")).to_contain_text("/v1/resize")


def test_everything_is_downloaded_as_one_file(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open("/")
    other = encode(photo(seed=7), "JPEG", quality=95)
    page.evaluate(DROP, [file("same.jpg", JPEG), file("same.jpg", other)])
    choose(page, "drawing.png", PNG)
    expect_done(page, "3 of 3")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    data = saved(download.value, tmp_path)

    assert download.value.suggested_filename == "pixmill.zip"
    with ZipFile(BytesIO(data)) as opened:
        assert opened.testzip() is None
        assert [Path(name).stem for name in opened.namelist()] == ["same", "same-1", "drawing"]
    row(page, "drawing.png").get_by_role("button", name="Remove").click()
    expect_done(page, "2 of 2")
    page.get_by_role("button", name="Remove all").click()
    expect(page.locator(".results")).to_be_hidden()
    expect(page.locator(".stage")).to_be_hidden()


def test_a_file_that_is_no_picture_is_told_of_in_words(visitor: Visitor) -> None:
    page = visitor.open("/")
    page.evaluate(
        DROP,
        [
            file("letter.jpg", b"Dear Sir or Madam"),
            file("empty.jpg", b""),
            file("photo.jpg", JPEG),
        ],
    )
    expect_done(page, "1 of 3")

    expect(row(page, "letter.jpg")).to_contain_text("not an image of a supported format")
    expect(row(page, "empty.jpg")).to_contain_text("The file is empty.")
    expect(row(page, "letter.jpg").get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.locator("#stage-name")).to_have_text("photo.jpg")
    visitor.check_accessibility()


def test_200_files_are_dropped(member: Visitor) -> None:
    page = member.open("/")
    page.get_by_role("radio", name="PNG").check()  # the quickest for the engine
    pictures = [
        file(f"{number}.png", encode(Image.new("RGB", (32, 24), number), "PNG"), "image/png")
        for number in range(200)
    ]
    page.evaluate(DROP, pictures)
    page.set_default_timeout(60_000)

    expect(page.locator("[data-total=done]")).to_have_text("200 of 200", timeout=300_000)
    assert page.locator(".item").count() == 200


def test_guests_have_a_limit(new_visitor: NewVisitor) -> None:
    visitor = new_visitor(PIXMILL_GUEST_IMAGES="2", PIXMILL_GUEST_MAX_MB="1")
    page = visitor.open("/")
    expect(page.get_by_text("Up to 1 MB each.")).to_be_visible()
    page.evaluate(DROP, [file("large.jpg", JPEG.ljust(1_100_000, b"\0"))])
    expect(row(page, "large.jpg")).to_contain_text("1 MB is the most")
    page.evaluate(
        DROP,
        [file(f"{seed}.jpg", encode(photo(64, 48, seed=seed), "JPEG")) for seed in range(8)],
    )

    expect_done(page, "2 of 9")
    expect(page.get_by_role("alert")).to_contain_text("2 images that guests have a day")
    expect(page.get_by_role("button", name="Try failed ones again")).to_be_visible()
    page.reload()
    expect(page.get_by_text("There are more after midnight")).to_be_visible()
    visitor.check_accessibility()


def test_a_server_that_is_restarted_goes_on(own_server: OwnServer, new_visitor: NewVisitor) -> None:
    server = own_server()
    port = server.base_url.rpartition(":")[2]
    visitor = new_visitor(server)
    page = visitor.open("/")
    choose(page, "before.jpg", JPEG)
    expect_done(page, "1 of 1")
    server.process.kill()
    server.process.wait()
    choose(page, "after.jpg", encode(photo(seed=9), "JPEG"))
    expect(row(page, "after.jpg")).to_contain_text("The server does not answer.")
    page.get_by_role("button", name="Download all").click()
    expect(page.get_by_role("alert")).to_contain_text("The server does not answer.")
    own_server("--port", port, folder=server.data_dir)
    row(page, "after.jpg").get_by_role("button", name="Try again").click()

    expect_done(page, "2 of 2")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download all").click()
    with ZipFile(download.value.path()) as opened:
        assert len(opened.namelist()) == 2
    assert refusals(visitor)


def test_a_busy_server_is_waited_for(visitor: Visitor) -> None:
    page = visitor.open("/")
    asked: list[str] = []

    def busy_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()
            return
        body = {"error": "busy", "message": "The server is busy."}
        route.fulfill(status=503, json=body, headers={"Retry-After": "1"})

    page.route("**/tool/images", busy_once)
    choose(page, "photo.jpg", JPEG)
    expect(row(page, "photo.jpg")).to_contain_text("waits for its turn")

    expect_done(page, "1 of 1")
    assert len(asked) == 2
    refusals(visitor)


def test_the_page_works_without_a_script(
    browser: Browser, server: RunningServer, tmp_path: Path
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(server.base_url)
    choose(page, "photo.jpg", JPEG)
    page.get_by_role("radio", name="AVIF").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Make it small and download it").click()
    data = saved(download.value, tmp_path)
    assert download.value.suggested_filename == "photo.avif"
    assert data[4:12] == b"ftypavif"
    choose(page, "letter.jpg", b"Dear Sir or Madam")
    page.get_by_role("button", name="Make it small and download it").click()

    expect(page.get_by_role("alert")).to_contain_text("not an image of a supported format")
    context.close()
