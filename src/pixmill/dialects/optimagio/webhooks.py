"""What Optimagio's webhooks say (OG-78): the same as whoever asks would be told, and why."""

from pixmill.dialects.optimagio import answers, replies
from pixmill.services.registry import Services
from pixmill.services.webhooks.types import Delivery, Message


async def tell(services: Services, delivery: Delivery, _secret: str) -> Message:
    """Return what is told of a job or a batch that is over. Raises NotFound."""
    links = answers.Links(base_url=delivery.base_url, results=services.results)
    subject, owner = delivery.subject, delivery.account_id
    if delivery.event.startswith("batch."):
        progress = await services.batches.find(name=subject, account_id=owner)
        about = answers.batch(progress, links=links)
    else:
        about = answers.job(await services.jobs.find(id_=subject, account_id=owner), links=links)
    return Message(
        body=replies.write({"event": delivery.event, **about}).encode(),
        content_type="application/json",
    )
