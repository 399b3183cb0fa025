"""Behind the lock, every codec library still works in both directions."""

import io

import PIL.Image
import pytest

from pixmill.engine.codecs import names
from pixmill.engine.types import Options
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.types import Optimized
from services.pool import codecs
from services.pool.bench import Bench, OpenPool


@pytest.fixture(scope="module")
def bench(open_shared_pool: OpenPool) -> Bench:
    module = codecs.__name__
    return open_shared_pool(preload=f"{module}:preload", target=f"{module}:do")


@pytest.mark.parametrize("codec", codecs.CODECS)
def test_a_codec_works_behind_the_lock(bench: Bench, codec: str) -> None:
    limit = 4.0 if "palette" in codec or "GIF" in codec else 1.0

    assert bench.ask(codec) < limit


@pytest.fixture(scope="module")
def engine(open_shared_pool: OpenPool) -> Bench:
    return open_shared_pool(
        preload="pixmill.engine.preload:preload", target="pixmill.engine.optimize:optimize"
    )


@pytest.mark.parametrize("name", sorted(names()))
def test_the_engine_works_behind_the_lock(engine: Bench, name: str) -> None:
    async def optimize(data: bytes, options: Options) -> Optimized:
        with Blob.of(data) as blob:
            return await engine.pool.optimize(blob, options, memory_size=1)

    file = io.BytesIO()
    PIL.Image.fromarray(codecs.picture()).save(file, "PNG")
    made = engine.run(optimize(file.getvalue(), Options(format=name)))

    assert (made.format, made.width, made.height) == (name, 200, 150)
    assert (made.source.format, made.source.width, made.source.height) == ("png", 200, 150)
