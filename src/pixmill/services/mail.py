"""Mail: plain letters, sent through an SMTP server that the operator names."""

import asyncio
import logging
import smtplib
import ssl
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

from pixmill import errors
from pixmill.settings import Settings

#: Seconds that each step of talking to the server may take.
TIMEOUT = 15.0
#: Letters that are sent at one time.
AT_ONCE = 4

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    host: str
    port: int
    tls: bool  #: from the first byte; else when the server offers it
    user: str
    password: str = field(repr=False)


class Mail:
    """
    Sends letters, if there is a server for it.

    *url* is ``smtp://HOST:PORT``, which is encrypted when the server offers it, or ``smtps://``;
    both may name a user and a password, which only ever travel encrypted. *sender* is an address,
    or ``Name <address>``. Raises Internal when they cannot be used.
    """

    def __init__(
        self, *, url: str = "", sender: str = "", context: ssl.SSLContext | None = None
    ) -> None:
        self._server = _parse(url) if url else None
        self._places = asyncio.Semaphore(AT_ONCE)
        if self._server is None:
            return
        self._context = context or ssl.create_default_context()
        name, self._from = parseaddr(sender)
        try:
            self._sender = Address(display_name=name, addr_spec=self._from)
        except (MessageError, ValueError, IndexError) as error:
            raise errors.Internal(
                "The sender of mail must be an address; see PIXMILL_MAIL_FROM."
            ) from error
        if not self._sender.domain or not sender.isprintable():
            raise errors.Internal("The sender of mail must be an address; see PIXMILL_MAIL_FROM.")

    @classmethod
    def of(cls, settings: Settings) -> "Mail":
        """Return what *settings* say. Raises Internal when that cannot be used."""
        return cls(url=settings.mail_url.get_secret_value(), sender=settings.mail_from)

    @property
    def works(self) -> bool:
        """Whether there is a server to send through."""
        return self._server is not None

    async def check(self) -> None:
        """See whether something listens where the server should be. Raises Unavailable."""
        if self._server is None:
            return
        try:
            _, writer = await asyncio.open_connection(self._server.host, self._server.port)
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            raise errors.Unavailable(detail=str(error)) from error

    async def send(self, *, to: str, subject: str, text: str) -> bool:
        """
        Send *text* to one address; say whether the server took it.

        What goes wrong is logged, and never raised: it is no business of who caused the letter.
        """
        if self._server is None:
            return False
        async with self._places:
            try:
                letter = self._letter(to=to, subject=subject, text=text)
                await asyncio.to_thread(self._send, self._server, letter, to)
            except (smtplib.SMTPException, OSError, MessageError, ValueError) as error:
                _log.warning("a letter to %r could not be sent: %s", to, error)
                return False
        return True

    def _letter(self, *, to: str, subject: str, text: str) -> EmailMessage:
        if not to or parseaddr(to) != ("", to):  # anything that could be read as another address
            raise ValueError("not one plain address")
        letter = EmailMessage(policy=SMTP)  # which refuses a header with a line break
        letter["From"] = self._sender
        letter["To"] = Address(addr_spec=to)
        letter["Subject"] = subject
        letter["Date"] = formatdate()
        letter["Message-ID"] = make_msgid(domain=self._sender.domain)
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes, please
        letter.set_content(text)
        return letter

    def _send(self, server: _Server, letter: EmailMessage, to: str) -> None:
        with self._connected(server) as smtp:
            smtp.ehlo()
            encrypted = server.tls
            if not encrypted and smtp.has_extn("starttls"):
                smtp.starttls(context=self._context)
                smtp.ehlo()
                encrypted = True
            if server.user:
                if not encrypted:
                    raise smtplib.SMTPNotSupportedError(
                        "the server offers no encryption, so it is not told the password"
                    )
                smtp.login(server.user, server.password)
            smtp.send_message(letter, from_addr=self._from, to_addrs=[to])

    def _connected(self, server: _Server) -> smtplib.SMTP:
        if server.tls:
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=TIMEOUT, context=self._context
            )
        return smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)


def _parse(url: str) -> _Server:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path.strip("/"):
        raise errors.Internal(
            "The mail server must be smtp://USER:PASSWORD@HOST:PORT or smtps://…; "
            "see PIXMILL_MAIL_URL."
        )
    tls = parts.scheme == "smtps"
    return _Server(
        host=parts.hostname,
        port=port or (465 if tls else 587),
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )
