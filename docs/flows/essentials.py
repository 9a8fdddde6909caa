"""What is worth showing of a message: a line that names it, and the members that matter, with their values shortened."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from attrs import frozen

from docs.flows.recording import Message
from oid4vci import _jose, _json
from oid4vci.http import Request, Response

__all__ = ("Essentials", "essentials")

# Longer values are cut: what is cut are codes, tokens and signatures, of which the beginning is enough to know them again.
LONGEST, SHOWN, MOST = 60, 14, 4
KINDS: Final = {
    "": "",
    "application/json": ", JSON",
    "application/x-www-form-urlencoded": ", form",
    "application/jwt": ", JWE",
    "text/html": ", HTML",
}
REQUEST_HEADERS: Final = ("authorization", "dpop")
RESPONSE_HEADERS: Final = ("dpop-nonce", "www-authenticate", "location")
# Of the two metadata documents, what the flows make use of.
OF_METADATA: Final = (
    "credential_issuer",
    "credential_endpoint",
    "nonce_endpoint",
    "deferred_credential_endpoint",
    "notification_endpoint",
    "credential_request_encryption",
    "credential_response_encryption",
    "batch_credential_issuance",
    "credential_configurations_supported",
    "issuer",
    "authorization_endpoint",
    "pushed_authorization_request_endpoint",
    "token_endpoint",
    "grant_types_supported",
    "dpop_signing_alg_values_supported",
)
# Of a JWT by its type, what is worth seeing within.
WITHIN: Final = {
    "dpop+jwt": ("htm", "nonce"),
    "openid4vci-proof+jwt": ("aud", "nonce"),
    "dc+sd-jwt": ("iss", "vct"),
}


@frozen
class Essentials:
    """`line` says which message it is; `members` are names with what is shown of their values."""

    line: str
    members: tuple[tuple[str, str], ...]


def essentials(message: Message) -> Essentials:
    """What is shown of a message."""
    content = message.content
    kind = KINDS[content.media_type] if content.body else ""
    if isinstance(content, Request):
        members = (*_headers(content, REQUEST_HEADERS), *_pairs(content.query), *_body(content))
        path = "/".join(_text(segment) for segment in content.path.split("/"))
        return Essentials(f"{content.method} {path}{kind}", members)
    members = (*_headers(content, RESPONSE_HEADERS), *_body(content))
    return Essentials(f"{content.status} {HTTPStatus(content.status).phrase}{kind}", members)


def _headers(content: Request | Response, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        value = content.headers.get(name)
        if value is None:
            continue
        if name == "location":
            url = urlsplit(value)
            yield name, f"{url.scheme}:{url.path}?..."
            yield from _pairs(url.query)
        elif name == "authorization":
            scheme, _, token = value.partition(" ")
            yield name, f"{scheme} {_value(token)}"
        else:
            yield name, _value(value)


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        yield name, _value(value)


def _body(content: Request | Response) -> Iterator[tuple[str, str]]:
    match content.media_type if content.body else "":
        case "application/x-www-form-urlencoded":
            yield from _pairs(content.body.decode())
        case "application/json":
            members = _json.loads(content.body)
            wanted = OF_METADATA if "credential_endpoint" in members or "token_endpoint" in members else members
            for name, value in members.items():
                if name in wanted:
                    yield _member(name, value)
        case "application/jwt":
            header = _json.loads(_json.b64url_decode(content.body.decode().partition(".")[0]))
            for name in ("alg", "enc", "kid"):
                if name in header:
                    yield name, _value(header[name])


def _member(name: str, value: Any) -> tuple[str, str]:
    """An object with one member is shown as that, under a name with a dot."""
    while isinstance(value, Mapping) and len(value) == 1:
        ((inner, value),) = value.items()
        name = f"{name}.{inner}"
    return name, _value(value)


def _value(value: Any) -> str:
    match value:
        case str():
            return _text(value)
        case Mapping():
            shown = (f"{key}: {_text(of)}" if isinstance(of, str) else key for key, of in value.items())
            return "{" + ", ".join(shown) + "}"
        case [first, *rest] if isinstance(first, Mapping):
            inner = ", ".join(f"{name}: {shown}" for name, shown in (_member(*pair) for pair in first.items()))
            return f"[{{{inner}}}]" if not rest else f"{len(value)} of {{{inner}}}"
        case [first, *rest] if rest and _is_jwt(first):
            return f"{len(value)} of {_value(first)}"
        case [*each]:
            return f"[{', '.join(map(_value, each[:MOST]))}{', ...' if len(each) > MOST else ''}]"
        case _:
            return _json.dumps(value)


def _is_jwt(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("eyJ") and value.partition("~")[0].count(".") == 2


def _text(value: str) -> str:
    if not _is_jwt(value):
        return value if len(value) <= LONGEST and not _is_secret(value) else f"{value[:SHOWN]}..."
    jws = _jose.parse(value.partition("~")[0])
    claims, kind = jws.claims(), str(jws.header.get("typ", "JWT"))
    within = [f"{name}: {_text(str(claims[name]))}" for name in WITHIN.get(kind, ()) if name in claims]
    return f"{kind} ({', '.join(within)})" if within else kind


def _is_secret(value: str) -> bool:
    """Whether it is one long word of base64url: a code, a nonce, a digest."""
    return len(value) > SHOWN + 6 and value.replace("-", "").replace("_", "").isalnum() and any(map(str.isdigit, value))
