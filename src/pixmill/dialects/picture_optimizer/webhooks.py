"""What Picture Optimizer's webhooks say (PO-105): what whoever follows a run hears at its end."""

from starlette.responses import JSONResponse

from pixmill.dialects.picture_optimizer import telling
from pixmill.dialects.picture_optimizer.places import Links
from pixmill.services.registry import Services
from pixmill.services.webhooks.types import Delivery, Message


async def tell(services: Services, delivery: Delivery, _secret: str) -> Message:
    """Return what is told of a run that is over. Raises NotFound."""
    links = Links(base_url=delivery.base_url, results=services.results)
    run, tasks = await services.runs.find(id_=delivery.subject, account_id=delivery.account_id)
    about = telling.complete(run, tasks, links)
    return Message(
        body=bytes(JSONResponse({"event": delivery.event, **about}).body),
        content_type="application/json",
    )
