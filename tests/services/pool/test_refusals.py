"""What a process cannot do any more once it is locked, tried from inside."""

import os

import pytest

from pixmill import errors
from services.pool import attempts
from services.pool.bench import Bench, OpenPool

#: The names of what says "you may not", and not "this cannot be".
REFUSALS = {"EPERM", "EACCES"}


@pytest.mark.parametrize("name", attempts.ALL)
def test_a_locked_process_may_not(locked: Bench, name: str) -> None:
    assert locked.ask("attempt", name) in REFUSALS


def test_an_unlocked_process_may(open_pool: OpenPool) -> None:
    """The attempts are honest: without the lock, each gets at least past the question whether."""
    everything = {"uid", "no_new_privs", "rlimits", "landlock", "seccomp"}
    unlocked = open_pool(disable=frozenset(everything))

    outcomes = unlocked.ask("attempts")

    if os.geteuid() != 0:
        for needs_root in attempts.NEEDS_ROOT:
            del outcomes[needs_root]
    assert {name for name, outcome in outcomes.items() if outcome in REFUSALS} == set()


def test_devices_cannot_be_controlled(locked: Bench) -> None:
    assert locked.ask("attempt", "ask the channel") == "ENOTTY"


def test_memory_is_bounded(locked: Bench) -> None:
    assert locked.ask("attempt", "4 GB") == "ENOMEM"


def test_what_was_not_loaded_before_the_lock_cannot_be_imported(locked: Bench) -> None:
    assert "sqlite3" not in locked.ask("modules")
    assert locked.ask("attempt", "import a module") == "ImportError"


def test_a_job_sees_its_own_two_files_and_nothing_of_earlier_jobs(locked: Bench) -> None:
    before = locked.ask("descriptors")
    for how in ("as designed", "otherwise", "for lack of memory"):
        with pytest.raises(errors.UnreadableImage):
            locked.ask("fail", how)

    after = locked.ask("descriptors")

    # Three that lead nowhere, the channel, the upload and the output.
    assert len(before) == 6
    assert after == before


def test_processes_share_no_socket(open_pool: OpenPool) -> None:
    assert len(open_pool(workers=3).ask("descriptors")) == 6


def test_the_upload_cannot_be_changed(locked: Bench) -> None:
    assert locked.ask("change_the_upload") == "EPERM"


def test_a_result_cannot_be_run_as_a_program_even_without_seccomp(open_pool: OpenPool) -> None:
    bench = open_pool(disable=frozenset({"uid", "landlock", "seccomp"}))

    assert bench.ask("attempt", "start a program") == "through"
    assert bench.ask("attempt", "run the output") == "EACCES"
