"""
The lock of a codec process: what it gives up for good before it sees its first picture.

Each layer stops most attacks alone; together they leave a taken-over codec with the picture it was
given, a file for its result, and time until its deadline. A kernel or a container that lacks a
layer is no reason not to work: `lock` puts on what it can and tells what is missing and why, and
the server decides whether that will do.
"""

import errno
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pixmill.services.pool import kernel, landlock, rlimits, seccomp

#: Every layer and what it takes away, in the order in which they are put on.
LAYERS: Mapping[str, str] = MappingProxyType(
    {
        "uid": "a user of its own: no file, process or signal of the server's user",
        "no_new_privs": "nothing that is started may gain rights",
        "rlimits": "bounded memory, output, open files and threads; no core dumps",
        "landlock": "no files, no TCP, no abstract sockets, no signals to others",
        "seccomp": "no system call but the few that pure computing needs",
    }
)

#: Codec process number N runs as this user plus N when the server is root. Nobody hands out 60578
#: to 61183, see <https://systemd.io/UIDS-GIDS>.
FIRST_UID = 60_600

# <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38

#: More than a freshly started process has open.
_ALL_DESCRIPTORS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What `lock` could do on this machine."""

    on: frozenset[str]
    missing: Mapping[str, str]  #: layer → why it could not be put on


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a codec process is locked with."""

    memory_size: int  #: address space in bytes that its work may take
    output_size: int  #: bytes of the largest file that it may write
    disable: frozenset[str] = frozenset()  #: layers left off, for tests of the others


def lock(conditions: Conditions, *, channel: int, number: int, parent: int) -> Layers:
    """
    Lock this process, which must have one thread, and keep only the descriptor *channel*.

    *number* chooses its user; with process *parent* it dies. The order matters: a change of user
    forgets the tie to the parent, limits read /proc, Landlock closes it, and seccomp would refuse
    all of these steps.
    """
    close_all_but(channel)
    on: set[str] = set()
    missing: dict[str, str] = {}

    def put_on(layer: str, step: Callable[[], None]) -> None:
        if layer in conditions.disable:
            missing[layer] = "disabled"
            return
        try:
            step()
        except (OSError, ValueError) as error:
            missing[layer] = getattr(error, "strerror", None) or str(error)
        else:
            on.add(layer)

    put_on("uid", lambda: take_user(FIRST_UID + number))
    die_with(parent)
    hide_memory()
    put_on("no_new_privs", lambda: kernel.prctl(_PR_SET_NO_NEW_PRIVS, 1))
    put_on(
        "rlimits",
        lambda: rlimits.apply(
            memory_size=conditions.memory_size,
            output_size=conditions.output_size,
            own_user="uid" in on,
        ),
    )
    put_on("landlock", landlock.deny_all)
    put_on("seccomp", seccomp.install)
    return Layers(on=frozenset(on), missing=missing)


def close_all_but(channel: int) -> None:
    """Close every descriptor but *channel*, and make the standard ones lead nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    os.closerange(3, channel)
    os.closerange(channel + 1, _ALL_DESCRIPTORS)


def take_user(uid: int) -> None:
    """Become the user and group *uid* in no other group, which also gives up all capabilities."""
    if os.geteuid() != 0:
        raise OSError(errno.EPERM, "the server does not run as root")
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def die_with(parent: int) -> None:
    """Have Linux kill this process when its *parent* ends, however that comes about."""
    if kernel.LINUX:
        kernel.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the kernel knew
        os._exit(1)


def hide_memory() -> None:
    """Keep processes of the same user from tracing this one and reading its memory."""
    if kernel.LINUX:
        kernel.prctl(_PR_SET_DUMPABLE, 0)
