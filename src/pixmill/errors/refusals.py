"""What a caller may not have, or not now, or that is not there."""

from datetime import datetime
from typing import Literal

from pixmill.errors.base import Error


class Refused(Error):
    """The caller may not do this."""

    code = "refused"


class BadKey(Refused):
    """The API key is missing or not valid."""

    code = "bad_key"


class KeyInactive(BadKey):
    """The API key is inactive."""

    code = "key_inactive"


class BadCredentials(Refused):
    """The e-mail address or the password is not right."""

    code = "bad_credentials"


class TooManySignIns(Refused):
    """There were too many tries in too short a time; try again later."""

    code = "too_many_sign_ins"

    def __init__(self, *, retry_after: int = 900, detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Seconds after which another try is heard.
        self.retry_after = retry_after


class ForeignForm(Refused):
    """This was not sent from a page of this server that is up to date; load the page again."""

    code = "foreign_form"


class SignUpClosed(Refused):
    """New accounts need an invitation here; ask whoever runs this server for one."""

    code = "sign_up_closed"


class KeyLimitReached(Refused):
    """The account has as many active keys as its plan allows."""

    code = "key_limit_reached"


class PlanWithoutApi(Refused):
    """The plan of this account does not include the API; choose one that does."""

    code = "plan_without_api"


class QuotaExceeded(Refused):
    """The allowance of this month is used up."""

    code = "quota_exceeded"

    def __init__(self, *, limit: int, used: int, reset_at: datetime) -> None:
        super().__init__()
        self.limit = limit
        self.used = used
        #: The first instant of the next period, in UTC.
        self.reset_at = reset_at


class RateLimited(Refused):
    """Too many requests in too short a time; try again later."""

    code = "rate_limited"

    def __init__(
        self, *, limit: int, used: int, retry_after: int, window: Literal["minute", "day"]
    ) -> None:
        super().__init__()
        self.limit = limit
        self.used = used
        #: Seconds after which there is room again.
        self.retry_after = retry_after
        self.window = window


class GuestLimitReached(Refused):
    """Sign in to have images optimized here."""

    code = "guest_limit_reached"

    def __init__(self, *, limit: int, reset_at: datetime) -> None:
        super().__init__(
            f"That were the {limit} images that guests have a day. There are more after midnight, "
            "UTC, or when you sign in."
            if limit
            else None
        )
        self.limit = limit
        #: When there are more, in UTC.
        self.reset_at = reset_at


class InsufficientCredits(Refused):
    """The account has fewer credits than this costs."""

    code = "insufficient_credits"

    def __init__(self, *, balance: int, needed: int) -> None:
        super().__init__(f"Insufficient credits. You have {balance} but need {needed}.")  # PO-11
        self.balance = balance
        self.needed = needed


class NotFound(Error):
    """There is nothing here by that name."""

    code = "not_found"


class TicketGone(NotFound):
    """This link was used before, or its time is over; ask for another one."""

    code = "ticket_gone"


class MethodNotAllowed(NotFound):
    """This path does not answer to that method."""

    code = "method_not_allowed"

    def __init__(self, *, allowed: tuple[str, ...]) -> None:
        super().__init__()
        self.allowed = allowed


class ResultGone(NotFound):
    """The result was deleted when its time was over."""

    code = "result_gone"


class JobNotFound(NotFound):
    """There is no job with this id."""

    code = "job_not_found"


class BatchNotFound(NotFound):
    """There is no batch with this id."""

    code = "batch_not_found"


class SessionNotFound(NotFound):
    """There is no session with this id."""

    code = "session_not_found"


class SessionExpired(SessionNotFound):
    """Nobody has used the session for too long, so its images are deleted; begin another one."""

    code = "session_expired"


class DeductionNotFound(NotFound):
    """There is no deduction with this id for this action."""

    code = "deduction_not_found"


class Conflict(Error):
    """There is something by that name already."""

    code = "conflict"


class BatchFull(Conflict):
    """The batch has as many files as a batch may have; begin another one."""

    code = "batch_full"


class BatchClosed(Conflict):
    """The batch was closed and takes no more files; begin another one."""

    code = "batch_closed"


class BatchNotReady(Conflict):
    """Nothing of the batch is done yet; try again shortly."""

    code = "batch_not_ready"


class ResultsGone(Conflict):
    """Some results were deleted when their time was over."""

    code = "results_gone"

    def __init__(self, *, missing: tuple[str, ...], detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Ids of the jobs whose results they were.
        self.missing = missing


class IdempotencyInProgress(Conflict):
    """A request with the same "Idempotency-Key" is still being answered; try again shortly."""

    code = "idempotency_in_progress"

    def __init__(self, *, retry_after: int = 5, detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Seconds after which another try makes sense.
        self.retry_after = retry_after


class IdempotencyConflict(Conflict):
    """The "Idempotency-Key" was used before, for a request with other contents."""

    code = "idempotency_conflict"


class DeductionUsed(Conflict):
    """The deduction with this id was used before."""

    code = "deduction_used"
