"""
Seccomp: the kernel asks a little program before each system call of this process.

The program is a list of instructions of the classic Berkeley packet filter. It loads one 32-bit
word of the call's description and compares it. See seccomp(2) and <linux/filter.h>.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pixmill.services.pool import kernel, syscalls


@dataclass(frozen=True, slots=True)
class Machine:
    """What differs between processors."""

    column: int  #: of `syscalls.Numbers`
    audit: int  #: AUDIT_ARCH_* of <linux/audit.h>
    seccomp: int  #: the number of the system call that installs a program
    first_foreign: int | None = None  #: calls from this number on belong to another ABI


MACHINES = {
    # x86-64 also answers the calls of the x32 ABI, whose numbers begin at 2^30.
    "x86_64": Machine(0, 0xC000003E, 317, first_foreign=0x4000_0000),
    "aarch64": Machine(1, 0xC00000B7, 277),
}

# Where struct seccomp_data has what. Both machines are little-endian, so this loads the lower half
# of an argument; what is compared has 32 bits, or (protections, flags) means nothing above them.
_CALL = 0
_ARCHITECTURE = 4
_ARGUMENTS = 16

_SET_MODE_FILTER = 1
_ALSO_OTHER_THREADS = 1

_PROT_EXEC = 0x4
_CLONE_THREAD = 0x0001_0000
_CLONE_NEW_NAMESPACES = 0x7E02_0080
_PR_SET_NAME, _PR_GET_NAME = 15, 16
# Duplicate, read and set flags, read seals. Not F_SETOWN, which makes the kernel signal others.
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030, 1034)

Instructions = list[bytes]


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    """Assemble one ``struct sock_filter``."""
    return struct.pack("=HBBI", code, yes, no, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, 0, 0, offset)  # BPF_LD | BPF_W | BPF_ABS


def _load_argument(index: int) -> bytes:
    return _load(_ARGUMENTS + 8 * index)


def _jump(test: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Skip *yes* instructions if what was loaded passes *test* with *value*, else skip *no*."""
    return _instruction(test, yes, no, value)


# BPF_JMP | BPF_K | BPF_JEQ, BPF_JGE and BPF_JSET
_EQUAL, _AT_LEAST, _ANY_BIT = 0x15, 0x35, 0x45


def _answer(verdict: int) -> bytes:
    return _instruction(0x06, 0, 0, verdict)  # BPF_RET | BPF_K


def _refuse(error: int) -> bytes:
    return _answer(0x0005_0000 | error)  # SECCOMP_RET_ERRNO


_ALLOW = _answer(0x7FFF_0000)  # SECCOMP_RET_ALLOW
_KILL = _answer(0x8000_0000)  # SECCOMP_RET_KILL_PROCESS


def install() -> None:
    """
    Let this process make only the calls that `syscalls` allows, in all its threads, for good.

    Needs no-new-privileges or root. Raises OSError where the kernel or this module cannot.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, f"no table of system calls for {platform.machine()}")
    code = b"".join(program(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: the number of instructions, and where they are.
    handle = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    if thread := kernel.syscall(machine.seccomp, _SET_MODE_FILTER, _ALSO_OTHER_THREADS, handle):
        raise OSError(errno.EBUSY, f"thread {thread} has a seccomp program of its own")


def program(machine: Machine, pid: int) -> Instructions:
    """Return the program for the process *pid* on *machine*."""
    code = [_load(_ARCHITECTURE), _jump(_EQUAL, machine.audit, yes=1), _KILL, _load(_CALL)]
    if machine.first_foreign is not None:
        code += [_jump(_AT_LEAST, machine.first_foreign, no=1), _KILL]
    for numbers, verdict in _verdicts(pid):
        number = numbers[machine.column]
        if number is not None:
            code += [_jump(_EQUAL, number, no=len(verdict)), *verdict]
    return [*code, _refuse(errno.EPERM)]


def _verdicts(pid: int) -> Iterator[tuple[syscalls.Numbers, Instructions]]:
    """Give each system call that is known, with the instructions that decide about it."""
    for numbers in syscalls.SIGNALS.values():  # abort() and raise(), but nobody else's process
        yield numbers, _if_argument(0, pid)
    yield syscalls.PRCTL, _if_argument(0, _PR_SET_NAME, _PR_GET_NAME)
    yield syscalls.FCNTL, _if_argument(1, *_FCNTL_COMMANDS)
    for numbers in (syscalls.MMAP, syscalls.MPROTECT):
        yield numbers, [_load_argument(2), *_if_bit(_PROT_EXEC, _refuse(errno.EACCES)), _ALLOW]
    # A new thread, but never a new process, nor a thread that sees another world.
    yield (
        syscalls.CLONE,
        [
            _load_argument(0),
            *_if_bit(_CLONE_NEW_NAMESPACES, _refuse(errno.EPERM)),
            *_if_bit(_CLONE_THREAD, _ALLOW),
            _refuse(errno.EPERM),
        ],
    )
    for group in syscalls.ALLOWED:
        for numbers in group.calls.values():
            yield numbers, [_ALLOW]
    for error, group in syscalls.REFUSED.items():
        for numbers in group.calls.values():
            yield numbers, [_refuse(error)]


def _if_argument(index: int, *values: int) -> Instructions:
    """Allow the call if argument *index* is one of *values*, else refuse it."""
    tests = [each for value in values for each in (_jump(_EQUAL, value, no=1), _ALLOW)]
    return [_load_argument(index), *tests, _refuse(errno.EPERM)]


def _if_bit(bits: int, verdict: bytes) -> Instructions:
    """Give *verdict* if any of *bits* is set in what was loaded, else go on."""
    return [_jump(_ANY_BIT, bits, no=1), verdict]
