"""The page of `pixmill analyze --review`, in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from cli.analyzing import analyze, contents
from pixmill.engine import words
from pixmill.engine.words.types import Words

from fixtures.browsers import chromium
from fixtures.pictures import encode, graphic, photo

HOSTILE = '"><script>alert(1)</script><img src="https://x.test/" onerror=alert(2)>\u202e&amp;'


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> Iterator[tuple[Page, list[str]]]:
    """Give the opened page, and everything that it complained of or asked elsewhere."""
    folder = tmp_path_factory.mktemp("review")
    hostile = words.embed(encode(photo(), "JPEG"), Words(alt=HOSTILE, keywords=(HOSTILE,)))
    (folder / "<img src=x onerror=alert(3)>.jpg").write_bytes(hostile.data)
    (folder / "plain.png").write_bytes(encode(graphic(), "PNG"))
    (folder / "cut.jpg").write_bytes(encode(photo(), "JPEG")[:2000])
    done = analyze(".", "--review", "review.html", cwd=folder)
    assert done.returncode == 1, done.stderr

    complaints: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: complaints.extend(strange(request.url)))
        page.goto((folder / "review.html").as_uri(), wait_until="networkidle")
        yield page, complaints


def strange(url: str) -> list[str]:
    return [] if url.startswith("data:") or url.endswith("/review.html") else [url]


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Page:
    opened[0].reload()
    return opened[0]


def test_every_picture_is_shown_with_its_words_as_they_are(page, opened):
    expect(page.locator("article")).to_have_count(3)
    expect(page.locator("article img")).to_have_count(2)
    expect(page.locator("h2", has_text="<img src=x onerror=alert(3)>.jpg")).to_have_count(1)
    expect(page.locator("dd").filter(has_text=HOSTILE.replace("\u202e", "�"))).to_have_count(2)
    assert page.evaluate("[...document.images].every(each => each.naturalWidth > 0)")
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("document.querySelectorAll('img').length") == 2
    assert opened[1] == []


def test_missing_alt_and_failures_are_marked_and_can_be_looked_at_alone(page):
    expect(page.locator("article.missing .badge")).to_have_text("No alt text")
    expect(page.locator("article.failed .badge")).to_have_text("The image could not be processed.")
    page.get_by_label("Only those without alt text").check()

    visible = page.locator("article:visible")
    expect(visible).to_have_count(1)
    expect(visible.locator("h2")).to_have_text("plain.png")


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_can_be_read_in_light_and_dark(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for selector in ("h2", "dt", "dd", ".badge", "article li"):
        assert page.locator(selector).first.evaluate(CONTRAST) >= 4.5, selector


#: The contrast of an element's text and what is behind it, as WCAG 2 has it.
CONTRAST = """element => {
  const channels = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = channels(color).map(v => v / 255).map(
      v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = element;
  while (channels(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
  const [a, b] = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor]
    .map(light).sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


def test_a_models_words_are_shown_as_suggestions_that_are_not_kept(folder, model):
    done = analyze(".", "--review", "review.html", cwd=folder, model=model)

    text = (folder / "review.html").read_text()
    assert done.returncode == 0, done.stderr
    assert "Described by tiny-eyes." in text
    assert "Alt text only suggested, not kept" in text
    assert "red-kite-beach" in text


@pytest.mark.parametrize("name", ["plain.jpg", "absent/review.html"])
def test_a_page_that_cannot_be_is_refused_before_anything_is_done(folder, name):
    before = contents(folder)
    done = analyze(".", "--sidecar", "--review", name, cwd=folder)

    assert done.returncode == 2
    assert "--review" in done.stderr
    assert contents(folder) == before
