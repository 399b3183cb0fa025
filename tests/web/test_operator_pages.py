"""Running a server from the browser: accounts, credits, plans and how the system does."""

import secrets
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import requests
from playwright.sync_api import Page, expect

from pixmill.services.accounts import Accounts
from pixmill.services.credits import Credits
from pixmill.services.keys import Keys
from pixmill.services.plans import Plans
from pixmill.web.pages import all_pages
from web.visitors import OPERATOR, PASSWORD, NewVisitor, Visitor

from fixtures.servers import Client, RunningServer, opened, run

#: Pages that only operators see, and forms that only they may send.
PATHS = [(page.method, page.path) for page in all_pages() if page.who == "operator"]


async def _account_of(database_url: str, email: str) -> str:
    async with opened(database_url) as database:
        return (await Accounts(database=database).find(name=email)).id


async def _key_of(database_url: str, email: str, plan: str | None) -> str:
    async with opened(database_url) as database:
        made = await Keys(database=database).create(account=email, plan=plan, name="Shop")
        return made.secret


async def _deducted(database_url: str, email: str, images: int) -> str:
    async with opened(database_url) as database:
        await Accounts(database=database).set_plan(name=email, plan="picture-optimizer-pro")
        charge = await Credits(database=database).deduct(
            account=email, action="analyze", image_count=images
        )
        assert charge.id
        return charge.id


async def _balance(database_url: str, email: str) -> int | None:
    async with opened(database_url) as database:
        return (await Credits(database=database).balance(account=email)).balance


def id_of(visitor: Visitor) -> str:
    return run(_account_of(visitor.server.database_url, visitor.email))


def client_of(visitor: Visitor, plan: str | None = None) -> Client:
    """Give a program with a key of *visitor*."""
    secret = run(_key_of(visitor.server.database_url, visitor.email, plan))
    return Client(base_url=visitor.server.base_url, key=secret)


def confirm(page: Page, opener: str, button: str) -> None:
    page.locator("summary", has_text=opener).first.click()
    page.get_by_role("button", name=button).click()


@pytest.fixture
def ada(new_visitor: NewVisitor, server: RunningServer, founded: str) -> Visitor:
    """Give a member with a window of their own, at the shared server."""
    assert founded
    visitor = new_visitor(server)
    visitor.become(f"{'ada.' * 12}{secrets.token_hex(6)}@example.com")
    return visitor


@pytest.fixture
def own(new_visitor: NewVisitor) -> Visitor:
    """Give the operator of a server of their own."""
    visitor = new_visitor()
    visitor.become(OPERATOR)
    return visitor


def test_who_does_not_run_the_server_finds_none_of_it(member: Visitor) -> None:
    names = {"id": id_of(member), "key": "key_0", "name": "self-hosted"}
    form = {"on": "yes", "count": 5, "plan": "optimagio-pro", "email": "friend@example.com"}
    send = member.sender()
    for method, path in PATHS:
        if method == "POST":
            answer = send(path.format(**names), **form)
            assert answer.status_code == 404, path
            assert answer.json()["error"] == "not_found"
        else:
            member.open(path.format(**names))
            expect(member.page.get_by_role("heading", level=1)).to_have_text(
                "There is no such page"
            )

    assert run(_balance(member.server.database_url, member.email)) is None
    assert len(PATHS) == 16
    assert all("404" in complaint for complaint in member.complaints)
    member.complaints.clear()


def test_accounts_are_found_by_a_part_of_their_address(operator: Visitor, ada: Visitor) -> None:
    page = operator.open("/dashboard/accounts")
    operator.check_accessibility()
    page.get_by_label("E-mail, id or plan").fill(ada.email.removeprefix("ada." * 12))
    page.get_by_role("button", name="Search").click()

    table = page.get_by_role("region", name="Accounts").locator("tbody tr")
    expect(table).to_have_count(1)
    expect(table).to_contain_text("Self-hosted")
    page.get_by_role("link", name=ada.email).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(ada.email)

    for nothing in ("%", "nobody-at-all"):
        operator.open(f"/dashboard/accounts?q={nothing.replace('%', '%25')}")
        expect(page.get_by_text("No account fits")).to_be_visible()
    operator.check_accessibility()


def test_an_invitation_makes_an_account_on_its_plan(
    operator: Visitor, new_visitor: NewVisitor
) -> None:
    email = f"guest-{operator.server.pid}@example.com"
    page = operator.open("/dashboard/accounts")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("combobox", name="Plan").select_option("optimagio-starter")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".secret code").inner_text()
    operator.check_accessibility()
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Accounts")

    guest = new_visitor(operator.server)
    guest.page.goto(link)
    guest.page.get_by_label("Password").fill(PASSWORD)
    guest.page.get_by_role("button", name="Make the account").click()
    guest.open("/dashboard/account")

    expect(guest.page.get_by_role("heading", name="Optimagio Starter")).to_be_visible()
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("alert")).to_contain_text("There is an account")


def test_who_is_disabled_is_stopped_at_once(operator: Visitor, ada: Visitor) -> None:
    program = client_of(ada)
    assert program.request("GET", "/v1/usage").status_code == 200
    page = operator.open(f"/dashboard/accounts/{id_of(ada)}")
    page.locator("summary", has_text="Disable").click()
    operator.check_accessibility()

    page.get_by_role("button", name="Disable it").click()

    expect(page.get_by_role("status")).to_contain_text("is disabled")
    assert program.request("GET", "/v1/usage").status_code == 401
    ada.open("/dashboard")
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    ada.sign_in()
    expect(ada.page.get_by_role("alert")).to_contain_text("not right")

    page.get_by_role("button", name="Enable").click()
    assert program.request("GET", "/v1/usage").status_code == 200
    ada.sign_in()
    expect(ada.page).to_have_url(f"{ada.server.base_url}/dashboard")


def test_another_plan_holds_from_the_next_request_on(operator: Visitor, ada: Visitor) -> None:
    program = client_of(ada)
    page = operator.open(f"/dashboard/accounts/{id_of(ada)}")

    page.get_by_role("combobox", name="Plan").select_option("optipic-free")
    page.get_by_role("button", name="Set it").click()

    expect(page.get_by_role("status")).to_contain_text("OptiPic Free")
    assert program.request("GET", "/v1/usage").json()["limit"] == 500


def test_a_key_is_revoked(operator: Visitor, ada: Visitor) -> None:
    program = client_of(ada)
    page = operator.open(f"/dashboard/accounts/{id_of(ada)}")

    confirm(page, "Revoke", "Revoke it")

    expect(page.get_by_role("status")).to_have_text("Shop is revoked: it has stopped working.")
    assert program.request("GET", "/v1/usage").status_code == 401


def test_a_link_sets_a_new_password(
    operator: Visitor, ada: Visitor, new_visitor: NewVisitor
) -> None:
    page = operator.open(f"/dashboard/accounts/{id_of(ada)}")
    page.get_by_role("button", name="Make a link").click()
    link = page.locator(".secret code").inner_text()

    other = new_visitor(ada.server)
    other.page.goto(link)
    other.page.get_by_label("New password").fill("four mills on two rivers")
    other.page.get_by_role("button", name="Set the password").click()

    expect(other.page.get_by_role("status")).to_have_text("You have a new password.")
    ada.open("/dashboard")
    expect(ada.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_the_last_operator_stays_and_a_second_one_can_follow(
    own: Visitor, new_visitor: NewVisitor
) -> None:
    path = f"/dashboard/accounts/{id_of(own)}"
    page = own.open(path)
    confirm(page, "Take it away", "Take it away")
    expect(page.get_by_role("alert")).to_contain_text("This is the last operator")
    confirm(page, "Disable", "Disable it")
    expect(page.get_by_role("alert")).to_contain_text("This is the last operator")

    second = new_visitor(own.server)
    second.become()
    own.open(f"/dashboard/accounts/{id_of(second)}")
    confirm(page, "Make operator", "Make it an operator")
    expect(page.get_by_role("status")).to_contain_text("runs this server too")
    second.open("/dashboard/system")
    expect(second.page.get_by_role("heading", level=1)).to_have_text("System")

    own.open(path)
    confirm(page, "Take it away", "Take it away")
    expect(page.get_by_role("status")).to_have_text("You do not run this server any more.")
    expect(page.get_by_role("navigation", name="Dashboard")).not_to_contain_text("System")


def test_credits_are_given_and_given_back(operator: Visitor, ada: Visitor) -> None:
    run(_deducted(ada.server.database_url, ada.email, 12))
    page = operator.open(f"/dashboard/accounts/{id_of(ada)}")
    page.get_by_label("Give credits").fill("100")
    page.get_by_label("Reason").fill("Welcome")
    page.get_by_role("button", name="Give them").click()
    expect(page.get_by_role("status")).to_contain_text(f"{ada.email} has 5,088.")

    page.get_by_role("link", name="Refund entry").click()
    operator.check_accessibility()
    page.get_by_label("Credits").fill("13")
    page.get_by_label("Credits").evaluate("field => field.removeAttribute('max')")
    page.get_by_role("button", name="Give them back").click()
    expect(page.get_by_role("alert")).to_have_text(
        "At most 12 credits of this deduction can be refunded."
    )
    page.get_by_label("Credits").fill("12")
    page.get_by_label("Reason").fill("The model was away")
    page.get_by_role("button", name="Give them back").click()

    expect(page.get_by_role("status")).to_contain_text(f"{ada.email} has 5,100.")
    expect(page.get_by_role("link", name="Refund entry")).to_have_count(0)
    history = ada.open("/dashboard/usage/credits")
    expect(history.get_by_text("The model was away")).to_be_visible()
    operator.check_accessibility()


def test_two_clicks_at_once_refund_once(operator: Visitor, ada: Visitor) -> None:
    deduction = run(_deducted(ada.server.database_url, ada.email, 12))
    path = f"/dashboard/accounts/{id_of(ada)}/refund"
    send = operator.sender()

    def click(once: str, **form: object) -> requests.Response:
        return send(path, count=5, once=once, **form)

    with ThreadPoolExecutor(8) as threads:
        same = list(threads.map(lambda _: click("a" * 32, deduction=deduction), range(8)))
    assert [answer.status_code for answer in same] == [200] * 8
    assert {answer.json()["balance"] for answer in same} == {4_993}

    with ThreadPoolExecutor(8) as threads:
        others = threads.map(lambda n: click(str(n) * 32, deduction=deduction), range(8))
    assert sorted(answer.status_code for answer in others) == [200] + [400] * 7
    assert run(_balance(ada.server.database_url, ada.email)) == 4_998

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: click("b" * 32), range(4)))
    assert run(_balance(ada.server.database_url, ada.email)) == 5_003
    assert click("not a number").json()["error"] == "bad_option"
    assert click("c" * 32, deduction="ded_" + "0" * 20).status_code == 404


def test_a_changed_plan_holds_from_the_next_request_on_until_it_is_reset(own: Visitor) -> None:
    program = client_of(own, "optipic-payg")
    assert program.request("GET", "/v1/usage").json()["limit"] == 500
    page = own.open("/dashboard/plans")
    own.check_accessibility()
    page.get_by_role("link", name="OptiPic Pay-as-you-go").click()
    own.check_accessibility()

    page.get_by_label("Requests a month").fill("700")
    page.get_by_label("Largest file").fill("a lot")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Largest file: ")
    expect(page.get_by_label("Requests a month")).to_have_value("700")
    page.get_by_label("Largest file").fill("1KiB")
    page.get_by_label("Up to request").first.fill("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("Prices: ")
    page.get_by_label("Up to request").first.fill("20000")
    page.get_by_label("Dollars for one").first.fill("0.0075")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("status")).to_contain_text("is changed")
    expect(page.get_by_label("Dollars for one").first).to_have_value("0.0075")
    assert program.request("GET", "/v1/usage").json()["limit"] == 700
    refused = program.post("/v1/compress", b"x" * 2_000)
    assert (refused.status_code, refused.json()["error"]) == (413, "file_too_large")

    confirm(page, "Reset", "Reset it")
    expect(page.get_by_text("As it came", exact=True)).to_be_visible()
    assert program.request("GET", "/v1/usage").json()["limit"] == 500


def test_every_shipped_plan_is_saved_as_it_is(operator: Visitor) -> None:
    async def edited() -> list[str]:
        async with opened(operator.server.database_url) as database:
            return [plan.name for plan in await Plans(database=database).all() if plan.edited]

    page = operator.page
    names = ("self-hosted", "guest", "optipic-payg", "picture-optimizer-free")
    for name in names:
        operator.open(f"/dashboard/plans/{name}")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status")).to_contain_text("is changed")

    assert not set(names) & set(run(edited()))


def test_the_system_says_what_is_there(operator: Visitor) -> None:
    page = operator.open("/dashboard/system")

    expect(page.get_by_role("status").or_(page.locator(".notice").first)).to_contain_text(
        "All that this server needs is there."
    )
    for text in ("SQLite, at revision", "Codec processes", "libvips", "seccomp", "Alive"):
        expect(page.get_by_text(text).first).to_be_visible()
    expect(page.get_by_text("PIXMILL_PORT")).to_be_visible()
    expect(page.locator("main")).not_to_contain_text(str(operator.server.data_dir))
    operator.check_accessibility()


@pytest.fixture
def deaf() -> Iterator[int]:
    """Give a port where somebody listens and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield int(listener.getsockname()[1])


def test_the_system_page_says_what_is_away(new_visitor: NewVisitor, deaf: int) -> None:
    visitor = new_visitor(
        PIXMILL_VISION_URL=f"http://127.0.0.1:{deaf}/v1",
        PIXMILL_VISION_MODEL="a-model",
        PIXMILL_VISION_API_KEY="very-secret-key",
        PIXMILL_REDIS_URL="redis://127.0.0.1:1/0",
        PIXMILL_MAIL_URL="smtp://somebody:very-secret-word@127.0.0.1:1",
        PIXMILL_MAIL_FROM="mill@example.com",
    )
    visitor.become(OPERATOR)
    objects = visitor.server.data_dir / "objects"
    objects.rename(objects.with_name("elsewhere"))
    objects.write_bytes(b"not a folder")

    page = visitor.open("/dashboard/system")

    said = page.get_by_role("alert")
    expect(said).to_contain_text("Storage: a folder on this machine: cannot be used")
    expect(said).to_contain_text("Vision model: a-model, asked over HTTP: did not answer in time")
    expect(said).to_contain_text("Rate limits: counted in Valkey, with other servers: cannot")
    expect(said).to_contain_text("Mail: an SMTP server: cannot be used")
    expect(page.get_by_text("SQLite, at revision")).to_be_visible()
    expect(page.get_by_text("PIXMILL_VISION_API_KEY")).to_be_visible()
    for secret in ("very-secret", "127.0.0.1", str(visitor.server.data_dir)):
        expect(page.locator("main")).not_to_contain_text(secret)
    visitor.check_accessibility()
