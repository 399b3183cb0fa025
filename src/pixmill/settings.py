"""
Every setting: its name, its default and what it does. The only reader of the environment.

The table in docs/configuration.md is made from this class (`pixmill doctor --settings-table`), and
a test compares the two.
"""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: The layers of the codec processes' lock that can be made mandatory.
Layer = Literal["uid", "no_new_privs", "landlock", "rlimits", "seccomp"]


def _split(value: object) -> object:
    """Turn ``"a, b"`` into a tuple, as people write lists in environment files."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


class Settings(BaseSettings):
    """What an operator can choose, each as ``PIXMILL_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="PIXMILL_", frozen=True, extra="forbid")

    data_dir: Path = Field(
        default=Path("pixmill-data"),
        description="Folder for the database and whatever else is kept on local disk.",
    )
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8080, ge=0, le=65535, description="Port to listen on.")
    public_url: str = Field(
        default="",
        description="Base of every absolute URL printed; "
        "empty means the address that a request came to.",
    )
    database_url: str = Field(
        default="",
        description="`sqlite:///PATH` or `postgresql://…`; empty means `<data-dir>/pixmill.db`.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log line that is written."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="One JSON object a line, or text for people."
    )
    workers: PositiveInt = Field(
        default_factory=_cores, description="Codec processes; the default is one per core."
    )
    queue_size: PositiveInt = Field(
        default=64, description="Images that may wait for a codec process before callers hear 503."
    )
    queue_timeout: PositiveFloat = Field(
        default=20.0, description="Seconds that an image may wait for a codec process."
    )
    job_timeout: PositiveFloat = Field(
        default=25.0, description="Seconds after which the work on one image is killed."
    )
    upload_memory_mb: PositiveInt = Field(
        default=1024,
        description="Memory, in MiB, that all uploads held at one moment may take; "
        "callers beyond it hear 503.",
    )
    upload_timeout: PositiveFloat = Field(
        default=120.0, description="Seconds within which the body of a request must have arrived."
    )
    shutdown_timeout: PositiveFloat = Field(
        default=30.0, description="Seconds that running requests get to finish at shutdown."
    )
    max_pixels: PositiveInt = Field(
        default=50_000_000, description="Most pixels of an image, summed over its frames."
    )
    max_side: PositiveInt = Field(
        default=65_535, description="Longest side of an image that is read, in pixels."
    )
    max_frames: PositiveInt = Field(
        default=1_000, description="Most frames of an animation that is read."
    )
    max_result_pixels: PositiveInt = Field(
        default=100_000_000, description="Most pixels that a resize may make, over all frames."
    )
    pixel_memory_mb: PositiveInt = Field(
        default=2048,
        description="Memory, in MiB, that the images being worked on may need together; "
        "an image whose turn would exceed it waits.",
    )
    worker_memory_mb: PositiveInt = Field(
        default=2048,
        description="Address space, in MiB, that one codec process may take for its work.",
    )
    worker_jobs: PositiveInt = Field(
        default=200, description="Images after which a codec process is replaced by a fresh one."
    )
    sandbox_require: Annotated[tuple[Layer, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Layers of the codec processes' lock without which the server refuses to "
        "start, separated by commas: `uid`, `no_new_privs`, `landlock`, `rlimits`, `seccomp`.",
    )

    @property
    def resolved_database_url(self) -> str:
        """Return the database's URL with its default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'pixmill.db'}"


def variable(name: str) -> str:
    """Return the environment variable behind the setting *name*."""
    return f"PIXMILL_{name.upper()}"


def foreign_environment() -> dict[str, str]:
    """Return the environment without our variables, for a server with settings of its own."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PIXMILL_")}


def settings_table() -> str:
    """Return the Markdown table of all settings, as docs/configuration.md has it."""
    rows = ["| Variable | Default | What it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "number of cores" if field.default_factory else _shown(field.default)
        rows.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(rows)


def _shown(default: object) -> str:
    if isinstance(default, tuple):
        default = ",".join(default)
    return f"`{default}`" if default not in {"", None} else "(empty)"
