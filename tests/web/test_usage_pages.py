"""What was used, as pages and as CSV, in a real browser."""

import csv
import io
import sqlite3
from contextlib import closing
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect

from pixmill import clock
from pixmill.services.credits import Credits
from pixmill.web import formats
from web.desks import add_traffic, new_key, put_on_plan, tally, use
from web.visitors import NewVisitor, Visitor

from fixtures.servers import Client, opened, run

USAGE = "/dashboard/usage"


def stat(page: Page, label: str) -> str:
    """Return the number that the page shows under *label*."""
    term = page.get_by_role("term").filter(has_text=label)
    return term.locator("xpath=following-sibling::dd").inner_text().split("\n")[0]


def table(page: Page, name: str) -> list[list[str]]:
    """Return the body of a table, without the shares."""
    page.locator("details").evaluate_all("all => all.forEach(each => (each.open = true))")
    rows = page.get_by_role("region", name=name).locator("tbody tr")
    return [row.locator("th, td.number").all_inner_texts() for row in rows.all()]


def download(visitor: Visitor) -> list[dict[str, str]]:
    """Return the lines of the file that the page offers."""
    with visitor.page.expect_download() as given:
        visitor.page.get_by_role("link", name="CSV").click()
    assert given.value.suggested_filename.startswith("pixmill-usage-20")
    data = given.value.path().read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") > 0  # RFC 4180
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def middle_of_last_month() -> date:
    return (clock.now().date().replace(day=1) - timedelta(days=1)).replace(day=15)


def test_what_is_known_is_shown_while_nothing_can_be_written(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    visitor.become()
    key = new_key(visitor, "Shop")
    add_traffic(visitor, tally(key.key, clock.now().date(), requests=7))
    visitor.open(USAGE)
    shop = Client(base_url=visitor.server.base_url, key=key.secret)

    with closing(sqlite3.connect(visitor.server.data_dir / "pixmill.db")) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert shop.post("/v1/compress", b"no picture").status_code >= 400  # is to be counted
        page = visitor.open(USAGE)

        assert stat(page, "Results") == "7"
        assert stat(page, "Errors") == "0"

    visitor.open(USAGE)
    assert stat(page, "Errors") == "1"


def test_what_was_really_sent_is_shown(member: Visitor, jpeg: bytes, png: bytes) -> None:
    """OG-90: by day, key and API, with what failed and what was made before."""
    one, two = new_key(member, "Shop"), new_key(member, '=HYPERLINK("evil")')
    shop = Client(base_url=member.server.base_url, key=one.secret)
    blog = Client(base_url=member.server.base_url, key=two.secret)
    assert shop.post("/v1/compress", jpeg).status_code == 200
    assert shop.post("/v1/compress", b"no picture").status_code == 500
    for _ in range(2):
        again = blog.request("POST", "/api/optimize", files={"image": ("a.png", png)})
        assert again.status_code == 200
    assert again.json()["cached"] is True

    page = member.open(f"{USAGE}?range=30")
    member.check_accessibility()

    assert (stat(page, "Results"), stat(page, "From the cache"), stat(page, "Errors")) == (
        "3",
        "1",
        "1",
    )
    keys = {row[0]: row[1:4] for row in table(page, "Per key")}
    assert keys == {"Shop": ["1", "0", "1"], '=HYPERLINK("evil")': ["2", "1", "0"]}
    apis = {row[0]: row[1:4] for row in table(page, "Per API")}
    assert apis == {"OptiPic": ["1", "0", "1"], "Optimagio": ["2", "1", "0"]}
    assert sum(int(row[1]) for row in table(page, "Per day")) == 3
    limits = page.get_by_role("region", name="This month against the limit")
    expect(limits).to_contain_text("2 requests so far, and no limit.")  # the cached one is free

    lines = download(member)
    assert sum(int(line["results"]) for line in lines) == 3
    assert sum(int(line["cached"]) for line in lines) == 1
    assert sum(int(line["errors"]) for line in lines) == 1
    saved = sum(int(line["bytes_in"]) - int(line["bytes_out"]) for line in lines)
    assert saved == sum(int(line["bytes_saved"]) for line in lines)
    assert stat(page, "Saved") == formats.size(saved)
    # No spreadsheet takes a name for a formula.
    assert {line["key"] for line in lines} == {"Shop", '\'=HYPERLINK("evil")'}


def test_days_keys_and_apis_are_chosen(member: Visitor) -> None:
    today, before = clock.now().date(), middle_of_last_month()
    one, two = new_key(member, "One").key, new_key(member, "Two").key
    add_traffic(
        member,
        tally(one, today, requests=3, bytes_in=300, bytes_out=100),
        tally(two, today, "smolpix", requests=5, bytes_in=500, bytes_out=700),
        tally(one, before, "smolpix", requests=7, cached=2, errors=1),
        tally(one, today - timedelta(days=89), requests=11),
        tally(one, today - timedelta(days=90), requests=1000),
    )
    page = member.open(USAGE)
    assert stat(page, "Results") == "8"
    assert stat(page, "Saved") == "0 B"

    page.get_by_label("Days").select_option(f"{before:%B %Y}")
    page.get_by_role("button", name="Show").click()
    assert stat(page, "Results") == "7"
    assert len(table(page, "Per day")) >= 28
    expect(page.get_by_role("img", name="Per day")).to_be_visible()
    page.get_by_label("Days").select_option("Last 90 days")
    page.get_by_role("button", name="Show").click()
    assert stat(page, "Results") == "26"
    assert page.get_by_label("Key", exact=True).locator("option").all_inner_texts() == [
        "All keys",
        "One",
        "Two",
    ]

    page.get_by_label("Key", exact=True).select_option("One")
    page.get_by_label("API", exact=True).select_option("Smolpix")
    page.get_by_role("button", name="Show").click()
    assert stat(page, "Results") == "7"
    assert [line["results"] for line in download(member)] == ["7"]
    page.get_by_role("link", name="Show all").click()
    assert stat(page, "Results") == "26"


@pytest.mark.parametrize(
    "query", ["range=2020-01", "range=x", "range=2026-13", "page=9", "range=month&range=30"]
)
def test_what_cannot_be_asked_for_shows_something(query: str, member: Visitor) -> None:
    page = member.open(f"{USAGE}?{query}")

    expect(page.get_by_text("Nothing happened in these days")).to_be_visible()


def test_nothing_of_somebody_else_is_shown(member: Visitor, operator_key: str) -> None:
    page = member.open(f"{USAGE}?key={operator_key}")

    expect(page.get_by_text("Nothing happened in these days")).to_be_visible()
    member.check_accessibility()
    assert download(member) == []


@pytest.fixture
def operator_key(member: Visitor, founded: str) -> str:
    """Give the id of a key of somebody else that was used today."""
    other = Visitor(page=member.page, server=member.server, email=founded)
    key = new_key(other, "Secret project").key
    add_traffic(other, tally(key, clock.now().date(), requests=3))
    return key.id


def test_a_month_that_is_used_up_is_told(member: Visitor) -> None:
    put_on_plan(member, "octosqueeze-free")
    use(member, new_key(member, "Shop").key, 500)
    page = member.open(USAGE)

    limits = page.get_by_role("region", name="This month against the limit")
    expect(limits).to_contain_text("500 of 500")
    expect(limits).to_contain_text("Used up: requests are refused until the month is over.")
    expect(limits).to_contain_text("Not more than 200 a day and 20 a minute.")
    member.check_accessibility()


def test_what_goes_beyond_is_told_with_its_price(member: Visitor) -> None:
    """OP-83, OP-84: each key has requests of its own, and pays for those beyond."""
    put_on_plan(member, "optipic-payg")
    busy, idle = new_key(member, "Busy").key, new_key(member, "Idle").key
    use(member, busy, 600)
    use(member, idle, 20)
    page = member.open(USAGE)

    limits = page.get_by_role("region", name="This month against the limit")
    expect(limits).to_contain_text("600 of 500")
    expect(limits).to_contain_text("100 beyond what is included: $0.90 so far.")
    expect(limits).to_contain_text("20 of 500")


def test_credits_and_their_history_are_paged(member: Visitor) -> None:
    put_on_plan(member, "picture-optimizer-starter")

    async def spend() -> None:
        async with opened(member.server.database_url) as database:
            book = Credits(database=database)
            for number in range(60):
                action = "export" if number % 2 else "analyze"
                await book.deduct(account=member.email, action=action, image_count=1)
            await book.grant(account=member.email, count=25, note="<b>sorry</b>")

    run(spend())
    page = member.open(USAGE)
    page.get_by_role("link", name="Credits").click()
    member.check_accessibility()

    assert stat(page, "Credits left") == "965"
    assert stat(page, "The plan gives") == "1,000"
    rows = page.get_by_role("region", name="History").locator("tbody tr")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("Given by the operator <b>sorry</b>")
    expect(rows.nth(1)).to_contain_text("Used to export")
    page.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(12)
    expect(rows.last).to_contain_text("+1,000")
    expect(page.get_by_role("link", name="Older")).to_have_count(0)


def test_where_credits_are_not_counted_the_page_says_so(member: Visitor) -> None:
    page = member.open(f"{USAGE}/credits?before=%C2%B2")

    expect(page.locator(".notice")).to_contain_text("Self-hosted does not count credits")
    member.check_accessibility()
