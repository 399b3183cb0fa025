"""Which layers of the lock are on, what each is good for alone, and what happens without it."""

import asyncio
import os
from typing import Any, get_args

import psutil
import pytest

from pixmill import errors, settings
from pixmill.services.pool import sandbox
from services.pool import attempts
from services.pool.bench import SECRET, OpenPool, StartServer

IS_ROOT = os.geteuid() == 0
#: Whom a server can run as here; None is whoever runs the tests.
USERS = [None, 65_534] if IS_ROOT else [None]

EVERYTHING = frozenset(sandbox.LAYERS)
POSSIBLE = EVERYTHING if IS_ROOT else EVERYTHING - {"uid"}
REFUSALS = {"EPERM", "EACCES"}

#: What a layer refuses that is the only one. Landlock and seccomp need no_new_privs, or root.
ALONE = {
    "landlock": {*attempts.FILES, *attempts.OTHERS, "connect over TCP", "start a program"},
    "seccomp": {*attempts.ALL},
}
if IS_ROOT:
    ALONE["uid"] = {
        *attempts.OTHERS,
        "read the environment of others",
        "limit another process",
        "become root",
        "join a group",
        "change the root",
    }


def test_all_layers_that_this_user_can_put_on_are_on(open_pool: OpenPool) -> None:
    status = open_pool(workers=2).pool.status()

    assert status.layers == tuple(layer for layer in sandbox.LAYERS if layer in POSSIBLE)
    assert set(status.missing) == EVERYTHING - POSSIBLE


def test_the_settings_name_the_same_layers() -> None:
    assert set(get_args(settings.Layer)) == set(sandbox.LAYERS)


@pytest.mark.parametrize("layer", ALONE)
def test_a_layer_alone_refuses(open_pool: OpenPool, layer: str) -> None:
    bench = open_pool(disable=EVERYTHING - {"no_new_privs", layer})

    outcomes = bench.ask("attempts")

    assert set(bench.pool.status().layers) == {"no_new_privs", layer}
    assert {name for name in ALONE[layer] if outcomes[name] not in REFUSALS} == set()


@pytest.mark.parametrize("layer", sandbox.LAYERS)
def test_the_pool_works_without_a_layer_and_says_so(open_pool: OpenPool, layer: str) -> None:
    bench = open_pool(disable=frozenset({layer}))

    assert bench.ask("echo", "still here") == "still here"
    assert layer not in bench.pool.status().layers
    assert bench.pool.status().missing[layer] == "disabled"


@pytest.mark.parametrize("layer", sandbox.LAYERS)
def test_the_pool_does_not_start_without_a_layer_that_is_required(
    open_pool: OpenPool, layer: str
) -> None:
    with pytest.raises(errors.Internal, match=rf"required layer .*: {layer} \(disabled\)"):
        open_pool(disable=frozenset({layer}), require=(layer,))


def test_the_pool_starts_when_all_required_layers_are_on(open_pool: OpenPool) -> None:
    assert open_pool(require=tuple(POSSIBLE)).ask("echo", "locked") == "locked"


def test_processes_of_root_have_users_of_their_own(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2)

    async def both() -> Any:
        return await asyncio.gather(bench.answer("process", 0.2), bench.answer("process", 0.2))

    users = {tuple(process["users"]) for process in bench.run(both())}
    first = sandbox.FIRST_UID
    assert users == {(first,) * 4, (first + 1,) * 4} if IS_ROOT else {(os.getuid(),) * 4}


@pytest.mark.parametrize("user", USERS)
def test_processes_are_locked_whoever_the_server_is(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(user, requests=[["attempts"]])

    [outcomes] = server["answers"]
    assert {name for name, outcome in outcomes.items() if outcome not in REFUSALS} == set()
    assert set(server["layers"]) == (POSSIBLE if user is None else EVERYTHING - {"uid"})


def test_a_server_that_is_not_root_says_why_its_processes_have_its_user(
    start_server: StartServer,
) -> None:
    server = start_server(USERS[-1])

    assert server["missing"] == {"uid": "the server does not run as root"}


@pytest.mark.parametrize("user", USERS)
def test_nothing_of_the_servers_environment_is_passed_on(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(user, requests=[["environment"]], stay=[["hang", "asleep"]])

    environments = server["answers"]
    if IS_ROOT:  # nobody else can look into them
        assert SECRET in psutil.Process(server["server"]).environ().values()
        environments.append(psutil.Process(server["fork server"]).environ())
    for environment in environments:
        assert SECRET not in environment.values()
        assert not [name for name in environment if name.startswith("PIXMILL_")]


@pytest.mark.parametrize("user", USERS)
def test_what_is_measured_about_a_server_can_still_be_read(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(user, stay=[["hang", "asleep"]])

    assert all(server["readable"].values())
    if IS_ROOT:
        assert psutil.Process(server["server"]).memory_full_info().pss > 0


@pytest.mark.parametrize("user", USERS)
def test_the_memory_of_both_servers_is_closed_also_to_processes_that_are_hardly_locked(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(
        user, disable=["landlock", "seccomp"], requests=[["attempts", "ON_PROTECTED"]]
    )

    [outcomes] = server["answers"]
    assert {name for name, outcome in outcomes.items() if outcome not in REFUSALS} == set()
