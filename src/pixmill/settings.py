"""
Every setting: its name, its default and what it does. The only reader of the environment.

The table in docs/configuration.md is made from this class (`pixmill doctor --settings-table`), and
a test compares the two.
"""

import os
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: Fewest characters of a secret that an operator gives.
SECRET_LENGTH = 32

#: The layers of the codec processes' lock that can be made mandatory.
Layer = Literal["uid", "no_new_privs", "landlock", "rlimits", "seccomp"]


def _split(value: object) -> object:
    """Turn ``"a, b"`` into a tuple, as people write lists in environment files."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: object) -> object:
    """Turn ``"10.0.0.0/8, fd00::/8"`` into networks, and say which one is none."""
    parts = _split(value)
    return tuple(map(_network, parts)) if isinstance(parts, tuple) else parts


def _network(value: object) -> object:
    try:
        return ip_network(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"{value!r} is not a network such as 10.0.0.0/8") from error


def _long_enough(secret: SecretStr) -> SecretStr:
    """Refuse a secret that could be guessed; an empty one is none."""
    if 0 < len(secret.get_secret_value()) < SECRET_LENGTH:
        raise ValueError(f"it needs at least {SECRET_LENGTH} characters")
    return secret


def _cores() -> int:
    """Return the number of cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


class Settings(BaseSettings):
    """What an operator can choose, each as ``PIXMILL_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix="PIXMILL_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,  # some are secret
    )

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
    trusted_proxies: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
    ] = Field(
        default=(),
        description="Networks of your own proxies, such as `127.0.0.1/32`, separated by commas: "
        "what they say in `X-Forwarded-For` of who is asking is believed.",
    )
    database_url: str = Field(
        default="",
        description="`sqlite:///PATH` or `postgresql://…`; empty means `<data-dir>/pixmill.db`.",
    )
    redis_url: str = Field(
        default="",
        description="Where servers count requests together: `redis://HOST:PORT/DB` of Valkey or "
        "Redis, `rediss://` for TLS, `unix:///PATH`; empty means each by itself, in memory.",
    )
    rate_limits_when_unavailable: Literal["open", "closed"] = Field(
        default="open",
        description="What happens to requests while that place cannot be reached: `open` lets them "
        "through uncounted, `closed` answers 503.",
    )
    anonymous_requests: PositiveInt = Field(
        default=20,
        description="Requests a minute from one address that carry no valid key.",
    )
    public_page: bool = Field(
        default=True, description="Whether `/` is a page on which anybody can optimize images."
    )
    guest_images: NonNegativeInt = Field(
        default=100,
        description="Images a day that one address may have optimized there without signing in; "
        "0 means none.",
    )
    guest_max_mb: PositiveInt = Field(
        default=20, description="Largest file, in MiB, of somebody who is not signed in."
    )
    sign_up: Literal["open", "invited", "closed"] = Field(
        default="open",
        description="Who may make an account in a browser: anybody, those with an invitation, or "
        "nobody (who has an invitation still may). The first one may in any case, and becomes the "
        "operator.",
    )
    sign_up_plan: str = Field(
        default="self-hosted", description="Plan of accounts that are made in a browser."
    )
    sign_in_lifetime: PositiveInt = Field(
        default=14 * 86_400,
        description="Seconds after which one has to sign in again; two days unless it is used.",
    )
    cookies_over_http: bool = Field(
        default=False,
        description="Whether people on other machines may sign in over plain HTTP; whoever sees "
        "that network can then do what they can.",
    )
    mail_url: SecretStr = Field(
        default=SecretStr(""),
        description="Mail server for links to new passwords and invitations: "
        "`smtp://USER:PASSWORD@HOST:PORT`, encrypted when the server offers it and always before a "
        "password is sent, or `smtps://…`; empty means that nothing is mailed.",
    )
    mail_from: str = Field(
        default="", description="Sender of that mail: an address, or `Name <address>`."
    )
    storage_url: str = Field(
        default="",
        description="Where results are kept: `file:///FOLDER` or `s3://BUCKET/PREFIX`; "
        "empty means `<data-dir>/objects`.",
    )
    storage_endpoint: str = Field(
        default="", description="URL of the S3 service; empty means that of Amazon."
    )
    storage_region: str = Field(
        default="", description="Region of the bucket; empty means what `AWS_REGION` says."
    )
    storage_access_key_id: str = Field(
        default="",
        description="Access key of the S3 service; empty means the usual `AWS_*` variables, or the "
        "role of the machine.",
    )
    storage_secret_access_key: SecretStr = Field(
        default=SecretStr(""), description="What belongs to that access key."
    )
    result_ttl: PositiveInt = Field(
        default=86_400, description="Seconds that a stored result can be downloaded."
    )
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] = Field(
        default=SecretStr(""),
        description="What download links and webhooks are signed with, at least 32 characters, the "
        "same on all servers; empty means a secret that is made once: in `<data-dir>/secret.key`, "
        "or in PostgreSQL, where servers share it.",
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
        default=120.0,
        description="Seconds within which the body of a request must have arrived; of one with "
        "many files, each of them.",
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
    serve_jobs: bool = Field(
        default=True,
        description="Whether `pixmill serve` also works on jobs. With PostgreSQL it can be left to "
        "`pixmill worker`; with SQLite there is nobody else.",
    )
    sandbox_require: Annotated[tuple[Layer, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=(),
        description="Layers of the codec processes' lock without which the server refuses to "
        "start, separated by commas: `uid`, `no_new_privs`, `landlock`, `rlimits`, `seccomp`.",
    )
    fetch_allow: Annotated[
        tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_networks)
    ] = Field(
        default=(),
        description="Networks, such as `10.1.0.0/16`, that fetching a URL and webhooks may reach, "
        "at any port, although they are not public; separated by commas.",
    )
    fetch_timeout: PositiveFloat = Field(
        default=15.0, description="Seconds within which a URL must have been fetched."
    )
    fetch_redirects: NonNegativeInt = Field(
        default=3, description="Redirects that are followed for one URL."
    )
    fetch_concurrency: PositiveInt = Field(
        default=16, description="URLs that are fetched at one time; more wait their turn."
    )
    store_to: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=("aws", "gcs"),
        description="Where the Tinify API may put results for callers, with credentials that they "
        "send: `aws` (Amazon S3), `gcs` (Google Cloud Storage), addresses of other S3 services, "
        "and after `gcs+` of other servers of Google's API; separated by commas, empty means "
        "nowhere. The first S3 service is meant where a caller names none.",
    )
    vision_url: str = Field(
        default="",
        description="Server of the model that describes pictures: the base of an API like "
        "OpenAI's, such as `http://127.0.0.1:8081/v1`; empty means none.",
    )
    vision_model: str = Field(default="", description="Name of the model there.")
    vision_api_key: SecretStr = Field(
        default=SecretStr(""), description="Key for that server, if it wants one."
    )
    vision_folder: str = Field(
        default="",
        description="Folder of a model that describes pictures in this process, in place of a "
        "server; needs the extra `local-ai`.",
    )
    vision_timeout: PositiveFloat = Field(
        default=120.0,
        description="Seconds within which a picture must have been described, with all tries.",
    )
    vision_concurrency: PositiveInt = Field(
        default=4,
        description="Pictures that each process has described by that server at one time; a model "
        "in the process itself takes one.",
    )
    vision_language: str = Field(
        default="en",
        description="Language of descriptions unless a caller asks for another, as a tag such as "
        "`de` or `pt-BR`.",
    )
    vision_style: str = Field(
        default="",
        description="House style: what the model is told about wording and tone, at most 4,000 "
        "characters.",
    )
    vision_style_file: str = Field(
        default="", description="A file in UTF-8 with the house style, in place of the text."
    )

    @property
    def base_url(self) -> str:
        """Return where this server is reached, as far as it can know without being asked."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - not listened on here
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def resolved_database_url(self) -> str:
        """Return the database's URL with its default filled in."""
        return self.database_url or f"sqlite:///{self.data_dir.absolute() / 'pixmill.db'}"

    @property
    def resolved_storage_url(self) -> str:
        """Return where results are kept, with its default filled in."""
        return self.storage_url or (self.data_dir.absolute() / "objects").as_uri()


def variable(name: str) -> str:
    """Return the environment variable behind the setting *name*."""
    return f"PIXMILL_{name.upper()}"


def client_variable(name: str) -> str:
    """Return the variable *name*, which is for users of a server and not for the server."""
    return os.environ.get(name, "")


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
    return "(empty)" if default is None or not str(default) else f"`{default}`"
