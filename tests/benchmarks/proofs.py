"""Proofs of every type, validated and made, beside the cryptography that they need.

    python -m tests.benchmarks.proofs [rounds]

One process, no HTTP, every check on, nonces aside. `cryptography` are the points of the keys, and the signatures: of the proofs and
of the key attestation, which is for ten keys. Data Integrity proofs are made of linked data, which takes more than signatures do.
"""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import frozen

from oid4vci import _jose
from oid4vci._jose import public_keys
from oid4vci.dids import DID_METHODS
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import KeyAttestationsRequired
from oid4vci.proofs.attestation import AttestationProofMaker, AttestationProofType
from oid4vci.proofs.di_vp import DiVpProofMaker, DiVpProofType
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.key_attestation import HIGH, KeyAttestations
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.proofs.proof_type import Expected, Intended, ProofMaker, ProofType
from tests.benchmarks.rounds import Case, measure, table

__all__ = ("ProofCase", "cases", "main")

AUDIENCE, NONCE, ATTESTER = "https://issuer.example", "a-nonce", "https://attester.example"
NOW = int(time.time())
HOLDERS = [LocalSigner.generate(f"holder-{i}") for i in range(10)]
PROVIDER = LocalSigner.generate("provider-1")
BINDINGS = ("jwk", "did:key", "did:jwk")


@frozen
class ProofCase:
    """Proofs of one kind: the type, the maker, what they are for, and the signatures that there are to check."""

    name: str
    validates: ProofType
    makes: ProofMaker
    keys: Sequence[HolderKey]
    algorithms: Sequence[str]
    key_attestation: str | None
    signers: Sequence[LocalSigner]

    def make(self) -> list[Any]:
        """What a Wallet sends."""
        intended = Intended(audience=AUDIENCE, client_id="wallet", nonce=NONCE, now=NOW, algorithms=self.algorithms)
        return self.makes.draft(self.keys, intended, key_attestation=self.key_attestation).finish()

    def validate(self, proofs: Sequence[Any]) -> int:
        """What an issuer does. How many keys were proved."""
        read = self.validates.read(proofs)
        required = KeyAttestationsRequired(key_storage=(HIGH,)) if self.key_attestation is not None else None
        expected = Expected(
            audience=AUDIENCE,
            client_id="wallet",
            algorithms=self.algorithms,
            key_attestations_required=required,
            binding_methods=BINDINGS,
            max_keys=len(HOLDERS),
            now=NOW,
        )
        return len(read.verify(expected, keys={}, statuses={}).keys)

    def verifications(self) -> Callable[[], None]:
        """The signatures alone, with the points of their keys, and those of attested ones."""
        data = bytes(400)
        signed = [(dict(signer.public_jwk), signer.sign(data)) for signer in self.signers]
        attested = [dict(key.public_jwk) for key in HOLDERS] if self.key_attestation is not None else []

        def run() -> None:
            public_keys.point.cache_clear()
            for jwk in attested:
                public_key(jwk)
            for jwk, signature in signed:
                key = public_key(jwk)
                if not _jose.ALGORITHMS["ES256"].verifies(key.key, data, signature):
                    raise RuntimeError("a signature does not verify")

        return run

    def signatures(self) -> Callable[[], None]:
        """The signatures of the Wallet alone."""
        data, signers = bytes(400), [key.signer for key in self.keys if isinstance(key.signer, LocalSigner)]

        def run() -> None:
            for signer in signers:
                signer.sign(data)

        return run


def _attestation() -> str:
    data = key_attestation_signing_input(
        PROVIDER,
        issuer=ATTESTER,
        attested_keys=[key.public_jwk for key in HOLDERS],
        now=NOW,
        lifetime=3600,
        nonce=NONCE,
        key_storage=[HIGH],
    )
    return _jose.compact(data, PROVIDER.sign(data))


def _did(signer: LocalSigner) -> str:
    method = DID_METHODS["key"]
    return method.verification_method(method.did(public_key(signer.public_jwk)))


def cases() -> Iterator[ProofCase]:
    """All of them."""
    believed = KeyAttestations(attesters={ATTESTER: [public_key(PROVIDER.public_jwk)]})
    jwt, made = JwtProofType(key_attestations=believed), JwtProofMaker()
    plain, named = [HolderKey(each) for each in HOLDERS], [HolderKey(each, _did(each)) for each in HOLDERS]
    jws, suites = ("ES256",), ("ecdsa-rdfc-2019", "ecdsa-jcs-2019")
    yield ProofCase("jwt, jwk", jwt, made, plain[:1], jws, None, HOLDERS[:1])
    yield ProofCase("jwt, 10 times jwk", jwt, made, plain, jws, None, HOLDERS)
    yield ProofCase("jwt, 10 times did:key", jwt, made, named, jws, None, HOLDERS)
    attestation = _attestation()
    yield ProofCase("jwt, attested", jwt, made, plain[:1], jws, attestation, [PROVIDER, HOLDERS[0]])
    yield ProofCase("attestation", AttestationProofType(believed), AttestationProofMaker(), [], jws, attestation, [PROVIDER])
    for suite in suites:
        yield ProofCase(
            f"di_vp, {suite}",
            DiVpProofType(),
            DiVpProofMaker(cryptosuites=(suite,)),
            named[:1],
            (suite,),
            None,
            HOLDERS[:1],
        )


def tables(*, rounds: int, seconds: float) -> Iterator[str]:
    """What was measured, as Markdown."""
    for case in cases():
        proofs = case.make()
        proved = case.validate(proofs)

        def validate(case: ProofCase = case, proofs: Sequence[Any] = proofs) -> int:
            # A key that comes again would be remembered, and here all come again.
            public_keys.point.cache_clear()
            return case.validate(proofs)

        ways: dict[str, Case] = {"cryptography": case.verifications(), "library": validate}
        yield table(f"{case.name}: validated, {proved} keys", measure(ways, rounds=rounds, seconds=seconds), ("cryptography",))
        if any(isinstance(key.signer, LocalSigner) for key in case.keys):
            ways = {"cryptography": case.signatures(), "library": case.make}
            yield table(f"{case.name}: made", measure(ways, rounds=rounds, seconds=seconds), ("cryptography",))


def main(rounds: int = 9) -> None:
    """Print the tables."""
    for each in tables(rounds=rounds, seconds=0.15):
        print(each)


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:2]))
