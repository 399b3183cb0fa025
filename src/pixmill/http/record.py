"""What is written down about one request while it is being answered."""

from dataclasses import dataclass, field
from time import perf_counter

from starlette.requests import HTTPConnection

from pixmill.services.limits import Allowance


@dataclass(slots=True, kw_only=True)
class Record:
    """The facts of one request: for its log line and for the metrics."""

    request_id: str
    method: str
    path: str
    dialect: str = "none"
    operation: str = "none"
    key_id: str = ""  #: never the key itself
    account_id: str = ""
    error: str = ""  #: the code of the domain error that was worded
    detail: str = ""  #: what the caller is not told
    status: int = 0
    #: What was refused, where the answer says 200 so that no browser complains of it.
    refused_status: int = 0
    received_size: int = 0
    sent_size: int = 0
    used: int | None = None  #: requests of the caller's month, where it is known who calls
    allowance: Allowance | None = None  #: what is left of the caller's minute
    original_size: int = 0  #: bytes of the images that were optimized
    result_size: int = 0
    images: int = 0  #: results that were answered with, as many as each counts as
    cached: int = 0  #: those of them that had been made before
    started: float = field(default_factory=perf_counter)

    def made(
        self, *, original_size: int, result_size: int, cached: bool = False, count: int = 1
    ) -> None:
        """Note that there is a result for an image, which counts as *count*."""
        self.original_size += original_size
        self.result_size += result_size
        self.images += count
        self.cached += cached

    @property
    def seconds(self) -> float:
        """Return the time since the request came in."""
        return perf_counter() - self.started


def record_of(connection: HTTPConnection) -> Record:
    """Return the record that `pixmill.http.access` opened for this request."""
    record = connection.state.record
    assert isinstance(record, Record)
    return record
