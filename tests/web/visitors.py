"""Visitors: real Chromium, which complains of everything that a person would stumble over."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import axe_playwright_python
import requests
from playwright.sync_api import Browser, Page, expect

from pixmill import errors
from pixmill.services.passwords import Passwords
from pixmill.services.sign_ins.sign_ins import SignIns

from fixtures.passwords import CHEAP
from fixtures.servers import RunningServer, opened, run

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
#: What axe looks for: everything that WCAG 2.2 AA asks for, and what is good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PASSWORD = "three mills on a river"
OPERATOR = "operator@example.com"


@dataclass(kw_only=True)
class Visitor:
    """A browser of its own, and whoever sits before it."""

    page: Page
    server: RunningServer
    email: str = ""
    #: What the browser complained of. A test that makes it complain takes that out.
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.server.base_url + path)
        return self.page

    def become(self, email: str = "") -> None:
        """Be signed in, with an account that is made if it is not there, past the forms."""
        self.email = email or f"{secrets.token_hex(6)}@example.com"
        token = run(signed_in(self.server.database_url, self.email))
        self.have_cookie(token)

    def have_cookie(self, token: str) -> None:
        """Have the cookie of a sign-in, as the server sets it."""
        # Chromium takes it from this very machine over HTTP too, but not by this way.
        safe = self.server.base_url.replace("http://", "https://")
        self.page.context.add_cookies(
            [
                {
                    "name": "__Host-pixmill",
                    "value": token,
                    "url": f"{safe}/",
                    "secure": True,
                    "httpOnly": True,
                    "sameSite": "Lax",
                }
            ]
        )

    def send(self, path: str, **form: object) -> requests.Response:
        """Send a form past the browser, as a script of our own pages would."""
        return self.sender()(path, **form)

    def sender(self) -> Callable[..., requests.Response]:
        """Return what does that in any thread."""
        cookies = {each["name"]: each["value"] for each in self.page.context.cookies()}
        headers = {
            "Accept": "application/json",
            "Cookie": f"__Host-pixmill={cookies['__Host-pixmill']}",
        }
        page = requests.get(f"{self.server.base_url}/apis", headers=headers, timeout=30)
        [csrf] = re.findall(r'<meta name="csrf" content="(\w+)"', page.text)

        def send(path: str, **form: object) -> requests.Response:
            return requests.post(
                self.server.base_url + path,
                data={"csrf": csrf, **form},
                headers=headers,
                timeout=60,
                allow_redirects=False,
            )

        return send

    def sign_up(self, email: str = "") -> None:
        """Make an account through the form."""
        self.email = email or f"{secrets.token_hex(6)}@example.com"
        self.open("/sign-up")
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Make the account").click()
        expect(self.page).to_have_url(f"{self.server.base_url}/dashboard")

    def sign_in(self, password: str = PASSWORD) -> None:
        """Sign in through the form that is shown."""
        self.page.get_by_label("E-mail address").fill(self.email)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()

    def check_accessibility(self, *, narrow: bool = True) -> None:
        """Check the page that is shown: axe in both themes, and that a phone need not scroll."""
        themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for theme in themes:
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found = violations(self.page)
            assert found == [], f"{self.page.url} in {theme}: {found}"
        if narrow:
            size = self.page.viewport_size
            self.page.set_viewport_size({"width": 360, "height": 740})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 360, f"{self.page.url} is {wide} pixels wide on a phone"
            assert size is not None
            self.page.set_viewport_size(size)


async def signed_in(database_url: str, email: str) -> str:
    async with opened(database_url) as database:
        sign_ins = SignIns(database=database, passwords=Passwords(parameters=CHEAP))
        try:
            made = await sign_ins.sign_up(email=email, password=PASSWORD, address="192.0.2.1")
        except errors.Conflict:
            made = await sign_ins.sign_in(email=email, password=PASSWORD, address="192.0.2.1")
        await sign_ins.close()
        return made.token


def violations(page: Page) -> list[str]:
    """Return what axe finds, a line each."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES
    )
    return [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def watched(browser: Browser, server: RunningServer) -> Visitor:
    """Open a window with nobody signed in, and listen to what it complains of."""
    page = browser.new_context(accept_downloads=True).new_page()
    page.set_default_timeout(20_000)
    visitor = Visitor(page=page, server=server)
    page.on(
        "console",
        lambda message: (
            visitor.complaints.append(message.text)
            if message.type in {"error", "warning"}
            else None
        ),
    )
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    page.on("request", lambda request: visitor.complaints.extend(foreign(request.url, server)))
    return visitor


def foreign(url: str, server: RunningServer) -> list[str]:
    """Return *url* if it is on another host."""
    own = (f"{server.base_url}/", f"blob:{server.base_url}/", "blob:null", "data:")
    return [] if url.startswith(own) else [url]


NewVisitor = Callable[..., Visitor]
