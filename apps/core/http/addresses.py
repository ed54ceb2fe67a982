"""Which addresses may be connected to (server-side request forgery protection)."""

from __future__ import annotations

import ipaddress

import aiohttp

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Cloud metadata services in ranges that are otherwise public, shared or local (Azure, Alibaba, Oracle, AWS
# over IPv6). The common 169.254.169.254 is link-local and refused as such.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
_COMPATIBLE = ipaddress.IPv6Network("::/96")  # deprecated by RFC 4291, still parsed
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


class BlockedAddress(aiohttp.ClientError):
    """The address lies in a network that this request must not reach."""


def _embedded(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one (mapped, compatible, 6to4, Teredo, NAT64), else itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _always_refused(address: Address) -> str:
    """Why no request may ever go there; empty when it may."""
    if address in _METADATA or address.is_link_local:
        return "link-local or a cloud metadata service"
    if address.is_multicast:
        return "a multicast address"
    if address.is_unspecified:
        return "the unspecified address"
    if isinstance(address, ipaddress.IPv4Address) and address.is_reserved:
        return "a reserved address"
    return ""


def _is_public(address: Address) -> bool:
    return address.is_global and not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)


def check_address(text: str, *, allow_private: bool, host: str = "") -> None:
    """Raises `BlockedAddress` unless the IP address in `text` may be connected to.

    `allow_private` opens loopback, private (RFC 1918, unique local) and carrier-grade NAT ranges; metadata
    services, link-local, multicast and unspecified addresses stay closed. `host` is the name it came from.
    """
    named = f"{host} ({text})" if host and host != text else text
    try:
        address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        raise BlockedAddress(f"{named} is not an IP address.") from None
    reason = _always_refused(address)
    if reason:
        raise BlockedAddress(f"Requests to {named} are refused: it is {reason}.")
    if not allow_private and not _is_public(address):
        raise BlockedAddress(
            f"Requests to {named} are refused: it is a private address, which is not allowed here."
        )
