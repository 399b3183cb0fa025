"""The files in deploy/ say what this version of Pixmill understands, and work together."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pixmill.cli import COMMANDS, _load
from pixmill.settings import Settings, variable

from fixtures.buckets import running
from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, Client, RunningServer, environment

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "pixmill"}
UNITS = ("pixmill.service", "pixmill-worker@.service")

#: What somebody says in deploy/.env.
ANSWERS = {
    "POSTGRES_PASSWORD": "a-password",
    "S3_ACCESS_KEY_ID": "an-access-key",
    "S3_SECRET_ACCESS_KEY": "a-secret-key",
}


def filled(text: str) -> str:
    """Return *text* as Compose has it: ``${A:?}`` was said, ``${B:-default}`` was not."""
    text = re.sub(r"\$\{(\w+):\?\}", lambda found: ANSWERS[found[1]], text)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def settings_of(service: str) -> dict[str, str]:
    return {name: filled(value) for name, value in SERVICES[service]["environment"].items()}


def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile's last stage, each with what follows it."""
    text = re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text())
    lines = [line.split(" ", 1) for line in text.splitlines() if line and line[0] not in "# "]
    last = max(number for number, (word, _) in enumerate(lines) if word == "FROM")
    return [(word, rest) for word, rest in lines[last:]]


def image_environment() -> dict[str, str]:
    [pairs] = [rest for word, rest in dockerfile() if word == "ENV"]
    return dict(pair.split("=", 1) for pair in shlex.split(pairs))


def unit(name: str) -> dict[str, list[str]]:
    """Return what is set in a unit, whichever section it is in."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / name).read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found.setdefault(key, []).append(value)
    return found


def example() -> dict[str, str]:
    """Return all of the example of an environment file, also what is commented out."""
    text = (DEPLOY / "pixmill.env.example").read_text()
    return dict(re.findall(r"^#?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def commands() -> list[tuple[str, list[str]]]:
    """Return every call of pixmill that is in the files, and where."""
    calls = [(name, unit(name)["ExecStart"][0].split()[1:]) for name in UNITS]
    calls += [(name, service["command"]) for name, service in OURS.items() if "command" in service]
    return [*calls, ("Dockerfile", json.loads(dict(dockerfile())["CMD"]))]


def seconds(text: str) -> float:
    assert text.endswith("s")
    return float(text.removesuffix("s"))


def test_every_setting_that_is_named_exists():
    known = {variable(name) for name in Settings.model_fields}
    for path in DEPLOY.iterdir():
        named = set(re.findall(r"PIXMILL_[A-Z0-9_]+", path.read_text()))
        assert named <= known, f"{path.name}: {named - known}"


@pytest.mark.parametrize("service", OURS)
def test_the_settings_of_the_compose_file_are_accepted(service, monkeypatch):
    for name, value in settings_of(service).items():
        monkeypatch.setenv(name, value)

    settings = Settings()

    assert settings.resolved_database_url.startswith("postgresql://pixmill:a-password@")
    assert settings.resolved_storage_url.startswith("s3://")
    assert settings.redis_url.startswith("redis://")


def test_the_example_of_an_environment_file_is_accepted(monkeypatch):
    for name, value in example().items():
        monkeypatch.setenv(name, value)

    assert Settings().data_dir == Path("/var/lib/pixmill")


def test_what_the_compose_file_asks_for_is_in_the_example():
    asked = re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text())

    assert set(asked) <= set(example())


@pytest.mark.parametrize("arguments", [pytest.param(row[1], id=row[0]) for row in commands()])
def test_every_command_is_one_that_there_is(arguments):
    name, *rest = [word.replace("%i", "9101") for word in arguments]
    command = _load(name, COMMANDS[name])

    command.make_context(name, rest)  # raises what the command line would say


def test_what_the_image_is_made_of_is_there_and_gets_to_the_builder():
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source
        assert f"!{source.split('/')[0]}" in let_in, source


def test_the_proxy_finds_every_server_and_no_worker():
    upstreams = SERVICES["proxy"]["environment"]["UPSTREAMS"].split()
    port = image_environment()["PIXMILL_PORT"]

    assert upstreams == [f"{name}:{port}" for name in OURS if name.startswith("serve-")]
    assert f"{{$UPSTREAMS:127.0.0.1:{port}}}" in (DEPLOY / "Caddyfile").read_text()
    assert str(Settings.model_fields["port"].default) == port


def test_workers_answer_where_the_image_is_asked_for_its_health():
    port = image_environment()["PIXMILL_PORT"]
    assert dict(dockerfile())["EXPOSE"] == port
    for name in ("worker-1", "worker-2"):
        command = OURS[name]["command"]
        assert command[command.index("--port") + 1] == port


def test_the_stores_listen_where_they_are_looked_for():
    settings = settings_of("serve-1")
    [bucket] = [volume.rpartition("/")[2] for volume in SERVICES["s3"]["volumes"]]

    assert "@postgres:5432/" in settings["PIXMILL_DATABASE_URL"]
    assert settings["PIXMILL_DATABASE_URL"].endswith(
        "/" + SERVICES["postgres"]["environment"]["POSTGRES_DB"]
    )
    assert settings["PIXMILL_REDIS_URL"].startswith("redis://valkey:6379/")
    assert settings["PIXMILL_STORAGE_ENDPOINT"] == "http://s3:8080"
    assert "--addr=:8080" in SERVICES["s3"]["command"]
    assert settings["PIXMILL_STORAGE_URL"].startswith(f"s3://{bucket}/")


def test_all_of_pixmill_shares_its_stores_and_nothing_else():
    shared = [
        {name: value for name, value in settings_of(service).items() if "_URL" in name}
        for service in OURS
    ]
    for settings in shared:
        settings.pop("PIXMILL_PUBLIC_URL", None)

    assert all(settings == shared[0] for settings in shared)
    assert not any("volumes" in service for service in OURS.values())


def test_everything_gets_the_time_that_a_stop_may_take():
    # Requests first, then jobs, each for so long.
    longest = 2 * float(Settings.model_fields["shutdown_timeout"].default)

    for name in UNITS:
        assert seconds(unit(name)["TimeoutStopSec"][0]) > longest
        # Otherwise the codec processes hear of the end before the server does.
        assert unit(name)["KillMode"] == ["mixed"]
    for service in OURS.values():
        assert seconds(service["stop_grace_period"]) > longest


def test_the_two_units_differ_in_nothing_but_their_command():
    serve, worker = (unit(name) for name in UNITS)
    for name in ("ExecStart", "Description"):
        assert serve.pop(name) != worker.pop(name)

    assert serve == worker


def test_postgresql_lets_all_connections_in():
    # Of a process: Database has 10 and 10 more, Queue 2, Runtime 8.
    allowed = int(SERVICES["postgres"]["command"][-1].removeprefix("max_connections="))

    assert allowed > 30 * len(OURS)


def test_the_image_installs_what_is_pinned_and_nothing_else():
    installs = [
        line
        for line in re.sub(r"\\\n\s*", "", (DEPLOY / "Dockerfile").read_text()).splitlines()
        if "pip install" in line
    ]
    for install in " ".join(installs).split("&&"):
        if "pip install" in install:
            assert "--require-hashes -r requirements/" in install or (
                "--no-deps --no-index dist/" in install
            ), install


def test_the_image_does_not_run_as_root():
    words = [word for word, _ in dockerfile()]

    assert dict(dockerfile())["USER"] == "pixmill"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [word for word in words[words.index("USER") :] if word in {"RUN", "COPY"}]


def test_the_health_of_the_image_is_that_of_the_server(server):
    command = json.loads(dict(dockerfile())["HEALTHCHECK"].partition("CMD ")[2])
    asked = [sys.executable, *command[1:]]

    well = subprocess.run(
        asked, env=environment({"PIXMILL_PORT": server.base_url.rpartition(":")[2]}), check=False
    )
    nobody = subprocess.run(
        asked, env=environment({"PIXMILL_PORT": "9"}), check=False, capture_output=True
    )

    assert command[0] == "python3"
    assert well.returncode == 0
    assert nobody.returncode == 1


def test_the_image_optimizes_a_folder_that_is_mounted(tmp_path):
    """What docs/builds.md says, without the container."""
    [line] = re.findall(
        r"^docker run (.+)$", (ROOT / "docs" / "builds.md").read_text(), re.MULTILINE
    )
    command = shlex.split(line)
    assert command[command.index("-w") + 1] == command[command.index("-v") + 1].split(":")[1]
    picture = tmp_path / "work" / "images" / "a.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(encode(photo(), "JPEG", quality=95))
    before = picture.stat().st_size
    # Somebody else than the image's user may write nothing there.
    data = tmp_path / "nowhere"

    done = subprocess.run(
        [sys.executable, "-m", "pixmill", *command[command.index("pixmill") + 1 :]],
        cwd=tmp_path / "work",
        env=environment(image_environment() | {"PATH": "", "PIXMILL_DATA_DIR": str(data)}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert picture.stat().st_size < before
    assert not data.exists()


def test_systemd_understands_the_units(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        assert "CI" not in os.environ
        pytest.skip("systemd is not here")
    pixmill = Path(sys.executable).with_name("pixmill")
    for name in UNITS:
        text = (DEPLOY / name).read_text().replace("/opt/pixmill/bin/pixmill", str(pixmill))
        (tmp_path / name.replace("@", "@9101")).write_text(text)

    done = subprocess.run(
        [program, "verify", *map(str, tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert done.stderr == ""


@contextmanager
def process(
    arguments: list[str], settings: Mapping[str, str], folder: Path
) -> Iterator[RunningServer]:
    """Run a container's command as a process, on a port of its own."""
    folder.mkdir()
    path = folder / "log"
    own = {"PIXMILL_PORT": "0", "PIXMILL_HOST": "127.0.0.1", "PIXMILL_DATA_DIR": str(folder)}
    arguments = ["0" if word == image_environment()["PIXMILL_PORT"] else word for word in arguments]
    with (
        path.open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "pixmill", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment({**settings, **own, "PIXMILL_PUBLIC_URL": ""}),
        ) as child,
    ):
        server = RunningServer(
            data_dir=folder,
            log_path=path,
            process=child,
            database_url=settings["PIXMILL_DATABASE_URL"],
        )
        try:
            server.wait_until_ready()
            yield server
        finally:
            child.kill()


@pytest.fixture
def bucket(tmp_path) -> Iterator[str]:
    """Give the address of the compose file's object store, run as it says."""
    (tmp_path / "objects" / "pixmill").mkdir(parents=True)
    places = {"--addr=:8080": "--addr=127.0.0.1:0", "/data": str(tmp_path / "objects")}
    words = [filled(word) for word in SERVICES["s3"]["command"]]
    program = str(Path(sys.executable).with_name("rclone"))
    with running(
        tmp_path, program, *(places.get(word, word) for word in words), "--config=/dev/null"
    ) as endpoint:
        yield endpoint


def test_the_set_of_the_compose_file_does_a_batch(postgresql, valkey_url, bucket, tmp_path):
    with postgresql.fresh() as database_url:
        places = {
            "PIXMILL_DATABASE_URL": database_url,
            "PIXMILL_REDIS_URL": valkey_url,
            "PIXMILL_STORAGE_ENDPOINT": bucket,
        }
        with (
            process(["serve"], settings_of("serve-1") | places, tmp_path / "serve") as server,
            process(
                OURS["worker-1"]["command"], settings_of("worker-1") | places, tmp_path / "worker"
            ) as worker,
        ):
            client = Client(base_url=server.base_url, key=server.key("optimagio-business"))
            sent = client.request(
                "POST",
                "/api/v1/optimize/batch",
                headers={"Idempotency-Key": "one"},
                data={"client_batch_id": "b", "final": "true", "format": "webp"},
                files=[
                    ("files", (f"{n}.jpg", encode(photo(64 + n, 48), "JPEG"))) for n in range(4)
                ],
            )
            assert sent.status_code == 202, sent.text
            batch = _finished(client, "/api/v1/optimize/batch/b")

            assert batch["completed"] == 4
            for item in batch["items"]:
                assert (
                    requests.get(item["optimized_url"], timeout=PATIENCE).content[8:12] == b"WEBP"
                )
            ready = requests.get(f"{worker.base_url}/readyz", timeout=PATIENCE)
            assert ready.json()["checks"]["jobs"] == "ok"
            # The servers of the compose file leave jobs to its workers.
            assert (
                "jobs"
                not in requests.get(f"{server.base_url}/readyz", timeout=PATIENCE).json()["checks"]
            )
            assert worker.stop() == 0
            assert server.stop() == 0


def _finished(client: Client, path: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        found: dict[str, Any] = client.request("GET", path).json()
        if found["status"] not in {"open", "processing"}:
            return found
        time.sleep(0.05)
    pytest.fail("the batch was not done")
