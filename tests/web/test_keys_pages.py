"""Making keys, and what can be done to them, in a real browser."""

import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, expect

from pixmill import clock
from web.desks import csrf, keys_of, new_key, put_on_plan
from web.visitors import NewVisitor, Visitor

KEYS = "/dashboard/keys"


def make(page: Page, name: str) -> str:
    """Make a key through the form, and return the secret that is shown."""
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new key")
    return shown(page)


def shown(page: Page) -> str:
    """Return the secret that the page shows."""
    return page.locator(".secret code").inner_text()


def row(page: Page, name: str) -> Locator:
    """Return the key of that name in the list."""
    return page.get_by_role("listitem").filter(has_text=name)


def send(visitor: Visitor, secret: str, image: bytes) -> int:
    """Send *image* with the key, and return the answer's status."""
    return requests.post(
        f"{visitor.server.base_url}/v1/compress",
        headers={"Authorization": f"Bearer {secret}"},
        files={"file": ("photo.jpg", image)},
        timeout=60,
    ).status_code


def test_a_key_works_until_it_is_deactivated_or_deleted(member: Visitor, jpeg: bytes) -> None:
    """OS-2, SM-6, PO-7: made in the dashboard; deactivated and deleted keys are refused at once."""
    page = member.open(KEYS)
    expect(page.get_by_text("There are no keys yet")).to_be_visible()
    member.check_accessibility()
    secret = make(page, "Shop")
    assert send(member, secret, jpeg) == 200
    page.get_by_role("link", name="I have copied it").click()
    expect(row(page, "Shop")).to_contain_text("Active")
    expect(row(page, "Shop")).to_contain_text(f"{secret[:8]}…")

    page.get_by_role("button", name="Deactivate Shop").click()
    expect(page.get_by_role("status")).to_contain_text("Shop is deactivated")
    assert send(member, secret, jpeg) == 401
    page.get_by_role("button", name="Reactivate Shop").click()
    expect(page.get_by_role("status")).to_have_text("Shop works again.")
    assert send(member, secret, jpeg) == 200

    row(page, "Shop").get_by_text("Rename").click()
    member.check_accessibility()
    page.get_by_label("New name").fill("Blog")
    page.get_by_role("button", name="Save").click()
    expect(row(page, "Blog")).to_contain_text("Active")

    row(page, "Blog").get_by_text("Delete", exact=False).first.click()
    member.check_accessibility()
    page.get_by_role("button", name="Delete it").click()
    expect(page.get_by_role("status")).to_have_text("The key is deleted.")
    assert send(member, secret, jpeg) == 401
    expect(page.get_by_text("There are no keys yet")).to_be_visible()


def test_the_example_beside_a_new_key_runs(member: Visitor, jpeg: bytes, tmp_path: Path) -> None:
    page = member.open(KEYS)
    secret = make(page, "Laptop")
    member.check_accessibility()
    command = page.get_by_label("The call with curl").inner_text()
    assert secret in command
    (tmp_path / "photo.jpg").write_bytes(jpeg)

    subprocess.run(
        ["sh", "-c", command.replace("curl ", "curl --silent --fail ", 1)],
        cwd=tmp_path,
        check=True,
        timeout=60,
    )

    assert (tmp_path / "photo.webp").read_bytes()[8:12] == b"WEBP"


def test_a_secret_is_shown_only_once(member: Visitor) -> None:
    page = member.open(KEYS)
    with page.expect_response(lambda response: response.request.method == "POST") as answered:
        secret = make(page, "Laptop")
    assert answered.value.headers["cache-control"] == "no-store"
    page.get_by_role("link", name="I have copied it").click()
    expect(row(page, "Laptop")).to_be_visible()
    assert secret not in page.content()

    page.evaluate("history.back()")

    page.wait_for_timeout(500)  # the browser asks before it sends a form again
    assert secret not in page.content()
    assert len(keys_of(member)) == 1
    member.complaints.clear()


def test_a_double_click_makes_one_key(member: Visitor) -> None:
    page = member.open(KEYS)
    page.get_by_label("Name", exact=True).fill("Once")

    page.get_by_role("button", name="Make the key").dblclick()

    expect(page.get_by_role("heading", level=1)).to_have_text("Your new key")
    assert [key.name for key in keys_of(member)] == ["Once"]


def test_a_plan_s_limit_is_explained_where_it_is_reached(member: Visitor) -> None:
    """SM-5, SM-8: a sixth active key is refused, and the page says what to do."""
    put_on_plan(member, "smolpix-pro")
    for number in range(4):
        new_key(member, f"Key {number}")
    page = member.open(KEYS)
    token = csrf(member)
    assert make(page, "Last").startswith("pk_live_")

    member.open(KEYS)
    told = page.locator(".notice")
    expect(told).to_contain_text("Smolpix Pro allows 5 active keys, and there are 5.")
    expect(told).to_contain_text("Delete or deactivate one")
    expect(page.get_by_role("button", name="Make the key")).to_have_count(0)
    member.check_accessibility()
    sixth = page.request.post(member.server.base_url + KEYS, form={"name": "6", "csrf": token})
    assert sixth.status == 403
    assert "Smolpix Pro allows 5 active keys" in sixth.text()
    page.get_by_role("button", name="Deactivate Key 0").click()
    make(page, "In its place")
    member.open(KEYS)
    page.get_by_role("button", name="Reactivate Key 0").click()

    expect(page.get_by_role("alert")).to_contain_text("Smolpix Pro allows 5 active keys")
    expect(row(page, "Key 0")).to_contain_text("Deactivated")
    assert len(keys_of(member)) == 6


def test_nobody_touches_a_key_of_somebody_else(
    member: Visitor, new_visitor: NewVisitor, jpeg: bytes
) -> None:
    """PO-7: who knows an id, and has a form of their own, is told that there is no such key."""
    stranger = new_visitor(member.server)
    stranger.become()
    theirs = new_key(stranger, "Theirs")
    page = member.open(KEYS)
    for action in ("rename", "switch", "delete"):
        answer = page.request.post(
            f"{member.server.base_url}{KEYS}/{theirs.key.id}/{action}",
            form={"csrf": csrf(member), "name": "mine", "on": "no"},
        )
        assert f"There is no key {theirs.key.id}." in answer.text(), action

    assert send(stranger, theirs.secret, jpeg) == 200
    assert [key.name for key in keys_of(stranger)] == ["Theirs"]


def test_only_who_has_no_limits_chooses_a_plan(member: Visitor) -> None:
    page = member.open(KEYS)
    options = page.get_by_label("Plan").locator("option")
    assert options.first.inner_text() == "Self-hosted"
    assert "Guest" not in options.all_inner_texts()
    page.get_by_label("Plan").select_option("Smolpix Agency")
    assert make(page, "As a customer").startswith("pk_live_")

    put_on_plan(member, "octosqueeze-free")
    member.open(KEYS)
    expect(page.get_by_label("Plan")).to_have_count(0)
    for plan in ("self-hosted", "guest", "gold"):
        refused = page.request.post(
            member.server.base_url + KEYS, form={"plan": plan, "csrf": csrf(member)}
        )
        assert refused.status == 403
        assert "have the account&#39;s own plan" in refused.text()
    assert len(keys_of(member)) == 1


def test_a_key_ends_when_it_was_said_to(member: Visitor) -> None:
    page = member.open(KEYS)
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Works").select_option("until a date")
    page.get_by_label("Name", exact=True).fill("Contractor")
    page.get_by_label("Last day").evaluate("field => field.removeAttribute('min')")
    page.get_by_label("Last day").fill("2020-01-31")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("alert")).to_contain_text("A key works for some time")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Contractor")
    expect(page.get_by_label("Last day")).to_have_value("2020-01-31")
    last = clock.now().date() + timedelta(days=3)
    page.get_by_label("Last day").fill(last.isoformat())
    page.get_by_role("button", name="Make the key").click()

    expect(page.get_by_text(f"works until {last + timedelta(days=1)} 00:00 UTC")).to_be_visible()
    (key,) = keys_of(member)
    assert key.expires_at is not None
    assert key.expires_at.date() == last + timedelta(days=1)
    member.open(KEYS)
    expect(row(page, "Contractor").locator(".busy-text")).to_contain_text("ends in")
    for lifetime in ("-1", "7e9", "date"):
        refused = page.request.post(
            member.server.base_url + KEYS,
            form={"lifetime": lifetime, "until": "x", "csrf": csrf(member)},
        )
        assert refused.status == 400, lifetime


@pytest.mark.parametrize("name", ["<b>bold</b> & \"quoted\" 'it'", "ключ 🔑", "x" * 100])
def test_a_key_may_be_called_anything(name: str, member: Visitor) -> None:
    page = member.open(KEYS)
    make(page, name)
    member.open(KEYS)

    expect(page.get_by_role("listitem").get_by_role("strong")).to_have_text(name)
    member.check_accessibility()


def test_everything_works_without_a_script_and_without_a_mouse(
    member: Visitor, browser: Browser
) -> None:
    context = browser.new_context(
        java_script_enabled=False, storage_state=member.page.context.storage_state()
    )
    try:
        page = context.new_page()
        page.goto(member.server.base_url + KEYS)
        page.get_by_label("Name", exact=True).focus()
        page.keyboard.type("Keyboard")
        page.keyboard.press("Enter")
        assert re.fullmatch(r"pxm_[A-Za-z0-9]{43}", shown(page))
        page.get_by_role("link", name="I have copied it").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Deactivate Keyboard").focus()
        page.keyboard.press("Enter")
        expect(row(page, "Keyboard")).to_contain_text("Deactivated")
        row(page, "Keyboard").locator("summary").last.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("button", name="Delete it")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text("There are no keys yet")).to_be_visible()
    finally:
        context.close()
