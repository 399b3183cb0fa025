"""The first page of the dashboard, in a real browser."""

from datetime import timedelta

from playwright.sync_api import expect

from pixmill import clock
from web.desks import add_traffic, new_key, put_on_plan, tally, use
from web.test_usage_pages import stat
from web.visitors import Visitor

from fixtures.servers import Client


def test_whoever_is_new_is_told_how_to_begin(member: Visitor) -> None:
    page = member.open("/dashboard")
    expect(page.get_by_role("heading", name="From a program")).to_be_visible()
    curl = page.get_by_label("The call with curl")
    expect(curl).to_contain_text(f"curl {member.server.base_url}/v1/compress")
    expect(page.get_by_role("link", name="Optimize pictures")).to_have_attribute("href", "/")
    member.check_accessibility()

    page.get_by_role("link", name="Make a key").click()
    page.get_by_role("button", name="Make the key").click()
    member.open("/dashboard")

    expect(page.get_by_text("You have a key.")).to_be_visible()


def test_the_month_is_shown_at_a_glance(member: Visitor) -> None:
    """OG-90: traffic of the keys, against what the plan allows."""
    put_on_plan(member, "octosqueeze-pro")
    key = new_key(member, "Shop").key
    use(member, key, 21_000)
    today = clock.now().date()
    add_traffic(
        member,
        tally(key, today, requests=90, cached=30, errors=10, bytes_in=4_000_000, bytes_out=10**6),
        tally(key, today.replace(day=1) - timedelta(days=1), requests=1),
    )
    page = member.open("/dashboard")

    assert stat(page, "Requests") == "21,000"
    assert stat(page, "Saved") == "3.0 MB"
    assert stat(page, "From the cache") == "30"
    assert stat(page, "Errors") == "10"
    expect(page.get_by_text("75 % of 4.0 MB")).to_be_visible()
    expect(page.get_by_role("img", name="The last 30 days")).to_be_visible()
    page.get_by_text("The numbers as a table").click()
    rows = page.get_by_role("region", name="The last 30 days").locator("tbody tr")
    expect(rows).to_have_count(30)
    expect(rows.first).to_contain_text(today.isoformat())
    expect(page.get_by_role("heading", name="From a program")).to_have_count(0)
    # The limit is near, and looks so.
    expect(page.locator(".allowance.busy")).to_contain_text("21,000 of 25,000")
    member.check_accessibility()


def test_the_newest_batches_are_there(member: Visitor, jpeg: bytes) -> None:
    """OG-90: batch activity."""
    client = Client(base_url=member.server.base_url, key=new_key(member).secret)
    sent = client.request(
        "POST",
        "/api/v1/optimize/batch",
        headers={"Idempotency-Key": f"overview-{member.email}"},
        data={"client_batch_id": "catalog-7", "final": "true"},
        files=[("files", ("a.jpg", jpeg)), ("files", ("b.jpg", b"no picture"))],
    )
    assert sent.status_code == 202, sent.text
    page = member.open("/dashboard")

    batches = page.get_by_role("region", name="Newest batches")
    link = batches.get_by_role("link", name="catalog-7")
    expect(link).to_have_attribute("href", f"/dashboard/batches/{sent.json()['batch_id']}")
    expect(batches).to_contain_text("of 1")
    member.check_accessibility()
