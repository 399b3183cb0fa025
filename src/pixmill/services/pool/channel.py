"""
Whole messages between two processes, with open files attached to them.

On Linux the socket itself keeps messages apart (SOCK_SEQPACKET). Where local sockets cannot, as on
macOS, a message ends with a newline, which JSON written on one line does not contain.
"""

import json
import socket
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from pixmill.services.pool import kernel

#: Bytes of the longest message.
MESSAGE_SIZE = 64 * 1024

# A process that the receiver starts must not inherit what arrives here.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """
    One end of a pair of local sockets.

    What arrives is bytes, and nothing is believed of them here. Files that are sent but were not
    asked for are closed by the kernel and never arrive.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._framed = sock.type == socket.SOCK_STREAM
        self._pending = b""
        self._files: list[int] = []

    @classmethod
    def pair(cls, *, framed: bool = not kernel.LINUX) -> tuple[Self, Self]:
        """Return two connected ends, of which the first never waits."""
        kind = socket.SOCK_STREAM if framed else socket.SOCK_SEQPACKET
        ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
        ours.setblocking(False)
        for end in (ours, theirs):  # room for a message, so that none is sent in part
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_SIZE)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._sock.fileno()

    def send(self, message: Mapping[str, Any], files: Iterable[int] = ()) -> None:
        """
        Send *message* as JSON, and with it access to the open *files*.

        In UTF-8, so that a text has four bytes a character at most.

        Raises ConnectionError when the other side is gone or does not listen.
        """
        text = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
        data = text.encode("utf-8", "surrogatepass") + b"\n"
        try:
            sent = socket.send_fds(self._sock, [data], list(files))
        except BlockingIOError:
            sent = 0
        if sent != len(data):
            raise ConnectionError("The other side does not listen.")

    def receive(self, *, files: int = 0) -> tuple[bytes, list[int]]:
        """
        Return the next message and up to *files* open files; ``b""`` means that no more will come.

        A message that is too long arrives longer than `MESSAGE_SIZE` and cut off. Raises
        BlockingIOError on an end that never waits, ConnectionError when the other end was lost.
        """
        while True:
            if self._framed:
                message, newline, rest = self._pending.partition(b"\n")
                if newline or len(message) > MESSAGE_SIZE:
                    self._pending = rest
                    break
            message = self._take(files)
            if not message or not self._framed:
                break
            self._pending += message
        received, self._files = self._files, []
        return message, received

    def is_silent(self) -> bool:
        """Say whether the other end is there and has said nothing that was not received yet."""
        try:
            self._sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except BlockingIOError:
            return not self._pending
        except ConnectionError:
            return False
        return False

    def close(self) -> None:
        """Close this end, which the other end reads as the end of all messages."""
        self._sock.close()

    def _take(self, files: int) -> bytes:
        if not files:  # without room for files the kernel drops those that come
            return self._sock.recv(MESSAGE_SIZE + 1)
        piece, received, _, _ = socket.recv_fds(self._sock, MESSAGE_SIZE + 1, files, _CLOSE_ON_EXEC)
        self._files += received
        return piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
