"""The seccomp program, run by an interpreter, since a machine can only try its own."""

import errno
import fcntl
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.services.pool import seccomp, syscalls

PID = 4711
ALLOW, KILL, REFUSE = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
MACHINES = seccomp.MACHINES
ARGUMENTS = st.integers(0, 2**64 - 1)


def verdict(machine: str, call: int, *arguments: int, audit: int | None = None) -> int:
    """Run the program for *machine* on one system call."""
    record = MACHINES[machine]
    data = struct.pack(
        "=IIQ6Q",
        call,
        record.audit if audit is None else audit,
        0,
        *(argument % 2**64 for argument in (*arguments, *[0] * 6)[:6]),
    )
    program = [struct.unpack("=HBBI", each) for each in seccomp.program(record, PID)]
    position, word = 0, 0
    while True:
        code, yes, no, value = program[position]
        position += 1
        match code:
            case 0x20:
                [word] = struct.unpack_from("=I", data, value)
            case 0x15:
                position += yes if word == value else no
            case 0x35:
                position += yes if word >= value else no
            case 0x45:
                position += yes if word & value else no
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(code)


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def numbers(machine: str, *calls: syscalls.Numbers) -> list[int]:
    """Return what these system calls are called on *machine*, where they exist."""
    column = MACHINES[machine].column
    return [number for each in calls if (number := each[column]) is not None]


def all_numbers(machine: str) -> list[int]:
    groups = [*syscalls.ALLOWED, *syscalls.REFUSED.values()]
    by_argument = (
        *syscalls.SIGNALS.values(),
        *(syscalls.CLONE, syscalls.FCNTL, syscalls.MMAP, syscalls.MPROTECT, syscalls.PRCTL),
    )
    return numbers(machine, *by_argument, *(call for g in groups for call in g.calls.values()))


def test_calls_of_another_architecture_kill(machine: str) -> None:
    foreign = {record.audit for name, record in MACHINES.items() if name != machine}
    [read] = numbers(machine, (0, 63))

    for audit in {*foreign, 0x4000_0003, 0}:
        assert verdict(machine, read, audit=audit) == KILL


def test_calls_of_the_x32_abi_kill() -> None:
    assert verdict("x86_64", 0x4000_0000) == KILL
    assert verdict("x86_64", 0xFFFF_FFFF) == KILL


def test_what_is_listed_is_allowed(machine: str) -> None:
    for group in syscalls.ALLOWED:
        for call in numbers(machine, *group.calls.values()):
            assert verdict(machine, call) == ALLOW


def test_some_refusals_have_an_error_of_their_own(machine: str) -> None:
    for error, group in syscalls.REFUSED.items():
        for call in numbers(machine, *group.calls.values()):
            assert verdict(machine, call) == REFUSE | error


@given(call=st.integers(0, 1000) | st.integers(0, 0x3FFF_FFFF), arguments=st.lists(ARGUMENTS))
def test_what_is_not_listed_is_refused(call: int, arguments: list[int]) -> None:
    for machine in MACHINES:
        if call not in all_numbers(machine):
            assert verdict(machine, call, *arguments) == REFUSE | errno.EPERM


def test_no_call_is_listed_twice(machine: str) -> None:
    listed = all_numbers(machine)

    assert len(listed) == len(set(listed))


def test_a_clone_may_only_be_a_thread(machine: str) -> None:
    [clone] = numbers(machine, syscalls.CLONE)
    glibc, musl = 0x3D0F00, 0x7D0F00
    vfork, new_user, new_network = 0x4111, 0x1000_0000, 0x4000_0000

    assert verdict(machine, clone, glibc) == ALLOW
    assert verdict(machine, clone, musl) == ALLOW
    for flags in (0, 17, vfork, glibc | new_user, glibc | new_network, new_user | 17):
        assert verdict(machine, clone, flags) == REFUSE | errno.EPERM


def test_only_this_process_may_be_signalled(machine: str) -> None:
    for call in numbers(machine, *syscalls.SIGNALS.values()):
        assert verdict(machine, call, PID, 6) == ALLOW
        for other in (0, 1, -1, -PID, PID + 1):
            assert verdict(machine, call, other, 6) == REFUSE | errno.EPERM


@given(protection=ARGUMENTS)
def test_no_memory_may_be_executable(protection: int) -> None:
    expected = REFUSE | errno.EACCES if protection & 4 else ALLOW
    for machine in MACHINES:
        for call in numbers(machine, syscalls.MMAP, syscalls.MPROTECT):
            assert verdict(machine, call, 0, 4096, protection) == expected


def test_of_a_process_only_its_name_may_be_set(machine: str) -> None:
    [prctl] = numbers(machine, syscalls.PRCTL)

    allowed = {option for option in range(100) if verdict(machine, prctl, option) == ALLOW}
    assert allowed == {15, 16}


def test_files_may_not_be_made_to_signal_others(machine: str) -> None:
    [control] = numbers(machine, syscalls.FCNTL)
    f_setown, f_setsig, f_setown_ex, f_setlease = 8, 10, 15, 1024

    for command in (f_setown, f_setsig, f_setown_ex, f_setlease):
        assert verdict(machine, control, 3, command) == REFUSE | errno.EPERM
    assert verdict(machine, control, 3, fcntl.F_GETFL) == ALLOW
