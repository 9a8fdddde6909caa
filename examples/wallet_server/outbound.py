"""Sending: https only, no redirects, bounded sizes and times, and no connection into the own network unless it was named.

What an offer names is somebody else's choice: a wallet that connects to any address would be a way into its network.
"""

import socket
import ssl
from collections.abc import Collection, Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Any, Final

import anyio
import httpcore
from attrs import field, frozen

from oid4vci.http import MAX_CREDENTIALS, Request, Response

__all__ = ("Outbound", "Unreachable", "is_public")

# Seconds for one exchange as a whole: whoever sends a byte a second would keep a run waiting for ever.
TIMEOUT: Final = 20
STEP_TIMEOUT: Final = 10
MAX_CONNECTIONS: Final = 100
# All that is allocated for everybody (RFC 4291 2.4); 6to4 has an IPv4 address in it, and NAT64 (RFC 6052) in its last bits.
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
SIX_TO_FOUR: Final = IPv6Network("2002::/16")
NAT64: Final = IPv6Network("64:ff9b::/96")


class Unreachable(Exception):
    """There is no answer: the server cannot be reached, is too slow, or is somebody else by its certificate."""


def is_public(address: str) -> bool:
    """Whether an IP address is one that anybody may reach."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in NAT64:
            found = IPv4Address(found.packed[-4:])
        elif found not in GLOBAL_UNICAST or found in SIX_TO_FOUR:
            return False
    return found.is_global and not found.is_multicast


@frozen
class PublicAddresses(httpcore.AsyncNetworkBackend):
    """Connects to public addresses; to all others only for `named` hosts and ports, or for every host if `private`.

    The addresses are looked up once and are those that are connected to, so a name cannot lead elsewhere in between.
    """

    named: Collection[tuple[str, int]]
    private: bool
    inner: httpcore.AsyncNetworkBackend = field(factory=httpcore.AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first of the addresses that takes it. Raises `httpcore.ConnectError`, `httpcore.ConnectTimeout`."""
        if self.private or (host, port) in self.named:
            return await self.inner.connect_tcp(host, port, timeout, local_address, socket_options)
        try:
            with anyio.fail_after(timeout):
                found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, TimeoutError):
            raise httpcore.ConnectError("the host has no address") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        if not addresses or not all(map(is_public, addresses)):
            raise httpcore.ConnectError("the host has an address that is not public")
        *others, last = addresses
        for address in others:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self.inner.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self.inner.connect_tcp(last, port, timeout, local_address, socket_options)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self.inner.sleep(seconds)


class Outbound:
    """An HTTP client. `authorities` is a PEM file of TLS authorities beside those of the system. Raises `OSError`.

    `named` are the hosts, and their ports, that may have private addresses; with `private`, all may.
    """

    def __init__(self, authorities: Path | None, *, named: Collection[tuple[str, int]] = (), private: bool = False) -> None:
        context = ssl.create_default_context()
        if authorities is not None:
            context.load_verify_locations(authorities)
        # Neither proxies nor credentials come from the environment: httpcore does not look there.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            keepalive_expiry=5,
            network_backend=PublicAddresses(frozenset(named), private),
        )

    async def aclose(self) -> None:
        """Close what is open."""
        await self._pool.aclose()

    async def send(self, request: Request) -> Response:
        """Send a request, its body as it is, and read no more of the answer than the library takes. Raises `Unreachable`."""
        if not request.url.startswith("https://"):
            raise Unreachable("only https is spoken")
        try:
            with anyio.fail_after(TIMEOUT):
                return await self._exchange(request)
        except TimeoutError:
            raise Unreachable("the server did not answer in time") from None
        except (
            httpcore.NetworkError,
            httpcore.TimeoutException,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
            ssl.SSLError,
        ) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from None
        except (ValueError, TypeError):
            # A host that is none, or a header that cannot be sent.
            raise Unreachable("the request cannot be sent there") from None

    async def _exchange(self, request: Request) -> Response:
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers.pairs]
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), STEP_TIMEOUT)
        async with self._pool.stream(
            request.method, request.url, headers=headers, content=request.body, extensions={"timeout": timeouts}
        ) as answer:
            body = bytearray()
            async for chunk in answer.aiter_stream():
                body += chunk
                if len(body) > MAX_CREDENTIALS:
                    break
            received = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
            return Response(answer.status, received, bytes(body))
