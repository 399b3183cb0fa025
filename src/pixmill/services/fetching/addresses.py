"""Which addresses are public."""

from ipaddress import IPv6Address, ip_network

from pixmill.services.fetching.types import Address

#: What `is_global` of Python's ipaddress lets through, or let through in some version, although it
#: leads inside: into another notation of an IPv4 address, or to a service of the cloud.
SPECIAL = tuple(
    map(
        ip_network,
        (
            "64:ff9b::/96",  # NAT64 (RFC 6052)
            "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215)
            "2002::/16",  # 6to4 (RFC 3056)
            "2001::/23",  # protocol assignments, with Teredo (RFC 4380) and ORCHID
            "::/96",  # IPv4-compatible (RFC 4291, 2.5.5.1), the unspecified address and loopback
            "fec0::/10",  # site-local (RFC 3879)
            "5f00::/16",  # segment routing (RFC 9602)
            "3fff::/20",  # documentation (RFC 9637)
            "192.0.0.0/24",  # protocol assignments; Oracle's metadata is 192.0.0.192
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "168.63.129.16",  # Azure's host: metadata, DNS, DHCP
        ),
    )
)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that the kernel dials for an IPv4-mapped one, else *address*."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_public(address: Address) -> bool:
    """Say whether *address*, unwrapped, belongs to the public internet and nothing else."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in SPECIAL)
    )
