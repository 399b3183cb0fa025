"""The pages about batches and single jobs, in a real browser."""

from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit
from zipfile import ZipFile

from playwright.sync_api import Locator, Page, expect

from web.visitors import NewVisitor, Visitor
from web.work import CUT, photo, send_batch, send_job

from fixtures.servers import OwnServer

#: Milliseconds in which all of a batch ends on a busy machine.
LONG = 60_000


def row(page: Page, text: str) -> Locator:
    return page.locator("tbody tr").filter(has_text=text)


def followed(page: Page, path: str) -> list[str]:
    """Return the requests to come for *path*."""
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if path in sent.url else None)
    return asked


def test_nothing_there_says_what_to_do(member: Visitor) -> None:
    page = member.open("/dashboard/batches")
    expect(page.get_by_text("No batches yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text(f"{member.server.base_url}/api/v1/optimize/batch")
    member.check_accessibility()
    page.get_by_role("link", name="Single jobs").click()
    expect(page.get_by_text("No single jobs yet")).to_be_visible()
    member.check_accessibility()


def test_a_batch_is_followed_and_what_failed_is_tried_again_once(member: Visitor) -> None:
    files = {f"photo {number}.jpg": photo(number) for number in range(4)}
    id_ = send_batch(member, files | {"broken.jpg": photo(9)[:CUT]}, format="webp")
    page = member.open(f"/dashboard/batches/{id_}")

    expect(page.get_by_text("Done, some failed")).to_be_visible(timeout=LONG)

    first = page.locator("tbody tr").first
    expect(first).to_contain_text("broken.jpg")
    expect(first).to_contain_text("Failed")
    expect(first.locator("small")).not_to_be_empty()
    expect(row(page, "photo 2.jpg")).to_contain_text("%")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save photo 2.jpg as WEBP").click()
    assert saved.value.suggested_filename == "photo 2.webp"
    assert Path(saved.value.path()).read_bytes()[8:12] == b"WEBP"
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save 4 as ZIP").click()
    with ZipFile(BytesIO(Path(saved.value.path()).read_bytes())) as archive:
        assert sorted(archive.namelist()) == [f"photo {number}.webp" for number in range(4)]
    asked = followed(page, f"/dashboard/batches/{id_}")
    page.wait_for_timeout(2_500)
    assert asked == [], "nothing more can happen"
    member.check_accessibility()
    page.get_by_role("link", name="Without a result (1)").click()
    expect(page.locator("tbody tr")).to_have_count(1)

    page.get_by_role("button", name="Try the failed files again").dblclick()

    expect(page.get_by_role("status")).to_contain_text("1 file is tried again.")
    assert not page.url.endswith(id_)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_text("Done, some failed")).to_be_visible(timeout=LONG)
    page.goto(f"{member.server.base_url}/dashboard/batches/{id_}")
    expect(page.get_by_role("button", name="Try the failed files again")).to_have_count(0)
    expect(page.get_by_role("link", name="tried again in another batch")).to_be_visible()
    member.open("/dashboard/batches")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(row(page, "catalog")).to_contain_text("5 / 5")
    member.check_accessibility()


def test_two_who_press_at_once_make_one_batch(member: Visitor) -> None:
    """Also without the script that lets a form go once."""
    id_ = send_batch(member, {"broken.jpg": photo(9)[:CUT]})
    page = member.open(f"/dashboard/batches/{id_}")
    expect(page.get_by_text("Done, some failed")).to_be_visible(timeout=LONG)
    token = page.locator('meta[name="csrf"]').get_attribute("content")
    assert token

    urls = page.evaluate(
        """([path, csrf]) => Promise.all([1, 2, 3].map(async () =>
            (await fetch(path, {method: "POST", body: new URLSearchParams({csrf})})).url))""",
        [f"/dashboard/batches/{id_}/retry", token],
    )

    assert len(set(urls)) == 1
    assert not urls[0].endswith(id_)
    member.open("/dashboard/batches")
    expect(page.locator("tbody tr")).to_have_count(2)


def test_another_accounts_work_is_not_found(member: Visitor, new_visitor: NewVisitor) -> None:
    id_ = send_batch(member, {"photo.jpg": photo()})
    job = send_job(member, photo())
    other = new_visitor(member.server)
    other.become()
    for path in (f"batches/{id_}", f"batches/{id_}/zip", f"results/{job}"):
        answer = other.page.goto(f"{other.server.base_url}/dashboard/{path}")
        assert answer
        assert answer.status == 404
    other.complaints[:] = [each for each in other.complaints if "404" not in each]
    other.open("/dashboard/batches/jobs")
    expect(other.page.get_by_text("No single jobs yet")).to_be_visible()


def test_a_single_job_is_tried_again(member: Visitor) -> None:
    send_job(member, photo(), name="fine.jpg", format="webp")
    send_job(member, photo(9)[:CUT], name="broken.jpg")
    page = member.open("/dashboard/batches/jobs")
    expect(row(page, "fine.jpg")).to_contain_text("Optimagio")
    member.check_accessibility()

    page.get_by_role("button", name="Try broken.jpg again").click()

    expect(page.get_by_role("status")).to_contain_text("tried again")
    expect(row(page, "broken.jpg")).to_have_count(2)
    expect(row(page, "broken.jpg").last).to_contain_text("Tried again")
    expect(row(page, "broken.jpg").first).to_contain_text("Failed", timeout=LONG)


def test_the_rest_of_a_batch_is_canceled(member: Visitor) -> None:
    files = {f"{number}.jpg": photo(number, (900, 700)) for number in range(12)}
    id_ = send_batch(member, files, format="avif", final=False)
    page = member.open(f"/dashboard/batches/{id_}")

    page.get_by_text("Cancel", exact=True).click()
    page.wait_for_timeout(1_500)  # what is asked stays open while the page asks
    member.check_accessibility(narrow=False)
    page.get_by_role("button", name="Cancel the rest").click()

    expect(page.get_by_role("status")).to_contain_text("None of them is charged.")
    expect(row(page, "Canceled").first).to_be_visible()
    expect(page.get_by_text("Done, some failed")).to_be_visible(timeout=LONG)


def test_a_page_goes_on_when_the_server_is_restarted(
    new_visitor: NewVisitor, own_server: OwnServer
) -> None:
    server = own_server()
    visitor = new_visitor(server)
    visitor.become()
    files = {f"{number}.jpg": photo(number, (500, 375)) for number in range(6)}
    id_ = send_batch(visitor, files, format="avif")
    page = visitor.open(f"/dashboard/batches/{id_}")
    expect(page.get_by_text("Working", exact=True).first).to_be_visible()
    page.evaluate("document.body.dataset.same = 'yes'")

    assert server.stop() == 0
    page.wait_for_timeout(2_500)
    expect(page.get_by_text("Working", exact=True).first).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(6)
    expect(page.get_by_role("alert")).to_have_count(0)
    own_server("--port", str(urlsplit(server.base_url).port), folder=server.data_dir)

    expect(page.get_by_role("link", name="Save 6 as ZIP")).to_be_visible(timeout=2 * LONG)
    assert page.locator("body").get_attribute("data-same") == "yes", "it was not loaded anew"
    words = ("ERR_", "Failed to fetch")  # of a server that is not there
    refused = [each for each in visitor.complaints if any(word in each for word in words)]
    assert refused
    visitor.complaints[:] = [each for each in visitor.complaints if each not in refused]


def test_a_sign_in_that_is_over_leads_to_the_form(member: Visitor) -> None:
    id_ = send_batch(member, {"photo.jpg": photo()}, final=False)
    page = member.open(f"/dashboard/batches/{id_}")
    page.context.clear_cookies()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()

    member.sign_in()
    expect(page.get_by_role("heading", name="catalog")).to_be_visible()


def test_a_batch_is_shown_without_a_script(member: Visitor) -> None:
    id_ = send_batch(member, {"photo.jpg": photo(), "broken.jpg": photo(9)[:CUT]})
    plain = member.page.context.browser
    assert plain
    context = plain.new_context(
        java_script_enabled=False, storage_state=member.page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"{member.server.base_url}/dashboard/batches/{id_}")
    retry = page.get_by_role("button", name="Try the failed files again")
    expect(retry).to_be_visible(timeout=LONG)  # the page loads itself until then
    retry.click()
    expect(page.get_by_role("status")).to_contain_text("1 file is tried again.")
    context.close()
