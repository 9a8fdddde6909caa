"""Metadata: where they are, whose they are, and what may be in them (OID4VCI 12, RFC 8414)."""

from typing import Any

from oid4vci import _jose, _json
from oid4vci.http import Request, Response
from oid4vci.testing.report import CheckFailed, CheckSkipped
from oid4vci.testing.scenarios.alterations import altered, huge, more, redirected, unknown_members, with_members, with_text
from oid4vci.testing.scenarios.expectations import advised, completes, follows_nothing, never, stops
from oid4vci.testing.scenarios.scenario import Scenario
from oid4vci.testing.stage import Setting, Stage
from oid4vci.testing.stage.recorded import (
    CREDENTIAL,
    FLOW,
    ISSUER_METADATA,
    NONCE,
    NOTIFICATION,
    OTHER_SERVER,
    SERVER_METADATA,
    TOKEN,
)

__all__ = ("METADATA",)

JWT = "application/jwt"


def _with_strange_configurations(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
    supported = members["credential_configurations_supported"]
    strange = {
        "unheard-of": {"format": "x-unheard-of", "scope": "unheard-of", "x": {"y": [1]}},
        "strange-proofs": {
            "format": "dc+sd-jwt",
            "vct": "urn:example:strange",
            "scope": "strange",
            "cryptographic_binding_methods_supported": ["x-unheard-of"],
            "proof_types_supported": {"x-unheard-of": {"proof_signing_alg_values_supported": ["X1"]}},
        },
    }
    known = {name: {**each, "proof_types_supported": _with_strange_proofs(each)} for name, each in supported.items()}
    return {**members, "credential_configurations_supported": {**strange, **known}}


def _with_strange_proofs(configuration: dict[str, Any]) -> dict[str, Any]:
    return {
        "x-unheard-of": {"proof_signing_alg_values_supported": ["X1"]},
        **configuration["proof_types_supported"],
    }


def _as_http(*names: str) -> Any:
    def change(stage: Stage, members: dict[str, Any]) -> dict[str, Any]:
        return {**members, **{name: members[name].replace("https://", "http://", 1) for name in names if name in members}}

    return more(change)


def _other_server(stage: Stage) -> str:
    """The server that the offer names is used, and no other."""
    if any(each.request.method == "POST" or each.request.path.endswith("/authorize") for each in stage.to(OTHER_SERVER)):
        raise CheckFailed("the wallet sent a request to a server that the offer does not name")
    return completes(stage)


def _signed_by_another(stage: Stage, request: Request, response: Response) -> Response:
    """The same signed metadata, by a key that nobody knows, with the certificate that it made for itself."""
    if response.media_type != JWT:
        return response
    key = stage.good.authority.issuer_key(stage.identifier, now=stage.clock(), self_signed=True)
    jws = _jose.parse(response.body.decode())
    header = {**jws.header, "x5c": _x5c(key.certificate)}
    data = _jose.signing_input(header, jws.payload)
    return Response(response.status, response.headers, _jose.compact(data, key.signer.sign(data)).encode())


def _x5c(certificate: bytes) -> list[str]:
    from oid4vci.x509 import encode_x5c

    return encode_x5c([certificate])


def _signed_unasked(stage: Stage, request: Request, response: Response) -> Response:
    """Signed metadata of a stranger for who did not ask for signed ones."""
    if any("jwt" in value.lower() for value in request.headers.all("accept")):
        return response
    key = stage.good.authority.issuer_key(stage.identifier, now=stage.clock(), self_signed=True)
    header = {"alg": "ES256", "typ": "openidvci-issuer-metadata+jwt", "x5c": _x5c(key.certificate)}
    claims = {"iss": stage.identifier, "sub": stage.identifier, "iat": stage.clock(), **_json.object_from(response.body)}
    data = _jose.signing_input(header, _json.dump_bytes(claims))
    jwt = _jose.compact(data, key.signer.sign(data))
    return Response(200, {"content-type": JWT}, jwt.encode())


def _signed(stage: Stage) -> str:
    """Signed metadata come to who asks for them, and do no harm."""
    asked = [each for each in stage.to(ISSUER_METADATA) if each.response.media_type == JWT]
    if not asked:
        raise CheckSkipped("the wallet did not ask for signed metadata")
    return completes(stage)


def _mismatch(name: str, endpoint: str, member: str, value: Any, about: str, *requirements: str) -> Scenario:
    return Scenario(
        name=name,
        about=about,
        requirements=requirements,
        alterations={endpoint: with_members(**{member: value})},
        expectation=stops,
    )


_OF_THE_ISSUER = ("VCI-12.2.4-02", "VCI-12.2.4-03")
_OF_THE_SERVER = ("RFC8414-3.3",)
_WRONG_IDENTIFIERS = (
    ("another-path", lambda stage: f"{stage.base}-2", "is that of another issuer under the same host"),
    ("another-host", lambda stage: stage.identifier.replace("https://", "https://www.", 1), "is that of another host"),
    ("slash-added", lambda stage: f"{stage.identifier}/", "ends in a / that the offer does not have"),
    ("upper-case", lambda stage: f"https://{stage.identifier[8:].upper()}", "differs in the case of letters"),
    ("missing", None, "is missing"),
)

METADATA = (
    Scenario(
        name="issuer-with-slash",
        about="The issuer's identifier ends in a slash, which stays in the URL of its metadata.",
        requirements=("VCI-12.2.2-01", "VCI-12.2.2-03"),
        setting=Setting(slash=True),
        expectation=completes,
    ),
    *(
        _mismatch(
            f"issuer-mismatch-{name}",
            ISSUER_METADATA,
            "credential_issuer",
            value,
            f"credential_issuer in the metadata {how}: the Wallet stops.",
            *_OF_THE_ISSUER,
        )
        for name, value, how in _WRONG_IDENTIFIERS
    ),
    *(
        _mismatch(
            f"server-mismatch-{name}",
            SERVER_METADATA,
            "issuer",
            value,
            f"issuer in the Authorization Server's metadata {how}: the Wallet stops.",
            *_OF_THE_SERVER,
        )
        for name, value, how in _WRONG_IDENTIFIERS
    ),
    Scenario(
        name="several-servers",
        about="There are two Authorization Servers, and the offer names one of them.",
        requirements=("VCI-4.1.1-16", "VCI-4.1.1-36", "VCI-12.2.4-07", "VCI-5.1.1-09"),
        setting=Setting(servers="several"),
        expectation=_other_server,
    ),
    Scenario(
        name="metadata-with-unknown-members",
        about="Both metadata have members that nobody has defined: they are ignored.",
        requirements=("VCI-12.2.4-89", "VCI-12.3-04"),
        alterations={
            ISSUER_METADATA: unknown_members("batch_credential_issuance", of_each="credential_configurations_supported"),
            SERVER_METADATA: unknown_members(),
        },
        expectation=completes,
    ),
    Scenario(
        name="metadata-with-strange-configurations",
        about="There are configurations of formats and with proof types that nobody knows beside the one that is offered.",
        requirements=("VCI-12.2.4-89", "VCI-A.1-01"),
        alterations={ISSUER_METADATA: more(_with_strange_configurations)},
        expectation=completes,
    ),
    Scenario(
        name="metadata-not-json",
        about="The issuer's metadata are cut off: the Wallet stops.",
        requirements=("VCI-12.2.2-06",),
        alterations={ISSUER_METADATA: with_text(lambda stage, text: text[:-20])},
        expectation=stops,
    ),
    Scenario(
        name="metadata-doubled-member",
        about="credential_issuer stands twice in the metadata: which one counts, nobody can say, so the Wallet should stop.",
        requirements=("VCI-12.2.4-02",),
        alterations={
            ISSUER_METADATA: with_text(lambda stage, text: '{"credential_issuer":"https://other.example",' + text[1:])
        },
        expectation=advised(stops),
    ),
    Scenario(
        name="metadata-huge",
        about="The issuer's metadata have many megabytes: the Wallet should read no such thing.",
        requirements=("VCI-13.5-01",),
        alterations={ISSUER_METADATA: huge()},
        expectation=advised(stops),
    ),
    *(
        Scenario(
            name=f"{name}-redirected",
            about=f"The {endpoint} answers with a redirect: the Wallet does not follow it.",
            requirements=("VCI-13.5-01",),
            alterations={endpoint: redirected(302)},
            expectation=follows_nothing,
        )
        for name, endpoint in (("issuer-metadata", ISSUER_METADATA), ("server-metadata", SERVER_METADATA))
    ),
    Scenario(
        name="credential-endpoint-without-tls",
        about="The credential_endpoint has the scheme http: nothing is sent there.",
        requirements=("VCI-12.2.4-09",),
        alterations={ISSUER_METADATA: _as_http("credential_endpoint")},
        expectation=never(CREDENTIAL, NOTIFICATION),
    ),
    Scenario(
        name="nonce-endpoint-without-tls",
        about="The nonce_endpoint has the scheme http: nothing is sent there, and nothing without a nonce.",
        requirements=("VCI-7-02", "VCI-8.2-21"),
        alterations={ISSUER_METADATA: _as_http("nonce_endpoint")},
        expectation=never(NONCE, CREDENTIAL, NOTIFICATION),
    ),
    Scenario(
        name="server-without-tls",
        about="The endpoints of the Authorization Server have the scheme http: nothing is sent there.",
        requirements=("RFC8414-2",),
        alterations={
            SERVER_METADATA: _as_http("token_endpoint", "authorization_endpoint", "pushed_authorization_request_endpoint")
        },
        expectation=never(*FLOW),
    ),
    Scenario(
        name="server-without-token-endpoint",
        about="The Authorization Server's metadata have no token_endpoint: the Wallet stops.",
        requirements=("RFC8414-2",),
        alterations={SERVER_METADATA: with_members(token_endpoint=None)},
        expectation=never(TOKEN, CREDENTIAL),
    ),
    Scenario(
        name="signed-metadata",
        about="The metadata are signed for who asks for it, by a certificate under the anchor.",
        requirements=("VCI-12.2.2-04", "VCI-12.2.3-12", "HAIP-4.1-05", "HAIP-7-04"),
        setting=Setting(signed_metadata=True),
        needs=("signed metadata",),
        expectation=_signed,
    ),
    Scenario(
        name="signed-metadata-of-a-stranger",
        about="The signed metadata are signed by a certificate that leads to no anchor: the Wallet stops.",
        requirements=("VCI-12.2.3-10", "VCI-12.2.3-11", "HAIP-4.1-05"),
        setting=Setting(signed_metadata=True),
        alterations={ISSUER_METADATA: altered(_signed_by_another)},
        needs=("signed metadata",),
        expectation=stops,
    ),
    Scenario(
        name="signed-metadata-unasked",
        about="A stranger's signed metadata come to a Wallet that did not ask for signed ones: it does not believe them.",
        requirements=("VCI-12.2.2-04", "VCI-12.2.3-11"),
        alterations={ISSUER_METADATA: altered(_signed_unasked)},
        expectation=stops,
    ),
)
