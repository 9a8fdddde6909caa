"""A connection of HTTP/1.1 over TLS that is kept open: as little work as possible, so that the load is the server's."""

import asyncio
import ssl
from urllib.parse import urlsplit

from attrs import define, field

from oid4vci.http import Request, Response

__all__ = ("Connection", "Lost")


class Lost(Exception):
    """The connection broke. `sent` says whether the request had gone out, so that the server may have done what it says."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("sent" if sent else "not sent")
        self.sent = sent


@define
class Connection:
    """To the server of `issuer`; opened when it is needed, and again when it broke."""

    issuer: str
    context: ssl.SSLContext = field(repr=False)
    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request) -> Response:
        """The answer. Raises `Lost`."""
        target = urlsplit(request.url)
        path = f"{target.path}?{target.query}" if target.query else target.path
        lines = [f"{request.method} {path} HTTP/1.1", f"host: {target.netloc}", f"content-length: {len(request.body)}"]
        lines += [f"{name}: {value}" for name, value in request.headers.pairs]
        try:
            reader, writer = self._streams or await self._open()
        except (OSError, asyncio.IncompleteReadError):
            raise Lost(sent=False) from None
        try:
            writer.write("\r\n".join((*lines, "", "")).encode("latin-1") + request.body)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])]
            length = int(dict(headers).get("content-length", "0"))
            body = await reader.readexactly(length) if length else b""
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            raise Lost(sent=True) from None
        if ("connection", "close") in headers:
            self.close()
        return Response(int(head[0].split(" ")[1]), headers, body)

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        target = urlsplit(self.issuer)
        self._streams = await asyncio.open_connection(
            "127.0.0.1", target.port, ssl=self.context, server_hostname=target.hostname
        )
        return self._streams

    def close(self) -> None:
        """Drop the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
