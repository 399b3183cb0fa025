"""What a taken-over codec process could do to the server through its channel and its files."""

import errno
import itertools
import os
import socket
import time
from collections.abc import Callable
from typing import Any, NoReturn

from services.pool import attempts

#: What ends a message on a channel that does not keep messages apart.
END = b"\n"

#: The number of this process's present job.
job = 0


def say(messages: list[str], contents: str = "") -> NoReturn:
    """Send *messages* in our own name, with *contents* in the output, and never come back."""
    os.pwrite(attempts.files()[1], contents.encode(), 0)
    for message in messages:
        _socket().sendall(_bytes(message))
    _hang()


def say_something_long(size: int) -> NoReturn:
    _socket().sendall(b'"' + b"x" * size + b'"' + END)
    _hang()


def say_something_deep() -> NoReturn:
    _socket().sendall(b"[" * 60_000 + END)
    _hang()


def talk_without_end() -> NoReturn:
    while True:
        _socket().sendall(b"{}" + END)


def say_and_answer(message: str) -> str:
    """Send *message*, and then answer properly."""
    _socket().sendall(_bytes(message))
    return "the proper answer"


def hang_up() -> NoReturn:
    """Close the channel, and go on."""
    _socket().close()
    _hang()


def send_files(message: str, contents: str, count: int) -> NoReturn:
    """Answer with open files attached, which could fill the server's table of them."""
    os.pwrite(attempts.files()[1], contents.encode(), 0)
    socket.send_fds(_socket(), [_bytes(message)], [_socket().fileno()] * count)
    _hang()


def fill_the_output() -> int:
    """Write until it is refused, and tell how many bytes that took."""
    _, output = attempts.files()
    block = bytes(1 << 16)
    for offset in itertools.count(step=len(block)):
        try:
            os.pwrite(output, block, offset)
        except OSError as error:
            if error.errno == errno.EFBIG:
                return offset
            raise
    raise AssertionError


def change_the_upload() -> str:
    """Try to write to the job's first file."""
    try:
        os.pwrite(attempts.files()[0], b"x", 0)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "through"


def _socket() -> socket.socket:
    return attempts.channel()._sock


def _bytes(message: str) -> bytes:
    return message.replace("{id}", str(job)).replace("{next}", str(job + 1)).encode("latin-1") + END


def _hang() -> NoReturn:
    while True:
        time.sleep(3600)


LIES: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        say,
        say_something_long,
        say_something_deep,
        talk_without_end,
        say_and_answer,
        hang_up,
        send_files,
        fill_the_output,
        change_the_upload,
    )
}
