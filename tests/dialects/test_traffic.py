"""What charts are made of, over HTTP: each image once, whoever asks for it and however."""

from datetime import timedelta

from dialects.optimagio import accepted, finished, fresh, optimize, send, until
from dialects.tinify import Shrinker
from pixmill import clock
from pixmill.services.keys import Keys
from pixmill.services.traffic import Numbers, Traffic

from fixtures.servers import Client, OwnServer, RunningServer, opened, run

#: By API and by the name of the key.
Rows = dict[tuple[str, str], Numbers]


async def _two_keys(database_url: str) -> tuple[str, str]:
    async with opened(database_url) as database:
        keys = Keys(database=database)
        one = await keys.create(name="one")
        two = await keys.create(account=one.key.account_id, name="two")
    return one.secret, two.secret


def two_keys(server: RunningServer) -> tuple[Client, Client]:
    """Give two keys of one account for which nothing was done yet."""
    one, two = run(_two_keys(server.database_url))
    return Client(base_url=server.base_url, key=one), Client(base_url=server.base_url, key=two)


def traffic(server: RunningServer, client: Client) -> Rows:
    """Return what the account of *client* has, by API and by the key's name."""

    async def read() -> Rows:
        async with opened(server.database_url) as database:
            caller = await Keys(database=database).authenticate(presented=client.key)
            today = clock.now().date()
            report = await Traffic(database=database).days(
                account_id=caller.account.id, since=today - timedelta(days=1), until=today
            )
            found: Rows = {}
            for line in report.lines:  # the test may run over midnight
                place = (line.api, line.key_name)
                found[place] = found.get(place, Numbers()) + line.numbers
            return found

    return run(read())


def test_each_image_is_counted_once(either_server: RunningServer, jpeg: bytes) -> None:
    """OG-90: by key and API, what failed and what was made before; and those of a batch."""
    server = either_server
    one, two = two_keys(server)
    small = one.post("/v1/compress", jpeg)
    assert small.status_code == 200
    assert one.post("/v1/compress", b"no image").status_code == 500
    first = optimize(two, jpeg, quality=60)
    assert optimize(two, jpeg, quality=60).json()["cached"]
    name = fresh()
    accepted(send(two, [("a.jpg", jpeg), ("b.jpg", jpeg)], batch=name, quality=61))
    body = finished(two, name)
    assert (body["completed"], body["failed"]) == (2, 0), body
    assert one.request("GET", "/v1/usage").status_code == 200  # which is no image

    until(lambda: sum(number.requests for number in traffic(server, one).values()) == 5)

    rows = traffic(server, one)
    assert rows[("optipic", "one")] == Numbers(
        requests=1, errors=1, bytes_in=len(jpeg), bytes_out=len(small.content)
    )
    counted = rows[("optimagio", "two")]
    assert (counted.requests, counted.errors) == (4, 0)
    assert counted.bytes_in == 4 * len(jpeg)
    assert counted.bytes_out >= 2 * first.json()["optimized_size"]
    assert len(rows) == 2


def test_each_of_several_formats_is_a_result(server: RunningServer, jpeg: bytes) -> None:
    client, _ = two_keys(server)
    answer = client.request(
        "POST",
        "/api/v1/compress",
        files={"file": ("a.jpg", jpeg), "formats": (None, "webp,png")},
    )
    assert answer.status_code == 200, answer.text

    until(lambda: bool(traffic(server, client)))

    numbers = traffic(server, client)[("octosqueeze", "one")]
    assert (numbers.requests, numbers.bytes_in) == (2, 2 * len(jpeg))


def test_of_an_output_what_is_charged_is_counted(server: RunningServer, jpeg: bytes) -> None:
    """Whatever the method."""
    client, _ = two_keys(server)
    me = Shrinker(base_url=client.base_url, key=client.key)
    location = me.shrink(jpeg).headers["Location"]
    resize, convert = {"method": "scale", "width": 50}, {"type": "image/webp"}
    assert me.request("POST", location, json={"preserve": ["copyright"]}).status_code == 200
    assert me.request("GET", location).status_code == 200
    assert me.request("GET", location, json={"resize": resize}).status_code == 200
    last = me.request("GET", location, json={"resize": resize, "convert": convert})
    assert last.headers["Compression-Count"] == "4"

    until(lambda: sum(each.requests for each in traffic(server, client).values()) >= 4)

    [numbers] = traffic(server, client).values()
    assert (numbers.requests, numbers.errors, numbers.bytes_in) == (4, 0, 3 * len(jpeg))


def test_what_is_refused_for_a_known_key_is_an_error(server: RunningServer, jpeg: bytes) -> None:
    client = Client(base_url=server.base_url, key=server.key("optipic-free"))
    server.spend(client.key, 500)
    assert client.post("/v1/compress", jpeg).status_code == 429

    until(lambda: bool(traffic(server, client)))

    [numbers] = traffic(server, client).values()
    assert numbers == Numbers(errors=1)


def test_a_server_that_stops_has_written_everything(own_server: OwnServer, jpeg: bytes) -> None:
    server = own_server()
    client, _ = two_keys(server)
    for _ in range(3):
        assert client.post("/v1/compress", jpeg).status_code == 200
    assert server.stop() == 0

    assert traffic(server, client)[("optipic", "one")].requests == 3
