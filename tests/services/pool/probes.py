"""The job that tests put in place of the engine: it does what the "image" says."""

import ctypes
import errno
import itertools
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from pixmill import errors
from pixmill.engine.types import ImageInfo, Limits, Options, Result
from services.pool import attempts, lies


def preload() -> None:
    """Load nothing but this module and what it imports."""


def leave_a_thread() -> None:
    """Preload carelessly."""
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def forbid_forks() -> None:
    """Preload, and then have no right to any more processes."""
    if os.getuid() == 0:
        os.setresuid(65_534, 65_534, 65_534)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


def do(data: bytes, options: Options, limits: Limits) -> Result:
    lies.job += 1
    name, *arguments = json.loads(data)
    if name == "options":
        return result(repr((options, limits)))
    return result(PROBES[name](*arguments))


def result(value: object) -> Result:
    source = ImageInfo(format="png", width=4, height=3, frames=2)
    data = json.dumps(value).encode()
    return Result(
        data=data, format="webp", width=40, height=30, frames=1, how="encoded", source=source
    )


def attempt(name: str) -> str:
    """Try one thing and tell how it went: an error's name, or ``through``."""
    try:
        (attempts.ALL | attempts.ON_PROTECTED | attempts.SPECIAL)[name]()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except MemoryError:
        return "ENOMEM"
    except ImportError:
        return "ImportError"
    return "through"


def attempt_all(kind: str = "ALL") -> dict[str, str]:
    return {name: attempt(name) for name in getattr(attempts, kind)}


def process(delay: float = 0) -> dict[str, Any]:
    """Tell who we are, after long enough to let others be asked as well."""
    time.sleep(delay)
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "users": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
    }


def open_descriptors() -> list[int]:
    """List what is open, without /proc."""
    found = []
    for descriptor in range(64):
        try:
            os.lseek(descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            if error.errno == errno.EBADF:
                continue
        found.append(descriptor)
    return found


def crash(how: str) -> None:
    match how:
        case "segmentation fault":
            ctypes.string_at(0)
        case "abort":
            os.abort()
        case "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        case "a nameless signal":
            os.kill(os.getpid(), signal.SIGRTMIN + 6)
        case "exit":
            os._exit(0)
        case "SystemExit":
            sys.exit()


def hang(how: str) -> None:
    match how:
        case "asleep":
            time.sleep(3600)
        case "in a C loop":
            sum(itertools.repeat(1))
        case "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)


def fail(how: str) -> None:
    match how:
        case "as designed":
            raise errors.TooManyPixels(detail="50 megapixels")
        case "otherwise":
            raise LookupError("/a/secret/path")
        case "for lack of memory":
            bytearray(1 << 40)


PROBES: dict[str, Callable[..., Any]] = lies.LIES | {
    "attempt": attempt,
    "attempts": attempt_all,
    "crash": crash,
    "descriptors": open_descriptors,
    "echo": lambda value: value,
    "environment": lambda: dict(os.environ),
    "fail": fail,
    "hang": hang,
    "large": lambda size: "x" * size,
    "modules": lambda: sorted(sys.modules),
    "process": process,
    "sleep": time.sleep,
}
