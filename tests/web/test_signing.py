"""Making an account, signing in and out, in a real browser."""

import subprocess
import sys

import pytest
import requests
from playwright.sync_api import expect

from web.visitors import PASSWORD, NewVisitor, Visitor

from fixtures.servers import OwnServer, RunningServer, environment


def account_command(server: RunningServer, *arguments: str) -> str:
    """Run `pixmill accounts` on the machine of *server*, and return what it prints."""
    command = [sys.executable, "-m", "pixmill", "accounts", *arguments]
    return subprocess.run(
        [*command, "--data-dir", str(server.data_dir)],
        env=environment({"PIXMILL_PUBLIC_URL": server.base_url}),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_first_account_runs_the_server_and_the_next_one_does_not(
    new_visitor: NewVisitor,
) -> None:
    first = new_visitor()
    first.open("/sign-up")
    expect(first.page.get_by_role("heading", level=1)).to_have_text("Welcome to Pixmill")
    first.sign_up()
    expect(first.page.get_by_role("status")).to_contain_text("You run this server")
    expect(first.page.get_by_role("navigation", name="Dashboard")).to_contain_text("System")

    second = new_visitor(first.server)
    second.sign_up()

    expect(second.page.get_by_role("navigation", name="Dashboard")).not_to_contain_text("System")
    assert second.page.request.get(f"{second.server.base_url}/dashboard/system").status == 404


def test_one_signs_out_and_in_again_and_comes_back_to_where_one_wanted(member: Visitor) -> None:
    page = member.open("/dashboard")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")

    member.open("/dashboard/keys?page=2")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
    member.sign_in()

    expect(page).to_have_url(f"{member.server.base_url}/dashboard/keys?page=2")


def test_a_wrong_password_is_told_without_saying_what_is_wrong(member: Visitor) -> None:
    page = member.page
    page.context.clear_cookies()
    member.open("/sign-in")
    member.sign_in("not the password")
    expect(page.get_by_role("alert")).to_have_text(
        "The e-mail address or the password is not right."
    )
    expect(page.get_by_label("E-mail address")).to_have_value(member.email)
    member.email = "nobody@example.com"
    member.open("/sign-in")
    member.sign_in()

    expect(page.get_by_role("alert")).to_have_text(
        "The e-mail address or the password is not right."
    )


def test_guessing_is_slowed_down(new_visitor: NewVisitor) -> None:
    guesser = new_visitor()
    form = {"email": "somebody@example.com", "password": "a wrong password"}
    post = f"{guesser.server.base_url}/sign-in"

    answers = [requests.post(post, data=form, timeout=60) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert "too many tries" in answers[-1].text


def test_a_sign_in_that_is_over_leads_to_the_form_and_back(member: Visitor) -> None:
    page = member.open("/dashboard")
    member.have_cookie("x" * 43)
    member.open("/dashboard/usage")

    expect(page.get_by_role("alert")).to_have_text("Your sign-in is over. Sign in again.")
    member.sign_in()
    expect(page).to_have_url(f"{member.server.base_url}/dashboard/usage")


def test_a_link_that_the_operator_prints_sets_a_new_password_once(member: Visitor) -> None:
    link = account_command(member.server, "reset-password", member.email)
    page = member.page
    page.context.clear_cookies()
    page.goto(link)
    member.check_accessibility()
    page.get_by_label("New password").fill("short")
    page.get_by_label("New password").evaluate("field => field.removeAttribute('minlength')")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("alert")).to_contain_text("10")
    page.get_by_label("New password").fill("four mills on two rivers")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("status")).to_have_text("You have a new password.")

    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("It is gone")
    page.context.clear_cookies()
    member.open("/sign-in")
    member.sign_in("four mills on two rivers")
    expect(page).to_have_url(f"{member.server.base_url}/dashboard")
    member.complaints.clear()  # what was refused


def test_who_has_an_invitation_comes_in_though_nobody_else_does(new_visitor: NewVisitor) -> None:
    guest = new_visitor(PIXMILL_SIGN_UP="closed")
    guest.become("first@example.com")
    guest.page.context.clear_cookies()
    page = guest.open("/sign-up")
    expect(page.get_by_text("New accounts need an invitation here.")).to_be_visible()
    guest.check_accessibility()

    page.goto(account_command(guest.server, "invite", "second@example.com"))
    expect(page.get_by_label("E-mail address")).to_have_value("second@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()

    expect(page).to_have_url(f"{guest.server.base_url}/dashboard")


@pytest.mark.parametrize(
    "path", ["/sign-in", "/sign-up", "/forgotten-password", "/no-such-page", "/reset-password"]
)
def test_the_pages_are_for_everybody(path: str, visitor: Visitor) -> None:
    visitor.open(path)
    visitor.check_accessibility()

    visitor.complaints[:] = [text for text in visitor.complaints if "Failed to load" not in text]


def test_the_keyboard_reaches_everything(visitor: Visitor) -> None:
    page = visitor.open("/sign-in")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("E-mail address")).to_be_focused()


def test_light_and_dark_are_remembered(visitor: Visitor) -> None:
    page = visitor.open("/sign-in")
    page.emulate_media(color_scheme="light")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()

    assert light != dark
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark


def test_a_form_from_elsewhere_is_refused(server: RunningServer) -> None:
    post = f"{server.base_url}/sign-in"
    form = {"email": "a@example.com", "password": "x"}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = requests.post(post, data=form, headers=headers, timeout=30)
        assert answer.status_code == 403, headers


def test_a_form_of_somebody_signed_in_needs_what_only_our_pages_know(member: Visitor) -> None:
    (cookie,) = member.page.context.cookies()
    assert cookie["name"] == "__Host-pixmill"
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Lax")
    headers = {"Cookie": f"__Host-pixmill={cookie['value']}"}
    for form in ({"x": "y"}, {"csrf": ""}, {"csrf": "0" * 64}, {"csrf": "é"}):
        answer = requests.post(
            f"{member.server.base_url}/sign-out", data=form, headers=headers, timeout=30
        )
        assert answer.status_code == 403

    member.open("/dashboard")
    expect(member.page.get_by_role("navigation", name="Dashboard")).to_be_visible()


def test_nobody_is_led_to_another_site(visitor: Visitor) -> None:
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example"):
        visitor.become()
        answer = visitor.page.request.get(
            f"{visitor.server.base_url}/sign-in", params={"next": target}, max_redirects=0
        )
        assert answer.headers["location"] == "/dashboard", target


def test_over_plain_http_from_elsewhere_one_is_told_why_not(own_server: OwnServer) -> None:
    server = own_server()
    host = {"Host": "mill.example:8080"}
    page = requests.get(f"{server.base_url}/sign-in", headers=host, timeout=30)
    form = {"email": "a@example.com", "password": PASSWORD}
    refused = requests.post(f"{server.base_url}/sign-up", data=form, headers=host, timeout=30)

    assert "came over plain HTTP" in page.text
    assert refused.status_code == 400
    assert "Set-Cookie" not in refused.headers


def test_an_operator_may_allow_plain_http(own_server: OwnServer) -> None:
    server = own_server(PIXMILL_COOKIES_OVER_HTTP="true")
    form = {"email": "a@example.com", "password": PASSWORD}
    done = requests.post(
        f"{server.base_url}/sign-up",
        data=form,
        headers={"Host": "mill.example:8080"},
        timeout=30,
        allow_redirects=False,
    )

    assert done.status_code == 303
    assert done.cookies["pixmill"]
    assert "secure" not in done.headers["Set-Cookie"].lower()
