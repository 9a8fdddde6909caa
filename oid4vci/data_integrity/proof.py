"""Proofs of Data Integrity (VC Data Integrity 2.1, 4.2, 4.4, 4.5): read, checked and verified, and made.

Rule 1: what a document says is believed only with a key that the caller has found to be the right one; a proof names its key, and
that it does so proves nothing.
Rule 2: one document, one reading: proofs with the same `id` are refused, and so is a proof that says what another suite would read
differently.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Self

from attrs import field, frozen

from oid4vci import _base58, _json
from oid4vci._date_time import timestamp
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed
from oid4vci.data_integrity.compact import check_compact
from oid4vci.data_integrity.contexts import Contexts
from oid4vci.data_integrity.cryptosuite import CRYPTOSUITES, Cryptosuite

__all__ = ("PROOF_TYPE", "Proof", "proof_options", "read_document", "read_proofs", "secured")

PROOF_TYPE: Final = "DataIntegrityProof"
MAX_BYTES: Final = 1 << 20
MAX_PROOFS: Final = 8
MAX_STRING: Final = 4_096
# 96 bytes, a P-384 signature, are 132 characters.
_MAX_PROOF_VALUE: Final = 200
# How hard it may be to tell alike blank nodes apart where only possession is proved: there may be many such proofs.
_MAX_POSSESSION_WORK: Final = 20_000
# What is read of a proof, besides its value.
_READ: Final = frozenset(
    (
        *("@context", "id", "type", "cryptosuite", "verificationMethod", "proofPurpose"),
        *("created", "expires", "domain", "challenge", "previousProof"),
    )
)


def read_document(value: Any, *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """A document as it came within another one: an object of bounded size and depth. Raises `Malformed`."""
    try:
        text = _json.dumps(value)
    except (TypeError, ValueError):
        raise Malformed("is not JSON") from None
    return _json.object_from(text, max_bytes=max_bytes)


def _text(proof: Mapping[str, Any], name: str) -> str:
    value = proof.get(name)
    if name not in proof:
        raise Malformed("is missing", name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_STRING:
        raise Malformed("must be a string that is not empty", name)
    return value


def _optional_text(proof: Mapping[str, Any], name: str) -> str | None:
    return _text(proof, name) if name in proof else None


def _texts(proof: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """One string or several (VC Data Integrity 2.1, `domain` and `previousProof`); none if the member is absent."""
    if name not in proof:
        return ()
    values = proof[name] if isinstance(proof[name], list) else [proof[name]]
    if not values or len(values) > MAX_PROOFS or not all(isinstance(value, str) and value for value in values):
        raise Malformed("must be a string, or several", name)
    return tuple(values)


def _time(proof: Mapping[str, Any], name: str) -> float | None:
    if name not in proof:
        return None
    try:
        return timestamp(proof[name])
    except Malformed as error:
        raise error.within(name) from None


@frozen
class Proof:
    """A proof that is well formed and not believed.

    `options` is the proof without `proofValue`; `signature` are the bytes of that; times are seconds since the epoch.
    """

    options: Mapping[str, Any] = field(repr=False)
    cryptosuite: Cryptosuite
    verification_method: str
    purpose: str
    signature: bytes = field(repr=False)
    id: str | None = None
    created: float | None = None
    expires: float | None = None
    domain: tuple[str, ...] = ()
    challenge: str | None = None
    previous: tuple[str, ...] = ()

    @classmethod
    def read(cls, proof: Mapping[str, Any]) -> Self | None:
        """A proof as it stands in a document; None if its type or cryptosuite is not known here. Raises `Malformed`."""
        suite = CRYPTOSUITES.get(_text(proof, "cryptosuite")) if proof.get("type") == PROOF_TYPE else None
        if suite is None:
            return None
        value = _text(proof, "proofValue")
        # "a base58-btc-encoded Multibase value" -- VC-DI-EDDSA 3.2.1, VC-DI-ECDSA 3.2.1
        if not value.startswith("z") or len(value) > _MAX_PROOF_VALUE:
            raise Malformed("must be a signature in base58btc", "proofValue")
        try:
            signature = _base58.decode(value[1:])
        except Malformed as error:
            raise error.within("proofValue") from None
        return cls(
            {name: member for name, member in proof.items() if name != "proofValue"},
            suite,
            _text(proof, "verificationMethod"),
            _text(proof, "proofPurpose"),
            signature,
            _optional_text(proof, "id"),
            _time(proof, "created"),
            _time(proof, "expires"),
            _texts(proof, "domain"),
            _optional_text(proof, "challenge"),
            _texts(proof, "previousProof"),
        )

    @property
    def controller(self) -> str:
        """Whose key it is by its name: the verification method without the fragment (Controlled Identifiers 2.2)."""
        return self.verification_method.partition("#")[0]

    def check(
        self,
        *,
        purpose: str,
        now: int,
        leeway: int = 0,
        domain: Collection[str] | None = None,
        challenge: str | None = None,
    ) -> None:
        """Raises `Malformed` unless the proof is for `purpose`, holds at `now`, and was made for `domain` and `challenge`.

        `domain` and `challenge` are compared if they are given (VC Data Integrity 4.4); `leeway` is in seconds.
        """
        if self.purpose != purpose:
            raise Malformed(f"must be {purpose}", "proof.proofPurpose")
        if self.created is not None and now < self.created - leeway:
            raise Malformed("lies in the future", "proof.created")
        if self.expires is not None and now >= self.expires + leeway:
            raise Malformed("lies in the past", "proof.expires")
        if domain is not None and set(self.domain) != set(domain):
            raise Malformed("is not the domain that was asked for", "proof.domain")
        if challenge is not None and self.challenge != challenge:
            raise Malformed("is not the challenge that was asked for", "proof.challenge")

    def verify(self, document: Mapping[str, Any], key: PublicKey, contexts: Contexts) -> None:
        """Verify the signature over `document`, in which the proof stands, and over the proofs that this one builds on.

        The latter are covered, and still to be verified themselves (VC Data Integrity 4.5). Raises `Malformed`.
        """
        unsecured = self._unsecured(document)
        data = self.cryptosuite.hash_data(unsecured, self.options, contexts, crv=key.crv)
        self.cryptosuite.verify(key, data, self.signature)

    def verify_possession(self, document: Mapping[str, Any], key: PublicKey, contexts: Contexts) -> None:
        """`verify` for a caller that believes nothing but the proof: that its maker has the key, and what it says itself.

        Terms of linked data that no context defines are ignored, as the signature does not cover them; what is read of the proof is
        covered all the same. A document that is hard to put into canonical form is refused earlier. Raises `Malformed`.
        """
        suite, crv, unsecured = self.cryptosuite, key.crv, self._unsecured(document)
        if suite.linked_data:
            # All that is read must have a definition.
            read = {name: member for name, member in self.options.items() if name in _READ}
            head = suite.hash_options(unsecured, read, contexts, crv=crv)
            if len(read) < len(self.options):
                options = {**self.options, "@context": unsecured.get("@context")}
                head = suite.hashed(self._lossy(options, contexts, crv), crv=crv)
            data = head + suite.hashed(self._lossy(unsecured, contexts, crv), crv=crv)
        else:
            data = suite.hash_data(unsecured, self.options, contexts, crv=crv)
        suite.verify(key, data, self.signature)

    def _lossy(self, document: Mapping[str, Any], contexts: Contexts, crv: str) -> bytes:
        return self.cryptosuite.canonical(document, contexts, crv=crv, lossless=False, max_work=_MAX_POSSESSION_WORK)

    def _unsecured(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document as this proof covers it."""
        unsecured = {name: member for name, member in document.items() if name != "proof"}
        own = self.options.get("@context")
        if self.cryptosuite.linked_data:
            check_compact(self.options)
            # The proof's own context would be another reading than the one that is signed.
            if "@context" in self.options and own != unsecured.get("@context"):
                raise Malformed("is not that of the document", "proof.@context")
        elif "@context" in self.options:
            unsecured["@context"] = _prefix(own, unsecured.get("@context"))
        if self.previous:
            found = [proof for proof in _proofs(document) if proof.get("id") in self.previous]
            if len(found) != len(set(self.previous)):
                raise Malformed("names a proof that is not there", "proof.previousProof")
            unsecured["proof"] = found
        return unsecured


def _prefix(own: Any, whole: Any) -> Any:
    """The proof's `@context`, with which the document's must begin (VC-DI-EDDSA 3.3.2 and VC-DI-ECDSA 3.3.2, step 4)."""
    first = own if isinstance(own, list) else [own]
    there = whole if isinstance(whole, list) else [whole]
    if there[: len(first)] != first:
        raise Malformed("is not the beginning of that of the document", "proof.@context")
    return own


def _proofs(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    if "proof" not in document:
        raise Malformed("is missing", "proof")
    proofs = document["proof"] if isinstance(document["proof"], list) else [document["proof"]]
    if not proofs or len(proofs) > MAX_PROOFS or not all(isinstance(proof, dict) for proof in proofs):
        raise Malformed(f"must be an object, or up to {MAX_PROOFS}", "proof")
    ids = [proof["id"] for proof in proofs if "id" in proof]
    if any(one in ids[:i] for i, one in enumerate(ids)):
        raise Malformed("has two proofs with the same id", "proof")
    return proofs


def read_proofs(document: Mapping[str, Any]) -> tuple[Proof, ...]:
    """The proofs of a document that are of a known type and cryptosuite; others are passed over. Raises `Malformed`."""
    proofs = _proofs(document)
    found = []
    for i, proof in enumerate(proofs):
        try:
            read = Proof.read(proof)
        except Malformed as error:
            raise error.within("proof" if len(proofs) == 1 else f"proof[{i}]") from None
        if read is not None:
            found.append(read)
    return tuple(found)


def proof_options(
    suite: Cryptosuite,
    *,
    verification_method: str,
    purpose: str,
    created: str,
    context: Any = None,
    domain: str | Sequence[str] | None = None,
    challenge: str | None = None,
) -> dict[str, Any]:
    """The proof that is to be made, without `proofValue`. `created`: a dateTimeStamp. `context`: the document's `@context`."""
    options: dict[str, Any] = {
        "type": PROOF_TYPE,
        "cryptosuite": suite.name,
        "created": created,
        "verificationMethod": verification_method,
        "proofPurpose": purpose,
    }
    if domain is not None:
        options["domain"] = domain if isinstance(domain, str) else list(domain)
    if challenge is not None:
        options["challenge"] = challenge
    # "If unsecuredDocument.@context is present, set proof.@context to" it -- VC-DI-EDDSA 3.3.1, VC-DI-ECDSA 3.3.1
    if context is not None and not suite.linked_data:
        options["@context"] = context
    return options


def secured(unsecured: Mapping[str, Any], options: Mapping[str, Any], signature: bytes) -> dict[str, Any]:
    """The document with its proof (VC Data Integrity 4.2)."""
    return {**unsecured, "proof": {**options, "proofValue": f"z{_base58.encode(signature)}"}}
