"""Log lines: one JSON object each for machines, or text for people; never a key, never a query."""

import logging
import logging.config
from typing import Any, Literal

from pythonjsonlogger.json import JsonFormatter

from pixmill.http import request_ids

#: What a log record has of itself; everything else was given as *extra*.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"asctime", "message", "request_id"}

#: What the message of a request's line says already.
_SAID = frozenset({"method", "path", "status"})


def configure(*, level: str, form: Literal["json", "text"]) -> None:
    """Send every log line of this process, libraries' too, to standard error in *form*."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"request_id": {"()": RequestId}, "experimental": {"()": NotExperimental}},
            "formatters": {"json": {"()": json_formatter}, "text": {"()": TextFormatter}},
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": form,
                    "filters": ["request_id", "experimental"],
                }
            },
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            "loggers": {
                "alembic": {"level": "WARNING"},
                "asyncio": {"level": "WARNING"},
                # Warns about every malformed form, with its bytes.
                "python_multipart": {"level": "CRITICAL"},
                "pyvips": {"level": "WARNING"},
            },
        }
    )


def granian_config() -> dict[str, Any]:
    """Return Granian's logging configuration without handlers: all lines go to ours."""
    return {"formatters": {}, "handlers": {}, "loggers": {}}


def json_formatter() -> logging.Formatter:
    """Return the formatter for machines."""
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
    )


class TextFormatter(logging.Formatter):
    """The formatter for people: time, level, message, and what else is known as name=value."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Return one line."""
        facts = [
            f"{name}={value}" for name, value in vars(record).items() if name not in _OWN | _SAID
        ]
        request_id = getattr(record, "request_id", "")
        if request_id:
            facts.insert(0, request_id)
        # A path may hold anything; nothing in it may begin a line of its own.
        line = " ".join([super().formatMessage(record), *facts])
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line)


class RequestId(logging.Filter):
    """Adds the id of the request that is being answered, when there is one."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record."""
        if request_id := request_ids.current.get():
            record.request_id = request_id
        return True


class NotExperimental(logging.Filter):
    """Keeps out Granian's warning about its embedded server, which our tests cover."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to keep the record."""
        return not record.getMessage().startswith("Embedded server is experimental")
