"""Which addresses are public, by every special range there is."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixmill.services.fetching.addresses import is_public, unwrapped
from services.fetching.cases import PRIVATE, PUBLIC


@pytest.mark.parametrize("text", PRIVATE)
def test_a_special_address_is_not_public(text):
    assert not is_public(unwrapped(ip_address(text)))


@pytest.mark.parametrize("text", PUBLIC)
def test_an_ordinary_address_is_public(text):
    assert is_public(unwrapped(ip_address(text)))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_an_address_that_is_mapped_is_as_public_as_it_is_itself(address):
    mapped = unwrapped(IPv6Address(f"::ffff:{address}"))

    assert mapped == address
    assert is_public(mapped) == is_public(address)


@settings(deadline=None)
@given(
    st.ip_addresses(v=4),
    st.sampled_from(["::{}", "64:ff9b::{}", "64:ff9b:1::{}", "fec0::{}", "2001::{}"]),
)
def test_no_other_notation_of_an_ipv4_address_is_public(address, notation):
    assert not is_public(unwrapped(IPv6Address(notation.format(address))))


@settings(deadline=None)
@given(st.ip_addresses(v=4))
def test_no_6to4_address_is_public(address):
    assert not is_public(IPv6Address((0x2002 << 112) | (int(address) << 80) | 1))


@settings(deadline=None)
@given(st.ip_addresses(v=6))
def test_what_is_public_is_global_unicast(address):
    # IANA has given out addresses from one eighth of IPv6 only, whatever Python's tables say.
    assert not is_public(address) or address in ip_network("2000::/3")


def test_the_broadcast_address_of_each_private_network_is_not_public():
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"):
        first, last = ip_network(network)[0], ip_network(network)[-1]

        assert not is_public(first)
        assert not is_public(last)
        assert is_public(IPv4Address(int(first) - 1))
        assert is_public(IPv4Address(int(last) + 1))
