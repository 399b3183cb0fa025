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

# What the program answers.
_ALLOW = 0x7FFF_0000
_KILL = 0x8000_0000
_ERRNO = 0x0005_0000

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
    code = [_load(_ARCHITECTURE), *_unless_equal(machine.audit, _answer(_KILL)), _load(_CALL)]
    if machine.first_foreign is not None:
        code += [_jump(_GREATER_OR_EQUAL, machine.first_foreign, no=1), _answer(_KILL)]
    for numbers, verdict in _verdicts(pid):
        number = numbers[machine.column]
        if number is not None:
            code += [_jump(_EQUAL, number, no=len(verdict)), *verdict]
    return [*code, _refuse(errno.EPERM)]


def _verdicts(pid: int) -> Iterator[tuple[syscalls.Numbers, Instructions]]:
    """Give each system call that is known, with the instructions that decide about it."""
    for numbers in syscalls.SIGNALS.values():  # abort() and raise(), but nobody else's process
        yield numbers, _if_argument(0, _EQUAL, pid)
    yield syscalls.PRCTL, _if_argument(0, _EQUAL, _PR_SET_NAME, _PR_GET_NAME)
    yield syscalls.FCNTL, _if_argument(1, _EQUAL, *_FCNTL_COMMANDS)
    for numbers in (syscalls.MMAP, syscalls.MPROTECT):
        yield numbers, _unless_argument(2, _ANY_BIT, _PROT_EXEC, answer=errno.EACCES)
    # A new thread, but never a new process, nor a thread that sees another world.
    thread = _if_argument(0, _ANY_BIT, _CLONE_THREAD)
    yield (
        syscalls.CLONE,
        [
            _load(_ARGUMENTS),
            _jump(_ANY_BIT, _CLONE_NEW_NAMESPACES, no=1),
            _refuse(errno.EPERM),
            *thread,
        ],
    )
    for group in syscalls.ALLOWED:
        for numbers in group.calls.values():
            yield numbers, [_answer(_ALLOW)]
    for error, group in syscalls.REFUSED.items():
        for numbers in group.calls.values():
            yield numbers, [_refuse(error)]


def _if_argument(index: int, test: int, *values: int) -> Instructions:
    """Allow the call if argument *index* passes *test* with one of *values*, else refuse it."""
    tests = [each for value in values for each in (_jump(test, value, no=1), _answer(_ALLOW))]
    return [_load(_ARGUMENTS + 8 * index), *tests, _refuse(errno.EPERM)]


def _unless_argument(index: int, test: int, value: int, *, answer: int) -> Instructions:
    """Allow the call unless argument *index* passes *test* with *value*."""
    return [
        _load(_ARGUMENTS + 8 * index),
        _jump(test, value, no=1),
        _refuse(answer),
        _answer(_ALLOW),
    ]


def _unless_equal(value: int, verdict: bytes) -> Instructions:
    return [_jump(_EQUAL, value, yes=1), verdict]


# The assembler: BPF_LD|W|ABS, BPF_JMP|{JEQ,JGE,JSET}|K and BPF_RET|K of <linux/bpf_common.h>.
_EQUAL, _GREATER_OR_EQUAL, _ANY_BIT = 0x15, 0x35, 0x45


def _load(offset: int) -> bytes:
    return _instruction(0x20, 0, 0, offset)


def _jump(test: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    """Skip *yes* instructions if the loaded word passes *test* with *value*, else skip *no*."""
    return _instruction(test, yes, no, value)


def _answer(verdict: int) -> bytes:
    return _instruction(0x06, 0, 0, verdict)


def _refuse(error: int) -> bytes:
    return _answer(_ERRNO | error)


def _instruction(code: int, yes: int, no: int, value: int) -> bytes:
    """Pack one ``struct sock_filter``."""
    return struct.pack("=HBBI", code, yes, no, value)
