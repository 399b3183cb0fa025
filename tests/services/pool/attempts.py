"""
What a taken-over codec would try. Each attempt raises OSError when it is refused.

Attempts that would do harm if they worked have arguments with which they cannot work: what counts
is whether the kernel refuses the call as such, or gets as far as looking at them.
"""

import contextlib
import ctypes
import errno
import fcntl
import gc
import mmap
import os
import platform
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from pathlib import Path

from pixmill.services.pool import kernel
from pixmill.services.pool.channel import Channel

Attempts = dict[str, Callable[[], object]]

#: What says "you may not", and not "this cannot be".
REFUSALS = frozenset({errno.EPERM, errno.EACCES})

_COLUMN = {"x86_64": 0, "aarch64": 1}[platform.machine()]
_NUMBERS = {
    "add_key": (248, 217),
    "bpf": (321, 280),
    "clone": (56, 220),
    "fsopen": (430, 430),
    "init_module": (175, 105),
    "io_uring_setup": (425, 425),
    "mount": (165, 40),
    "mprotect": (10, 226),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pivot_root": (155, 41),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "prlimit64": (302, 261),
    "ptrace": (101, 117),
    "seccomp": (317, 277),
    "setns": (308, 268),
    "shmget": (29, 194),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vmsplice": (278, 75),
}
_PTRACE_SEIZE = 0x4206
_PTRACE_DETACH = 17
_READ_IMPLIES_EXEC = 0x0400000

#: Something that lies at the same place in this process and in the fork server.
_SHARED = ctypes.create_string_buffer(b"nothing secret", 64)


def _call(name: str, *arguments: int | bytes | None) -> int:
    return kernel.syscall(_NUMBERS[name][_COLUMN], *arguments)


def channel() -> Channel:
    """Find this process's end of its channel, as a taken-over process could."""
    return next(each for each in gc.get_objects() if isinstance(each, Channel))


def files() -> tuple[int, int]:
    """Find the job's upload and its output, which is empty as yet."""
    found = []
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            found.append((os.lseek(descriptor, 0, os.SEEK_END), descriptor))
    (_, output), (_, upload) = sorted(found)
    return upload, output


def _make_socket(family: int, kind: int) -> None:
    socket.socket(family, kind).close()


def _make_socket_pair() -> None:
    for end in socket.socketpair():
        end.close()


def _connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.connect(("127.0.0.1", 1))


def _fork() -> None:
    if not (pid := os.fork()):
        os._exit(0)
    os.waitpid(pid, 0)


def _clone() -> None:
    if not _call("clone", signal.SIGCHLD, 0, 0, 0, 0):
        os._exit(0)
    os.wait()


def run_the_output() -> None:
    """Run a program out of the one file that can be written. Needs to fork."""
    _, file = files()
    os.pwrite(file, b"#!/bin/true\n", 0)
    if not (pid := os.fork()):
        try:
            os.execve(file, ["true"], {})
        except OSError as error:
            os._exit(error.errno or 255)
    _, status = os.waitpid(pid, 0)
    if number := os.waitstatus_to_exitcode(status):
        raise OSError(number, os.strerror(number))


def _server() -> int:
    return int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1])


def _trace(pid: int) -> None:
    _call("ptrace", _PTRACE_SEIZE, pid, 0, 0)
    _call("ptrace", _PTRACE_DETACH, pid, 0, 0)


def _touch_memory(call: str, pid: int) -> None:
    here = ctypes.create_string_buffer(8)
    ours = (ctypes.c_size_t * 2)(ctypes.addressof(here), 8)
    theirs = (ctypes.c_size_t * 2)(ctypes.addressof(_SHARED), 8)
    vectors = ctypes.addressof(ours), ctypes.addressof(theirs)
    _call(call, pid, vectors[0], 1, vectors[1], 1, 0)


def _make_memory_executable() -> None:
    with mmap.mmap(-1, 4096) as memory:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        _call("mprotect", start, 4096, mmap.PROT_READ | mmap.PROT_EXEC)


FILES: Attempts = {
    "read /etc/passwd": lambda: Path("/etc/passwd").read_bytes(),
    "read our own source": lambda: Path(__file__).read_bytes(),
    "read the environment of others": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "write a file": lambda: tempfile.NamedTemporaryFile(dir="/tmp").close(),
    "make a folder": lambda: Path(tempfile.mkdtemp(dir="/tmp")).rmdir(),
    "list a folder": lambda: list(Path("/").iterdir()),
    "open a device": lambda: Path(os.devnull).read_bytes(),
    "open our own memory": lambda: Path("/proc/self/mem").open("rb").close(),
}
PATHS: Attempts = {
    "stat": lambda: Path("/etc/passwd").stat(),
    "read a link": lambda: Path("/proc/self/exe").readlink(),
    "ask for the current folder": Path.cwd,
    "change the current folder": lambda: os.chdir("/"),
    "change the root": lambda: os.chroot("/"),
    "open a file by its handle": lambda: _call("open_by_handle_at", -100, None, 0),
}
NETWORK: Attempts = {
    "TCP": lambda: _make_socket(socket.AF_INET, socket.SOCK_STREAM),
    "connect over TCP": _connect,
    "TCP over IPv6": lambda: _make_socket(socket.AF_INET6, socket.SOCK_STREAM),
    "UDP": lambda: _make_socket(socket.AF_INET, socket.SOCK_DGRAM),
    "local sockets": lambda: _make_socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "raw sockets": lambda: _make_socket(socket.AF_INET, socket.SOCK_RAW),
    "netlink": lambda: _make_socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "pairs of sockets": _make_socket_pair,
}
PROGRAMS: Attempts = {
    "fork": _fork,
    "clone": _clone,
    "start a program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
    "become a program": lambda: os.execv("/nonexistent", ["x"]),
}
OTHERS: Attempts = {
    "signal another process": lambda: os.kill(os.getppid(), 0),
    "trace another process": lambda: _trace(os.getppid()),
    "read another process": lambda: _touch_memory("process_vm_readv", os.getppid()),
    "write another process": lambda: _touch_memory("process_vm_writev", os.getppid()),
}
MORE_OF_OTHERS: Attempts = {
    "signal everybody": lambda: os.kill(-1, 0),
    "get hold of another process": lambda: os.close(os.pidfd_open(os.getppid())),
    "limit another process": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_CORE, (0, 0)),
    "have a file signal another": lambda: fcntl.fcntl(
        channel().fileno(), fcntl.F_SETOWN, os.getppid()
    ),
}
MEMORY: Attempts = {
    "a file in memory": lambda: os.close(os.memfd_create("x")),
    "executable memory": lambda: mmap.mmap(-1, 9, prot=mmap.PROT_READ | mmap.PROT_EXEC).close(),
    "writable executable memory": lambda: mmap.mmap(
        -1, 9, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    ).close(),
    "make memory executable": _make_memory_executable,
    "make all memory executable": lambda: _call("personality", _READ_IMPLIES_EXEC),
    "shared memory": lambda: _call("shmget", 0, 4096, 0o1600),
}
KERNEL: Attempts = {
    "io_uring": lambda: _call("io_uring_setup", 1, None),
    "bpf": lambda: _call("bpf", 0, None, 0),
    "userfaultfd": lambda: os.close(_call("userfaultfd", 0)),
    "keys": lambda: _call("add_key", None, None, None, 0, 0),
    "mount": lambda: _call("mount", b"none", b"/nonexistent", b"tmpfs", 0, None),
    "open a file system": lambda: _call("fsopen", b"nonexistent", 0),
    "pivot_root": lambda: _call("pivot_root", b"/nonexistent", b"/nonexistent"),
    "unshare": lambda: _call("unshare", 0),
    "setns": lambda: _call("setns", -1, 0),
    "perf_event_open": lambda: _call("perf_event_open", None, 0, -1, -1, 0),
    "init_module": lambda: _call("init_module", None, 0, None),
    "vmsplice": lambda: _call("vmsplice", -1, None, 0, 0),
    "another seccomp program": lambda: _call("seccomp", 2, 0, None),
    "become root": lambda: os.setresuid(0, 0, 0),
    "join a group": lambda: os.setgroups([0]),
    "become dumpable": lambda: kernel.prctl(4, 1),
    "outlive the fork server": lambda: kernel.prctl(1, 0),
    "more memory": lambda: _call("prlimit64", 0, resource.RLIMIT_AS, b"\xff" * 16, None),
}
ALL = FILES | PATHS | NETWORK | PROGRAMS | OTHERS | MORE_OF_OTHERS | MEMORY | KERNEL

#: What the server, the fork server's parent, and the fork server are protected from by themselves.
ON_PROTECTED: Attempts = {
    name: attempt
    for name, attempt in (FILES | OTHERS).items()
    if name.endswith(("of others", "another process")) and not name.startswith("signal")
} | {
    "read the server's environment": lambda: Path(f"/proc/{_server()}/environ").read_bytes(),
    "open the server's memory": lambda: Path(f"/proc/{_server()}/mem").open("rb").close(),
    "list the server's files": lambda: list(Path(f"/proc/{_server()}/fd").iterdir()),
    "trace the server": lambda: _trace(_server()),
    "read the server": lambda: _touch_memory("process_vm_readv", _server()),
}

#: What is refused in another way than the rest.
SPECIAL: Attempts = {
    "run the output": run_the_output,
    "ask the channel": lambda: fcntl.ioctl(channel().fileno(), termios.FIONREAD, b"\0\0\0\0"),
    "4 GB": lambda: mmap.mmap(-1, 4 << 30).close(),
    "import a module": lambda: __import__("sqlite3"),
}

#: What an ordinary user may not do with or without a lock.
NEEDS_ROOT = frozenset(
    {
        "change the root",
        "open a file by its handle",
        "raw sockets",
        "bpf",
        "mount",
        "open a file system",
        "pivot_root",
        "init_module",
        "userfaultfd",
        "become root",
        "join a group",
        "more memory",
        # None of the processes is dumpable, which stands between them, and before /proc/self.
        "open our own memory",
        "read the environment of others",
        "trace another process",
        "read another process",
        "write another process",
        "limit another process",
    }
)
