"""Studios over both databases."""

import pytest

from pixmill.services.keys import Caller
from services.desk import Desk
from services.jobs.mill import Mill
from services.sessions.studio import Studio, describe_or_refuse
from services.vision.conftest import Asker, asker, model_tls, script
from services.vision.server import Script

__all__ = ["asker", "model_tls", "script"]


@pytest.fixture
def studio(mill: Mill, script: Script, asker: Asker) -> Studio:
    script.says(describe_or_refuse)
    return Studio(mill=mill, vision=asker(pause=0.0))


@pytest.fixture
def blind(mill: Mill) -> Studio:
    """Give a studio without a model."""
    return Studio(mill=mill, vision=None)


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    """Give somebody with 25 credits."""
    return await desk.caller("picture-optimizer-free")
