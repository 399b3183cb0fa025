"""Optimagio's batches as they go on: one event for each thing that happens (OG-69)."""

from collections.abc import AsyncIterator

from starlette.responses import Response

from pixmill.dialects.optimagio import answers, batches
from pixmill.http.dialect import Call
from pixmill.http.events import Event, event_stream, last_event_id
from pixmill.services.batches import Progress

#: Ids of events are numbers: of an item, the how-manieth of its batch it was that was over; of the
#: end, so much more than that of the last item.
COMPLETE = 10**12


async def batch_events(call: Call) -> Response:
    """Tell what happens to a batch as it happens, from its beginning or the last known event on."""
    progress = await batches.find(call)
    known = last_event_id(call.request) or 0
    if progress.over and known == COMPLETE + progress.batch.finished:
        # Who is told so does not come back; after the end of a stream, browsers do.
        return Response(status_code=204)
    return event_stream(
        _events(call, progress, after=known % COMPLETE), closing=call.services.closing
    )


async def _events(call: Call, progress: Progress, *, after: int) -> AsyncIterator[Event]:
    links = answers.Links.of(call)

    def told(name: str, progress: Progress, *, id_: int | None = None) -> Event:
        return Event(name=name, data=answers.batch(progress, links=links), id=id_)

    yield told("progress", progress)
    async for news in call.services.batches.follow(progress=progress, after=after):
        if not isinstance(news, Progress):
            yield Event(name="item", data=answers.item(news, links=links), id=news.job.finish)
        elif news.over:
            yield told("complete", news, id_=COMPLETE + news.batch.finished)
        else:
            yield told("progress", news)
