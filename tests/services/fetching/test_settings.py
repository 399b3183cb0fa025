"""Networks that may be reached are read from the environment, strictly."""

import os
import subprocess
import sys
from ipaddress import ip_network

import pytest
from pydantic import ValidationError

from pixmill.settings import Settings

from fixtures.servers import environment


def test_by_default_nothing_but_the_public_internet_may_be_reached():
    assert Settings().fetch_allow == ()


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        ("127.0.0.0/8", ["127.0.0.0/8"]),
        (" 10.1.0.0/16 , fd00::/8,", ["10.1.0.0/16", "fd00::/8"]),
        ("10.1.2.3,::1", ["10.1.2.3/32", "::1/128"]),
    ],
)
def test_networks_are_separated_by_commas(text, networks):
    assert Settings(fetch_allow=text).fetch_allow == tuple(map(ip_network, networks))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("10.0.0.0/8, intranet", "intranet"),
        ("10.0.0.1/8", "10.0.0.1/8"),
        ("10.0.0.0/33", "10.0.0.0/33"),
        ("http://10.0.0.1/", "http://10.0.0.1/"),
    ],
)
def test_what_is_no_network_is_refused(text, wrong):
    with pytest.raises(ValidationError, match=f"'{wrong}' is not a network such as 10.0.0.0/8"):
        Settings(fetch_allow=text)


def test_an_operator_hears_at_start_which_network_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pixmill", "serve", "--data-dir", str(tmp_path)],
        env=environment({"PIXMILL_FETCH_ALLOW": "10.0.0.0/8,intranet"}),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != os.EX_OK
    assert "PIXMILL_FETCH_ALLOW" in done.stderr
    assert "'intranet' is not a network" in done.stderr
