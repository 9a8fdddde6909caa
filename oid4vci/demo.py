"""A whole issuance in one process: the pre-authorized code flow, with every HTTP message kept.

Issuer, authorization server and wallet are what an application would build; only the network is missing: `Wire` hands each
request to the server and keeps it with its answer. The command line prints what comes out.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import field, frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from oid4vci import _jose, _json
from oid4vci.authorization_server import AuthorizationServer, TokenOrder
from oid4vci.drive import Draft, Role, Together, respond, run
from oid4vci.formats import sd_jwt
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Form, Request, Response
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.metadata import (
    BatchCredentialIssuance,
    CredentialIssuerMetadata,
    ProofType,
    SdJwtVcConfiguration,
)
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.pre_authorized import PreAuthorizedCodes
from oid4vci.records import Reply
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret, new_secret
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Wallet
from oid4vci.x509 import Anchors

__all__ = ("Demonstration", "Step", "demonstrate")

ISSUER: Final = "https://issuer.example"
CONFIGURATION: Final = "pid_sd_jwt"
VCT: Final = "urn:eudi:pid:1"
CLAIMS: Final = {
    "given_name": "Erika",
    "family_name": "Mustermann",
    "birthdate": "1963-08-12",
    "address": {"street_address": "Heidestraße 17", "locality": "Köln", "country": "DE"},
    "nationalities": ["DE"],
}
DISCLOSABLE: Final = (("given_name",), ("family_name",), ("birthdate",), ("address",), ("address", "street_address"))

# What each exchange is called and for, by the path of its URL, and where it is specified.
MEANINGS: Final = {
    "/credential-offer": (
        "Credential Offer",
        "The wallet fetches the offer that its URI refers to: who issues, what, and a code for it.",
        "OID4VCI 4.1.3",
    ),
    "/.well-known/openid-credential-issuer": (
        "Credential Issuer Metadata",
        "The issuer's metadata: its endpoints, and what a request for this credential must look like.",
        "OID4VCI 12.2",
    ),
    "/.well-known/oauth-authorization-server": (
        "Authorization Server Metadata",
        "The metadata of the authorization server, here under the same origin: where the code is redeemed.",
        "OID4VCI 12.3, RFC 8414 3",
    ),
    "/token": (
        "Token Request",
        "The code and the transaction code, which reached the person on another channel, become an access token. "
        "The code is used up.",
        "OID4VCI 6.1, 6.2",
    ),
    "/nonce": (
        "Nonce Request",
        "A fresh c_nonce: what the wallet signs next cannot have been signed before.",
        "OID4VCI 7.1, 7.2",
    ),
    "/credential": (
        "Credential Request",
        "One proof of possession for each key; the issuer answers with one credential for each. The c_nonce is used up.",
        "OID4VCI 8.2, 8.3",
    ),
}


@frozen
class Step:
    """One HTTP exchange, what it is for, and the section that specifies it."""

    name: str
    meaning: str
    section: str
    request: Request
    response: Response

    def to_json(self) -> dict[str, Any]:
        """The step as JSON, bodies decoded by their media types."""
        request, response = self.request, self.response
        return {
            "name": self.name,
            "meaning": self.meaning,
            "section": self.section,
            "request": {
                "method": request.method,
                "url": request.url,
                "headers": dict(request.headers.pairs),
                "body": _decoded(request.media_type, request.body),
            },
            "response": {
                "status": response.status,
                "headers": dict(response.headers.pairs),
                "body": _decoded(response.media_type, response.body),
            },
        }


def _decoded(media_type: str, body: bytes) -> Any:
    if media_type == "application/json":
        return _json.loads(body)
    return dict(Form.parse(body.decode()).pairs) if body else None


@frozen
class Demonstration:
    """What happened. `anchor` is the certificate that the wallet trusted (PEM)."""

    offer_uri: str
    tx_code: str
    steps: tuple[Step, ...]
    issued: Issued = field(repr=False)
    anchor: str = field(repr=False)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON: the steps in order, and the result with what is inside proofs and credentials."""
        return {
            "offer_uri": self.offer_uri,
            "tx_code": self.tx_code,
            "steps": [{"step": i, **step.to_json()} for i, step in enumerate(self.steps, 1)],
            "result": {
                "verified": True,
                "checks": _checks(self),
                "proofs": [_jwt(proof) for proof in self._proofs()],
                "credentials": [_sd_jwt(str(each.credential)) | {"claims": each.claims} for each in self.issued.credentials],
                "anchor": self.anchor,
            },
        }

    def _proofs(self) -> Sequence[str]:
        proofs: list[str] = self.steps[-1].request.json_object()["proofs"]["jwt"]
        return proofs


def _jwt(text: str) -> dict[str, Any]:
    jws = _jose.parse(text)
    return {"header": dict(jws.header), "payload": jws.claims()}


def _sd_jwt(text: str) -> dict[str, Any]:
    parsed = sd_jwt.parse(text)
    disclosures = [_json.loads(_json.b64url_decode(each)) for each in parsed.disclosures]
    return {"credential": text, "header": dict(parsed.jws.header), "payload": parsed.payload(), "disclosures": disclosures}


def _checks(demonstration: Demonstration) -> list[dict[str, str]]:
    """What the two sides have verified by now, or there would be no demonstration to speak of."""
    credentials = demonstration.issued.credentials
    by_issuer = [
        ("transaction code", "compared in constant time with a keyed digest; a wrong one is counted (OID4VCI 6.3)"),
        ("access token", "opens with the server's keys, is for this issuer, and its grant is redeemed, not revoked (8)"),
        ("c_nonce", "given out by this issuer, not expired, not used before (7, F.4)"),
        (
            "key proofs",
            "typ, aud, iat and nonce as asked for, signature by the key in jwk, which no other proof has (F.1, F.4)",
        ),
    ]
    by_wallet = [
        ("issuer and server", "allowed by the trust decision; metadata name the identifier they were fetched for (12.2.4)"),
        ("certificate chain", "the leaf in x5c was issued under the demonstration's anchor, and names the issuer (RFC 5280 6)"),
        ("signature", "by the key of that leaf, with the algorithm that fits the key"),
        ("type and time", f"typ dc+sd-jwt, vct {VCT}, not expired (A.3)"),
        ("disclosures", "each belongs to exactly one digest in the signed payload (RFC 9901 7.1)"),
        ("key binding", f"the {len(credentials)} credentials are bound to the {len(credentials)} keys, one each (8.3)"),
    ]
    return [
        {"by": by, "what": what, "how": how}
        for by, rows in (("issuer", by_issuer), ("wallet", by_wallet))
        for what, how in rows
    ]


class Host(MemoryStore):
    """The application: a store, and a decision on each verified order."""

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        """There are no keys elsewhere: proofs bring theirs along."""
        return {}

    def decide(self, order: TokenOrder | CredentialOrder, /) -> Draft | Reply:
        """Say yes. For a credential, this is where claims are looked up by `order.subject`."""
        return order.issue() if isinstance(order, TokenOrder) else order.issue(CLAIMS)

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        """Nothing is signed elsewhere: the issuer's key is in this process."""
        return ()


@frozen
class Wire:
    """Takes the place of the network: gives requests to the server, and keeps what passes."""

    server: Role
    host: Host
    now: int
    steps: list[Step] = field(factory=list)

    def send(self, request: Request) -> Response:
        """Give a request to the server."""
        response = respond(self.server, request, self.host, now=self.now)
        path = urlsplit(request.url).path
        key = "/credential-offer" if path.startswith("/credential-offer/") else path
        self.steps.append(Step(*MEANINGS[key], request, response))
        return response


def demonstrate(*, now: int, new_secret: NewSecret = new_secret, keys: int = 2) -> Demonstration:
    """Issue a batch of `keys` credentials, and verify them. `now` is in seconds since the epoch. Raises `ProtocolError`."""
    signer, leaf, anchor = _issuer_key(now)
    issuer, server = _issuer(signer, leaf, new_secret)
    host = Host()

    # The issuer's back office: somebody is entitled to a credential.
    tx_code = server.new_tx_code()
    granted = server.pre_authorize("erika", [CONFIGURATION], tx_code=tx_code, now=now)
    published = issuer.publish_offer(issuer.offer([CONFIGURATION], pre_authorized_code=granted.grant), now=now)
    host.commit((*granted.changes, *published.changes))

    # The wallet: it gets the URI as a QR code or link, the transaction code on another channel.
    wire = Wire(Together([issuer, server]), host, now)
    trust = Trust.of(ISSUER, anchors=Anchors.from_pem(anchor))
    wallet = Wallet(trust=trust, client_id="demo-wallet")
    opened = run(Offer.parse(published.uri()).open(wallet), wire.send)
    session = run(opened.redeem(tx_code=tx_code), wire.send)
    order = run(session.order(CONFIGURATION), wire.send)
    holder_keys = [LocalSigner.generate(f"holder-{i}") for i in range(1, keys + 1)]
    issued = run(order.prove(holder_keys, now=now).submit(), wire.send)
    assert isinstance(issued, Issued)  # the host neither defers nor signs elsewhere
    return Demonstration(published.uri(), tx_code, tuple(wire.steps), issued, anchor)


def _issuer(signer: LocalSigner, leaf: bytes, new_secret: NewSecret) -> tuple[Issuer, AuthorizationServer]:
    """An issuer of one configuration and its authorization server, under one origin and with shared keys."""
    keys = SealingKeys([new_secret(32)])
    server = AuthorizationServer.at(
        ISSUER, access_tokens=SealedAccessTokens(keys), pre_authorized_codes=PreAuthorizedCodes(keys), new_secret=new_secret
    )
    configuration = SdJwtVcConfiguration(
        vct=VCT,
        scope="pid",
        credential_signing_alg_values_supported=("ES256",),
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported={"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))},
    )
    issuer = Issuer(
        CredentialIssuerMetadata.build(
            credential_issuer=ISSUER,
            credential_endpoint=ISSUER + "/credential",
            nonce_endpoint=ISSUER + "/nonce",
            batch_credential_issuance=BatchCredentialIssuance(batch_size=10),
            credential_configurations_supported={CONFIGURATION: configuration},
        ),
        SealedAccessTokens(keys),
        {CONFIGURATION: SdJwtVcEncoder(signer=signer, x5c=(leaf,), disclosable=DISCLOSABLE)},
        nonces=Nonces(keys),
        credential_offer_endpoint=ISSUER + "/credential-offer",
        new_secret=new_secret,
    )
    return issuer, server


def _issuer_key(now: int) -> tuple[LocalSigner, bytes, str]:
    """A key for the issuer, its certificate (DER), and the certificate of the authority that issued it, the anchor (PEM)."""
    authority, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demonstration Anchor")])
    start = datetime.fromtimestamp(now, UTC) - timedelta(hours=1)

    def builder(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=90))
        )

    anchor = (
        builder(authority_name, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority, hashes.SHA256())
    )
    leaf = (
        builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Demonstration Issuer")]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ISSUER)]), critical=False)
        .sign(authority, hashes.SHA256())
    )
    return LocalSigner("issuer-1", "ES256", key), leaf.public_bytes(Encoding.DER), anchor.public_bytes(Encoding.PEM).decode()
