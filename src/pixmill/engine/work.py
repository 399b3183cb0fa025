"""The two things that are done to a picture in a codec process."""

from pixmill.engine.optimize import optimize
from pixmill.engine.survey import Survey, survey
from pixmill.engine.types import Limits, Options, Result


def work(data: bytes, options: Options | None, limits: Limits) -> Result | Survey:
    """Optimize *data* as *options* say; without any, survey it."""
    if options is None:
        return survey(data, limits)
    return optimize(data, options, limits)
