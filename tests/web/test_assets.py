"""What pages load: small, and from here."""

import re

import requests

from pixmill.web.assets import PREFIX, all_assets

from fixtures.servers import RunningServer

#: Bytes of all scripts and styles together as they are sent (issue 7).
MOST = 60_000


def test_the_front_end_is_small():
    sent = {name: len(asset.packed) for name, asset in all_assets().items()}
    assert {"app.css", "app.js", "tool.css", "tool.js", "htmx.min.js"} <= set(sent)

    assert sum(sent.values()) <= MOST, sent


def test_nothing_is_loaded_from_another_host():
    for asset in all_assets().values():
        if asset.name.endswith((".css", ".js")) and asset.name != "htmx.min.js":
            assert not re.search(rb"https?://|url\(", asset.data), asset.name


def test_a_file_is_kept_for_ever_under_an_address_of_its_own(server: RunningServer) -> None:
    asset = all_assets()["tool.js"]
    answer = requests.get(server.base_url + asset.path, timeout=10)

    assert answer.content == asset.data
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]
    missing = f"{server.base_url}{PREFIX}/000000000000/tool.js"
    assert requests.get(missing, timeout=10).status_code == 404
