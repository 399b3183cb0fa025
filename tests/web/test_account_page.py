"""One's own account in a real browser: its plan, its password, and where it is signed in."""

from playwright.sync_api import expect

from pixmill.services.sign_ins.types import digest_of
from web.visitors import PASSWORD, NewVisitor, Visitor

ANOTHER = "four mills on two rivers"


def change_password(visitor: Visitor, *, old: str = PASSWORD, new: str = ANOTHER) -> None:
    page = visitor.open("/dashboard/account")
    page.get_by_label("Present password").fill(old)
    page.get_by_label("New password").fill(new)
    page.get_by_role("button", name="Change it").click()


def beside(new_visitor: NewVisitor, visitor: Visitor) -> Visitor:
    """Sign the same person in with a browser of its own."""
    other = new_visitor(visitor.server)
    other.become(visitor.email)
    return other


def test_a_new_password_ends_the_sign_ins_of_other_browsers(
    member: Visitor, new_visitor: NewVisitor
) -> None:
    other = beside(new_visitor, member)
    expect(other.open("/dashboard/account").get_by_role("heading", level=1)).to_have_text("Account")

    change_password(member)

    expect(member.page.get_by_role("status")).to_contain_text("You have a new password")
    expect(member.page.get_by_text("Another browser")).to_have_count(0)
    other.open("/dashboard/account")
    expect(other.page.get_by_role("alert")).to_have_text("Your sign-in is over. Sign in again.")
    other.sign_in(ANOTHER)
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Account")


def test_the_password_stays_when_the_old_one_is_wrong_or_the_new_one_too_simple(
    member: Visitor,
) -> None:
    change_password(member, old="not the password")
    expect(member.page.get_by_role("alert")).to_have_text("The present password is not right.")
    change_password(member, new=member.email)
    expect(member.page.get_by_role("alert")).to_be_visible()

    member.page.context.clear_cookies()
    member.open("/sign-in")
    member.sign_in()
    expect(member.page).to_have_url(f"{member.server.base_url}/dashboard")


def test_one_ends_the_sign_in_of_one_browser_and_then_of_all_others(
    member: Visitor, new_visitor: NewVisitor
) -> None:
    others = [beside(new_visitor, member) for _ in range(3)]
    page = member.open("/dashboard/account")
    expect(page.get_by_text("Another browser")).to_have_count(3)
    member.check_accessibility()

    page.get_by_role("button", name="End it").first.click()
    expect(page.get_by_text("Another browser")).to_have_count(2)
    page.get_by_role("button", name="End all others").click()

    expect(page.get_by_role("status")).to_have_text("2 sign-ins are ended.")
    expect(page.get_by_text("This browser")).to_be_visible()
    for other in others:
        other.open("/dashboard/account")
        expect(other.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_nobody_ends_the_sign_in_of_somebody_else(member: Visitor, new_visitor: NewVisitor) -> None:
    stranger = new_visitor(member.server)
    stranger.become()
    [cookie] = stranger.page.context.cookies()
    answer = member.send("/dashboard/account/sign-ins/end", sign_in=digest_of(cookie["value"]))

    assert answer.status_code == 404
    expect(stranger.open("/dashboard/account").get_by_text("This browser")).to_be_visible()
