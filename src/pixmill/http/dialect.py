"""
An API surface as data, and what is done round each of its handlers.

Key, account, quota and the wording of errors are not in the handlers, because there they could be
forgotten. The order of checks is that of OP-9: who (401), how much (429), and only then the body.
"""

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from pixmill.errors import BadKey, Busy, Error, Internal, PlanWithoutApi
from pixmill.http import origin
from pixmill.http.allowance import count_anonymous
from pixmill.http.attention import while_wanted
from pixmill.http.bodies import Bodies, Kind
from pixmill.http.record import Record, record_of
from pixmill.services.keys import Caller
from pixmill.services.registry import Services
from pixmill.services.webhooks.types import Delivery
from pixmill.services.webhooks.types import Message as WebhookMessage

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wording:
    """What one error is called in one dialect."""

    status: int
    code: str
    message: str = ""  #: said instead of the error's own words


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to one operation."""

    request: Request
    authenticated: Caller | None  #: None where the operation asks for no key
    services: Services
    bodies: Bodies
    record: Record

    @property
    def caller(self) -> Caller:
        """Return who calls; only for operations that ask for a key."""
        assert self.authenticated is not None
        return self.authenticated

    @property
    def base_url(self) -> str:
        """Return what URLs in answers begin with, also in those that are given later."""
        return origin.base(self.request, public_url=self.services.public_url)


Handler = Callable[[Call], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    handler: Handler
    summary: str
    description: str
    #: Whose authority it needs: a key's, or that of the link itself; or the link's, and a key is
    #: looked at where one is sent.
    authority: Literal["key", "link", "either"] = "key"
    hidden: bool = False  #: the path opens something even where a key is needed: it is not logged
    spends: bool = False  #: refused, before the body is read, when the quota is used up
    #: What was done before costs nothing, so whether there is quota is asked when there is work.
    free_repeats: bool = False
    #: Reads results that are stored: under a limit of the key's own (OG-84).
    reads: bool = False
    #: Fields of the multipart form, each with its JSON schema.
    form: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    kinds: tuple[Kind, ...] = ("multipart",)  #: how the body may be written
    required: tuple[str, ...] = ()  #: fields of *form*, and parameters
    # Parameters, each with its JSON schema; all of the path are required.
    path_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    header_parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    success: Mapping[str, Any] = field(default_factory=dict)  #: OpenAPI's Response object for 200
    created: Mapping[str, Any] = field(default_factory=dict)  #: for 201
    accepted: Mapping[str, Any] = field(default_factory=dict)  #: for 202
    faults: tuple[type[Error], ...] = ()  #: beside those that every operation has
    alias: bool = False  #: the same as another, under another path, and not documented twice

    @property
    def name(self) -> str:
        """Return what the operation is called in documents, logs and metrics."""
        return self.handler.__name__

    @property
    def secret(self) -> bool:
        """Say whether the path holds what the log is not to."""
        return self.hidden or self.authority != "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One API surface: its operations and its words."""

    name: str
    title: str
    description: str
    operations: tuple[Operation, ...]
    credentials: Callable[[HTTPConnection], str | None]
    security: Callable[..., Any]  #: the same as FastAPI describes it in the OpenAPI document
    errors: Mapping[type[Error], Wording]
    word: Callable[[Error, Wording], Response]
    error_schema: Mapping[str, Any]  #: JSON schema of what *word* writes
    #: Called with every response of this dialect, errors too.
    decorate: Callable[[Response, Record], None] = lambda _response, _record: None
    #: Every answer says what is left of the minute, whoever asks (`Record.allowance`).
    shows_allowance: bool = False
    #: What its webhooks say of a job or a batch that is over; the last argument is the secret.
    tell: Callable[[Services, Delivery, str], Coroutine[Any, Any, WebhookMessage]] | None = None
    # By these a request to no operation is recognized, so that even its 404 is in the right words.
    hosts: frozenset[str] = frozenset()
    key_prefixes: tuple[str, ...] = ()
    path_prefixes: tuple[str, ...] = ()

    def refuse(self, error: Error, record: Record) -> Response:
        """Return *error* in this dialect's words."""
        record.dialect = self.name
        record.error = error.code
        record.detail = error.detail
        if isinstance(error, Internal):
            log.error("%s", error, exc_info=error, extra={"detail": error.detail})
        elif isinstance(error, Busy):
            log.warning("%s", error, extra={"detail": error.detail})
        response = self.word(error, error.look_up(self.errors))
        self.decorate(response, record)
        return response


class Endpoint:
    """What the router calls for one operation of one dialect."""

    def __init__(
        self, dialect: Dialect, operation: Operation, *, services: Services, bodies: Bodies
    ) -> None:
        self._dialect = dialect
        self._operation = operation
        self._services = services
        self._bodies = bodies

    async def answer(self, request: Request) -> Response:
        """Answer one request, whatever happens."""
        record = record_of(request)
        record.dialect = self._dialect.name
        record.operation = self._operation.name
        if self._operation.secret:
            record.path = self._operation.path  # the log is not to hold what opens the link
        try:
            response = await while_wanted(self._handle, request)
        except Error as error:
            self._count(record, errors=1)
            return self._dialect.refuse(error, record)
        except Exception as crash:  # noqa: BLE001 - it is logged with the words for it
            failure = Internal(detail="a handler crashed")
            failure.__cause__ = crash
            self._count(record, errors=1)
            return self._dialect.refuse(failure, record)
        self._count(record)
        self._dialect.decorate(response, record)
        return response

    def _count(self, record: Record, *, errors: int = 0) -> None:
        """Count the images of a call; those that are done later are counted then."""
        if not self._operation.spends:  # what it made counts, and what it only failed to send not
            errors = 0
        if not record.account_id or not record.images + errors:
            return
        self._services.traffic.count(
            account_id=record.account_id,
            key_id=record.key_id,
            api=self._dialect.name,
            requests=record.images,
            cached=record.cached,
            errors=errors,
            bytes_in=record.original_size,
            bytes_out=record.result_size,
        )

    async def _handle(self, request: Request) -> Response:
        record = record_of(request)
        call = Call(
            request=request,
            authenticated=await self._admit(request, record),
            services=self._services,
            bodies=self._bodies,
            record=record,
        )
        return await self._operation.handler(call)

    async def _admit(self, request: Request, record: Record) -> Caller | None:
        """Return who calls, if they may: key, plan, rate and quota, in this order."""
        limits = self._services.limits
        if self._needs_no_key(request):
            await self._count_anonymous(request)
            return None
        try:
            caller = await self._services.keys.authenticate(
                presented=self._dialect.credentials(request)
            )
        except BadKey:
            await self._count_anonymous(request)
            raise
        record.key_id, record.account_id = caller.key.id, caller.account.id
        record.used = caller.used
        if not caller.plan.api_allowed:
            raise PlanWithoutApi
        reads, spends = self._operation.reads, self._operation.spends
        if self._dialect.shows_allowance:  # also with a refusal
            peek = limits.peek_read if reads else limits.peek
            record.allowance = await peek(caller=caller)
        if reads or spends:  # asking what is left is free (OP-65)
            spend = limits.spend_read if reads else limits.spend
            record.allowance = await spend(caller=caller)
        if spends and not self._operation.free_repeats:
            self._services.quotas.check(caller=caller)
        return caller

    def _needs_no_key(self, request: Request) -> bool:
        authority = self._operation.authority
        return authority == "link" or (
            authority == "either" and self._dialect.credentials(request) is None
        )

    async def _count_anonymous(self, request: Request) -> None:
        if self._dialect.shows_allowance:
            await count_anonymous(request, self._services.limits)
