"""Mail, through real SMTP servers."""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from pydantic import SecretStr

from pixmill import errors
from pixmill.services.mail import Mail
from pixmill.settings import Settings

pytestmark = pytest.mark.anyio

FROM = "Pixmill <mill@example.com>"


class Post:
    """What servers were given."""

    def __init__(self, context: ssl.SSLContext, ca: trustme.CA, stack: ExitStack) -> None:
        self._server_context = context
        self.context = ssl.create_default_context()
        ca.configure_trust(self.context)
        self._stack = stack
        self.recipients: list[str] = []
        self.letters: list[EmailMessage] = []
        self.encrypted: list[bool] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's own
        self.recipients += envelope.rcpt_tos
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, policy=default)
        assert isinstance(letter, EmailMessage)
        self.letters.append(letter)
        assert server.transport
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 OK"

    def _login(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"s3cret:@")

    def serve(self, *, tls: str = "", login: bool = False) -> int:
        """Start a server: ``starttls``, ``smtps`` or plain; return its port."""
        options: dict[str, Any] = {}
        if tls == "starttls":
            options["tls_context"] = self._server_context
        if login:
            options |= {
                "authenticator": self._login,
                "auth_required": bool(tls),
                "auth_require_tls": bool(tls),
            }
        controller = Controller(
            self,
            hostname="127.0.0.1",
            port=_free_port(),
            ssl_context=self._server_context if tls == "smtps" else None,
            **options,
        )
        controller.start()
        self._stack.callback(controller.stop)
        return controller.port


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def post(ca: trustme.CA) -> Iterator[Post]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with ExitStack() as stack:
        yield Post(context, ca, stack)


@pytest.fixture
def mail(post: Post) -> Callable[..., Mail]:
    return lambda url, sender=FROM: Mail(url=url, sender=sender, context=post.context)


async def test_a_letter_arrives_as_it_was_written(post: Post, mail: Callable[..., Mail]) -> None:
    sent = await mail(f"smtp://127.0.0.1:{post.serve()}").send(
        to="ada@example.com", subject="Grüße", text="Open this: https://x.org/a?b=c\n\nÄÖÜ\n"
    )

    assert sent
    assert post.recipients == ["ada@example.com"]
    [letter] = post.letters
    assert (letter["From"], letter["To"]) == ("Pixmill <mill@example.com>", "ada@example.com")
    assert letter["Subject"] == "Grüße"
    assert letter["Message-ID"].endswith("@example.com>")
    assert letter["Date"].datetime is not None
    assert letter.get_content_type() == "text/plain"
    text = letter.get_content().replace("\r\n", "\n")
    assert text == "Open this: https://x.org/a?b=c\n\nÄÖÜ\n"


async def test_it_is_encrypted_where_the_server_offers_it(
    post: Post, mail: Callable[..., Mail]
) -> None:
    for scheme, tls in (("smtp", "starttls"), ("smtps", "smtps")):
        port = post.serve(tls=tls)
        assert await mail(f"{scheme}://127.0.0.1:{port}").send(to="a@b", subject="s", text="t")

    assert post.encrypted == [True, True]


async def test_a_password_is_given_where_it_is_encrypted(
    post: Post, mail: Callable[..., Mail]
) -> None:
    port = post.serve(tls="starttls", login=True)

    sent = await mail(f"smtp://mill%40x:s3cret%3A%40@127.0.0.1:{port}").send(
        to="a@b", subject="s", text="t"
    )

    assert sent
    assert post.logins == [(b"mill@x", b"s3cret:@")]


async def test_a_password_is_not_given_in_the_clear(
    post: Post, mail: Callable[..., Mail], caplog: pytest.LogCaptureFixture
) -> None:
    port = post.serve(login=True)

    sent = await mail(f"smtp://mill:s3cret@127.0.0.1:{port}").send(to="a@b", subject="s", text="t")

    assert not sent
    assert post.logins == []
    assert "no encryption" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_server_that_cannot_prove_its_name_gets_nothing(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    port = post.serve(tls="starttls")

    sent = await Mail(url=f"smtp://127.0.0.1:{port}", sender=FROM).send(
        to="a@b", subject="s", text="t"
    )

    assert not sent
    assert post.letters == []
    assert "could not be sent" in caplog.text


async def test_failures_are_logged_and_not_raised(
    post: Post, mail: Callable[..., Mail], caplog: pytest.LogCaptureFixture
) -> None:
    refusing = post.serve(tls="starttls", login=True)
    for url in (
        f"smtp://127.0.0.1:{_free_port()}",
        f"smtp://mill:wrong@127.0.0.1:{refusing}",
        f"smtp://127.0.0.1:{refusing}",
    ):
        caplog.clear()
        secret = "do not log the letter"
        assert not await mail(url).send(to="a@b", subject="s", text=secret)
        [line] = caplog.records
        assert (line.levelno, "'a@b'" in line.getMessage()) == (logging.WARNING, True)
        assert secret not in caplog.text
    assert post.letters == []


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("a@b", "Hello\r\nBcc: eve@x.org"),
        ("a@b", "Hello\nBcc: eve@x.org"),
        ("a@b\r\nBcc: eve@x.org", "Hello"),
        ("a@b,eve@x.org", "Hello"),
        ("a<eve@x.org>", "Hello"),
        ("a b <eve@x.org>", "Hello"),
        ("", "Hello"),
        ("nobody", "Hello"),
    ],
)
async def test_a_letter_goes_to_one_address_or_nowhere(
    to: str, subject: str, post: Post, mail: Callable[..., Mail]
) -> None:
    await mail(f"smtp://127.0.0.1:{post.serve()}").send(to=to, subject=subject, text="t")

    assert [address for address in post.recipients if "eve" in address] == []
    assert [letter for letter in post.letters if letter["Bcc"]] == []
    assert len(post.letters) <= (to == "nobody")


async def test_without_a_server_nothing_is_sent() -> None:
    mail = Mail.of(Settings())

    assert not mail.works
    assert not await mail.send(to="a@b", subject="s", text="t")


@pytest.mark.parametrize(
    ("url", "sender", "variable"),
    [
        ("mail.example.com", FROM, "PIXMILL_MAIL_URL"),
        ("http://mail.example.com", FROM, "PIXMILL_MAIL_URL"),
        ("smtp://@", FROM, "PIXMILL_MAIL_URL"),
        ("smtp://host:port", FROM, "PIXMILL_MAIL_URL"),
        ("smtp://[::1", FROM, "PIXMILL_MAIL_URL"),
        ("smtp://host/path", FROM, "PIXMILL_MAIL_URL"),
        ("smtp://host", "", "PIXMILL_MAIL_FROM"),
        ("smtp://host", "nobody", "PIXMILL_MAIL_FROM"),
        ("smtp://host", "a@b\r\nBcc: c@d", "PIXMILL_MAIL_FROM"),
    ],
)
def test_settings_that_cannot_be_used_are_named_and_not_shown(
    url: str, sender: str, variable: str
) -> None:
    with pytest.raises(errors.Internal, match=variable) as refusal:
        Mail.of(Settings(mail_url=SecretStr(url), mail_from=sender))

    assert url not in str(refusal.value)


def test_a_sender_may_have_a_name_and_the_port_a_default() -> None:
    for url, port in (("smtp://x", 587), ("smtps://x", 465), ("smtp://x:25", 25)):
        mail = Mail.of(Settings(mail_url=SecretStr(url), mail_from="mill@example.com"))
        assert mail.works
        assert mail._server
        assert mail._server.port == port
