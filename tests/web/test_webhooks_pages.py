"""The pages about webhooks, in a real browser, with a real receiver."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from standardwebhooks import Webhook

from services.webhooks.receiver import Receiver, receiving
from web.visitors import Visitor, watched
from web.work import photo, send_job

from fixtures.servers import RunningServer, start


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server that sends messages to this machine."""
    env = {"PIXMILL_FETCH_ALLOW": "127.0.0.0/8"}
    running = start(tmp_path_factory.mktemp("post"), env=env)
    yield running
    assert running.stop() == 0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def owner(browser: Browser, post: RunningServer) -> Iterator[Visitor]:
    """Give somebody whose server hears of things."""
    visitor = watched(browser, post)
    visitor.become()
    yield visitor
    visitor.page.context.close()
    assert visitor.complaints == []


def row(page: Page, url: str) -> Locator:
    return page.get_by_role("region", name="Messages").locator("tbody tr").filter(has_text=url)


def test_messages_are_told_of_and_sent_again(owner: Visitor, receiver: Receiver) -> None:
    page = owner.open("/dashboard/webhooks")
    expect(page.get_by_text("Nothing was sent yet")).to_be_visible()
    owner.check_accessibility()
    good, bad = receiver.url("/good", 200), receiver.url("/bad", 500)
    gone = receiver.url("/gone", 410, 200)
    for url in (good, bad, gone):
        send_job(owner, photo(), webhook_url=url)

    page = owner.open("/dashboard/webhooks")
    expect(row(page, "/good")).to_contain_text("Delivered")
    expect(row(page, "/bad")).to_contain_text("On its way")
    expect(row(page, "/bad")).to_contain_text("Status 500")
    expect(row(page, "/gone")).to_contain_text("Not sent")
    owner.check_accessibility()
    page.get_by_text("Show the secret").click()
    secret = page.locator(".copyable code").inner_text()
    heard = next(each for each in receiver.heard if each.path == "/good")
    Webhook(secret).verify(heard.body, heard.headers)

    row(page, "/gone").get_by_role("link").click()
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_role("alert")).to_contain_text("wants no more messages")
    owner.open("/dashboard/webhooks")
    page.get_by_role("button", name=f"Send to {gone} again").click()
    expect(page.get_by_role("status")).to_contain_text("Messages are sent there again")
    row(page, "/gone").get_by_role("link").click()
    page.get_by_role("button", name="Send it again").click()
    expect(page.get_by_text("Delivered", exact=True)).to_be_visible()
    expect(page.get_by_text("Status 200")).to_be_visible()
    expect(page.get_by_text("Status 410")).to_be_visible()
    expect(page.get_by_role("region", name="Payload")).to_contain_text('"job.completed"')
    owner.check_accessibility()
    ids = {each.id for each in receiver.heard if each.path == "/gone"}
    assert len(ids) == 1, "the same message"
    assert page.url.endswith(ids.pop())

    owner.open("/dashboard/webhooks?state=delivered")
    expect(row(page, "/good")).to_have_count(1)
    page.get_by_role("region", name="Endpoints").get_by_role("link", name=good).click()
    expect(page.get_by_role("link", name="To all")).to_be_visible()
    expect(row(page, "http")).to_have_count(1)


def test_another_accounts_messages_are_not_found(
    owner: Visitor, browser: Browser, receiver: Receiver
) -> None:
    send_job(owner, photo(), webhook_url=receiver.url("/good", 200))
    page = owner.open("/dashboard/webhooks")
    row(page, "/good").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Payload")).to_be_visible()
    other = watched(browser, owner.server)
    other.become()
    assert other.page.request.get(page.url).status == 404
    other.open("/dashboard/webhooks")
    expect(other.page.get_by_text("Nothing was sent yet")).to_be_visible()
    other.page.context.close()
