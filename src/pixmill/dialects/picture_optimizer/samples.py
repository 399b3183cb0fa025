"""Picture Optimizer's samples: what an export would give, for nothing (PO-84)."""

import asyncio
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.picture_optimizer import bodies, recipes, sessions, words
from pixmill.dialects.picture_optimizer.places import Links
from pixmill.dialects.picture_optimizer.telling import savings_percent
from pixmill.http.dialect import Call
from pixmill.services.sessions.sampling import MOST_SAMPLES, Sample
from pixmill.services.sessions.types import Picture, Recipe


async def sample(call: Call) -> Response:
    """Tell the sizes that up to five images would have, and show them small."""
    asked = await bodies.asked(call)
    recipe = recipes.recipe(asked.fields.get("settings", {}))
    content = await sessions.find(call, asked.session_id)
    there = {picture.id: picture for picture in content.pictures}
    chosen = list(there.values())[:MOST_SAMPLES]
    if asked.picks:
        wanted = dict.fromkeys(pick.picture_id for pick in asked.picks)
        if len(wanted) > MOST_SAMPLES:
            raise errors.TooManyFiles(f"Too many images (max {MOST_SAMPLES} for a sample)")
        if not wanted.keys() <= there.keys():
            raise errors.ImageNotFound
        chosen = [there[id_] for id_ in wanted]
    links = Links.of(call)
    told = await asyncio.gather(*(_told(call, each, recipe, links) for each in chosen))
    return JSONResponse({"sessionId": content.session.id, "samples": told})


async def _told(call: Call, picture: Picture, recipe: Recipe, links: Links) -> dict[str, Any]:
    about = {"imageId": picture.id, "originalSize": picture.size}
    try:
        made = await call.services.sampling.sample(
            account_id=call.caller.account.id, picture=picture, recipe=recipe
        )
    except (errors.BadInput, errors.Conflict) as error:
        return {**about, **words.body(error)}
    return {**about, **_sizes(made, links)}


def _sizes(made: Sample, links: Links) -> dict[str, Any]:
    full, small = made.full, made.preview
    name = f"preview{small.extension if small.extension.startswith('.') else '.' + small.extension}"
    return {
        "exportedSize": full.size,
        "savingsPercent": savings_percent(made.picture.size, full.size),
        "width": full.width,
        "height": full.height,
        "format": full.format,
        "preview": {
            "url": links.signed(small.id, expires_at=small.expires_at, name=name),
            "size": small.size,
            "width": small.width,
            "height": small.height,
        },
    }
