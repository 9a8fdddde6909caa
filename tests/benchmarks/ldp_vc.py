"""W3C credentials with Data Integrity proofs: the same degree under `ecdsa-rdfc-2019`, which is `ldp_vc`, and under
`eddsa-jcs-2022`, which OID4VCI leaves to formats of one's own."""

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from attrs import frozen
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from oid4vci._json import dump_bytes
from oid4vci.data_integrity import CRYPTOSUITES, Contexts, controlled_identifier_document
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.ldp_vc import LdpVcEncoder, LdpVcVerifier
from oid4vci.keys import LocalSigner
from oid4vci.metadata import CredentialDefinition, LdpVcConfiguration
from oid4vci.trust import Trust
from tests.benchmarks import linked_degree
from tests.benchmarks.by_hand import ECDSA, load_point, unb64
from tests.benchmarks.cold import cold
from tests.benchmarks.parties import CURVE, HOLDERS, IDENTIFIER, ISSUER_KEY, NOW, SIGNER, jwk, private_jwk
from tests.benchmarks.workload import NodePeer, Workload

ED25519_KEY = ed25519.Ed25519PrivateKey.generate()
ED25519_SIGNER = LocalSigner("issuer-2", "EdDSA", ED25519_KEY)
LIFETIME = linked_degree.DAYS * 86_400
LOADED = Contexts({linked_degree.CONTEXT: linked_degree.DEGREE})
DOCUMENT = dump_bytes(controlled_identifier_document(IDENTIFIER, [SIGNER, ED25519_SIGNER]))
TRUST = Trust.of(IDENTIFIER)


class _OwnConfiguration(LdpVcConfiguration):
    __slots__ = ()

    identifier = "degree_jcs"


@frozen
class Batch:
    """One cryptosuite, for one number of holders."""

    size: int
    suite: str
    signer: LocalSigner
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
    configuration: LdpVcConfiguration

    @classmethod
    def of(cls, size: int, suite: str) -> "Batch":
        definition = CredentialDefinition(context=tuple(linked_degree.CONTEXTS), type=tuple(linked_degree.TYPES))
        if suite == "eddsa-jcs-2022":
            return cls(size, suite, ED25519_SIGNER, ED25519_KEY, _OwnConfiguration(credential_definition=definition))
        return cls(size, suite, SIGNER, ISSUER_KEY, LdpVcConfiguration(credential_definition=definition))

    @property
    def method(self) -> str:
        return f"{IDENTIFIER}#{self.signer.key_id}"

    def encoder(self) -> LdpVcEncoder:
        return LdpVcEncoder(
            signer=self.signer,
            cryptosuite=self.suite,
            contexts=LOADED,
            lifetime=LIFETIME,
            format=self.configuration.format,
        )

    def issue(self, encoder: LdpVcEncoder) -> tuple[dict[str, Any], ...]:
        return encoder.draft(
            {"credentialSubject": linked_degree.SUBJECT},
            configuration=self.configuration,
            issuer=IDENTIFIER,
            holder_keys=HOLDERS[: self.size],
            now=NOW,
            new_secret=os.urandom,
        ).finish()

    def verify(self, verifier: LdpVcVerifier, credentials: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        found = []
        for credential in credentials:
            verified = verifier.verify(
                credential,
                configuration=self.configuration,
                trust=TRUST,
                holder_keys=HOLDERS[: self.size],
                documents={IDENTIFIER: DOCUMENT},
                now=NOW,
            )
            assert isinstance(verified, VerifiedCredential)
            found.append(verified.claims)
        return found

    def first(self, verifier: LdpVcVerifier, credentials: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        # The contexts were read when the application began.
        LOADED.hashes.clear()
        return self.verify(verifier, credentials)

    def cryptography_issue(self) -> None:
        for _ in range(self.size):
            _sign(self.key)

    def cryptography_verify(self) -> None:
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            loaded = ed25519.Ed25519PublicKey.from_public_bytes(unb64(ED25519_SIGNER.public_jwk["x"].encode()))
            for _ in range(self.size):
                loaded.verify(_ED25519_SIGNATURE, _MESSAGE)
            return
        key = load_point(CURVE, b"\x04" + b"".join(unb64(SIGNER.public_jwk[name].encode()) for name in "xy"))
        for _ in range(self.size):
            key.verify(_SIGNATURE, _MESSAGE, ECDSA)


def _sign(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.sign(_MESSAGE) if isinstance(key, ed25519.Ed25519PrivateKey) else key.sign(_MESSAGE, ECDSA)


_MESSAGE = bytes(64)
_ED25519_SIGNATURE, _SIGNATURE = _sign(ED25519_KEY), _sign(ISSUER_KEY)


def workload(size: int, suite: str, *, node: NodePeer | None = None) -> Workload:
    """Bound by the `did:key` of its subject."""
    batch = Batch.of(size, suite)
    jwks = [jwk(key) for key in HOLDERS[:size]]
    verifier = LdpVcVerifier(contexts=LOADED, cryptosuites={suite: CRYPTOSUITES[suite]}, format=batch.configuration.format)
    library = partial(batch.issue, batch.encoder())
    ours = library()
    valid = (ours[0]["validFrom"], ours[0]["validUntil"])
    by_hand = partial(linked_degree.floor_issue, jwks, batch.key, batch.method, suite, valid)
    check = partial(linked_degree.floor_verify, jwks=jwks, document=DOCUMENT, now=valid[0])
    for credentials in (ours, by_hand()):
        assert batch.verify(verifier, credentials) == check(credentials)
    work = Workload(
        f"{batch.configuration.format}, {suite}",
        size,
        {"cryptography": batch.cryptography_issue, "floor": by_hand, "library": library},
        {
            "cryptography": batch.cryptography_verify,
            "floor": partial(check, ours),
            "library": cold(partial(batch.first, verifier, ours)),
            "library again": partial(batch.verify, verifier, ours),
        },
    )
    if node is not None and suite == "ecdsa-rdfc-2019":
        given = {
            "key": private_jwk(),
            "method": batch.method,
            "created": valid[0],
            "contexts": {linked_degree.CONTEXT: linked_degree.DEGREE},
            "document": controlled_identifier_document(IDENTIFIER, [SIGNER, ED25519_SIGNER]),
            "unsecured": [{name: value for name, value in each.items() if name != "proof"} for each in ours],
            "credentials": ours,
        }
        issued, verified = node.load("ldp-vc", given)
        assert batch.verify(verifier, issued.result()) == check(ours)
        assert verified.result() == [True] * size
        work = work.beside("@digitalbazaar/vc", issued, verified)
    return work
