"""`pixmill doctor` and `pixmill bench`, run as a person runs them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from pixmill.services.pool.sandbox import LAYERS
from pixmill.settings import settings_table

from fixtures.pictures import encode, photo


def pixmill(*arguments: object, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pixmill", *map(str, arguments)],
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_a_sound_installation_is_found_sound(tmp_path):
    done = pixmill("doctor", "--data-dir", tmp_path, "--json")

    report = json.loads(done.stdout)
    found = {finding["name"]: finding["state"] for finding in report["findings"]}
    assert (done.returncode, report["ok"]) == (0, True)
    assert {f"lock: {layer}" for layer in LAYERS} <= set(found)
    assert found["formats written"] == found["HEIC"] == found["JPEG XL"] == "ok"


def test_the_table_is_for_people(tmp_path):
    done = pixmill("doctor", "--data-dir", tmp_path)

    assert done.returncode == 0
    assert "codec processes" in done.stdout


def test_what_is_missing_is_said_and_exit_code_1(tmp_path):
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"

    done = pixmill("doctor", "--data-dir", tmp_path, "--json", PIXMILL_DATABASE_URL=nowhere)

    report = json.loads(done.stdout)
    states = {finding["name"]: finding for finding in report["findings"]}
    assert done.returncode == 1
    assert states["database"]["state"] == "missing"
    assert states["codec processes"]["state"] == "ok"


def test_the_table_of_settings_is_printed():
    assert pixmill("doctor", "--settings-table").stdout.strip() == settings_table()


def test_codecs_are_measured(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encode(photo(), "PNG"))

    rows = json.loads(pixmill("bench", "codecs", path, "--json").stdout)

    assert {row["format"] for row in rows} == {"avif", "gif", "jpeg", "jxl", "png", "webp"}
    assert all(row["cpu_seconds_per_mp"] > 0 and row["bytes_after"] > 0 for row in rows)


def test_the_service_is_measured_beside_the_engine(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(photo(), "JPEG"))
    own = tmp_path / "operators-own.db"

    done = pixmill(
        "bench", "service", path, "--rounds", 1, "--json", PIXMILL_DATABASE_URL=f"sqlite:///{own}"
    )

    found = json.loads(done.stdout)
    assert found["ratio"] > 0
    assert set(found["images_per_second"]) == {"1", "4"}
    assert found["peak_memory_mb"] > 0
    assert not Path(own).exists()
