"""The `di_vp` proof type (OID4VCI F.2, F.4): W3C Verifiable Presentations secured by Data Integrity.

What a Data Integrity proof is stands in `data_integrity`; here is what such a proof must say to prove a key.

Rule 1: one presentation proves one key. "The `proof` property ... MUST be a Data Integrity Proof": one, as an object or as the only
element of an array. The proofs of a set are independent of each other (VC Data Integrity 2.1.1), so of several it could not be told
which key is to be bound, nor which of them is to have the `c_nonce`.
Rule 2: nothing is believed but the proof. What else a presentation says, the credentials in it among others, is ignored, as far as
the signature over it verifies; of linked data, it covers no terms without a definition, which are ignored altogether (OID4VCI F.2:
"Additional properties ... MUST be ignored if not understood"; where a document is believed, VC Data Integrity 2.4.3 refuses them).
Whatever is read of the proof must have one.
Rule 3: nothing is fetched. Contexts are those that are served here or registered, within a presentation as well as at its top;
JSON canonicalization needs none of them.
Rule 4: a key is named by a DID URL. Credentials are bound to plain keys or to DIDs (OID4VCI 12.2.4), so an https URL, which is as
good a controller elsewhere, could not be bound to.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, field, frozen

from oid4vci import _json
from oid4vci._date_time import date_time
from oid4vci._jose import ALGORITHMS
from oid4vci._json import Malformed
from oid4vci.data_integrity.contexts import CREDENTIALS_V1, CREDENTIALS_V2, DATA_INTEGRITY_V2, Contexts
from oid4vci.data_integrity.cryptosuite import CRYPTOSUITES, Cryptosuite
from oid4vci.data_integrity.proof import PROOF_TYPE, Proof, proof_options, read_document, secured
from oid4vci.dids import DID_METHODS, DidMethod, DidUrl, resolve
from oid4vci.errors import InvalidProof
from oid4vci.formats.vcdm import contexts_of, types_of
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, Signer, SigningInput
from oid4vci.metadata import AlgorithmIdentifier
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.proof_type import Expected, Intended, Proved, check_documents
from oid4vci.revocation import Statuses, StatusRef
from oid4vci.unsigned_jwt import signatures_of, to_sign

__all__ = ("DiVpProofMaker", "DiVpProofType")

PURPOSE: Final = "authentication"
PRESENTATION: Final = "VerifiablePresentation"
MAX_PRESENTATION: Final = 65_536
MAX_TOGETHER: Final = 262_144
"""Characters of one presentation, and of all in a request: linked data take their time."""
# Shared by all who register none, so that it is worked out once.
_CONTEXTS: Final = Contexts()


# --- issuer -------------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class DiVpProofType:
    """Validation of `di_vp` proofs.

    - `contexts`: the contexts that presentations with linked data may name, or have in themselves.
    - `did_methods`: the DID methods that are resolved here, by name. The DID URLs of others are among `key_refs`; what such a one
      leads to is the key that the DID document lists for `authentication`.
    - `cryptosuites`: those that are verified, by name, some or all of `CRYPTOSUITES`.
    - `max_age` and `max_skew`: the seconds that `created` may lie in the past and in the future. With `max_age=None` only the
      `challenge` bounds a proof's age, and there is none without.

    Raises `ValueError` for other cryptosuites, `ImportError` without the extra `oid4vci[ldp]`.
    """

    contexts: Contexts = field(default=_CONTEXTS, repr=False)
    did_methods: Mapping[str, DidMethod] = field(default=DID_METHODS, repr=False)
    cryptosuites: Mapping[str, Cryptosuite] = field(default=CRYPTOSUITES, repr=False)
    max_age: int | None = 300
    max_skew: int = 60

    def __attrs_post_init__(self) -> None:
        # What can be said to be verified must be what is: proofs are read with those alone.
        if not self.cryptosuites.items() <= CRYPTOSUITES.items():
            raise ValueError(f"cryptosuites must be some of {', '.join(CRYPTOSUITES)}")
        _check_extra()

    def read(self, proofs: Sequence[Any]) -> "ReadDiVpProofs":
        """Read the array of presentations. Raises `InvalidProof`."""
        try:
            if len(_json.dumps(list(proofs))) > MAX_TOGETHER:
                raise InvalidProof("proofs.di_vp: too large")
        except (TypeError, ValueError):
            raise InvalidProof("proofs.di_vp: is not JSON") from None
        read = ReadDiVpProofs(self, tuple([self._read(i, proof) for i, proof in enumerate(proofs)]))
        check_documents(read.key_refs)
        return read

    @property
    def algorithms(self) -> Collection[AlgorithmIdentifier]:
        """The cryptosuites that can be verified, case sensitive."""
        return frozenset(self.cryptosuites)

    @property
    def validates_key_attestations(self) -> bool:
        """A presentation has no place for one."""
        return False

    def _read(self, index: int, value: Any) -> "_Presentation":
        try:
            if not isinstance(value, Mapping):
                raise Malformed("must be an object")
            document = read_document(value, max_bytes=MAX_PRESENTATION)
            context = self._base_context(document)
            if PRESENTATION not in types_of(document.get("type"), "type"):
                raise Malformed(f"must have {PRESENTATION}", "type")
            proof = self._read_proof(document)
            if proof.cryptosuite.linked_data:
                self._check_contexts(document["@context"])
            url = _method(proof.verification_method)
            _check_holder(document, context, url.did)
        except Malformed as error:
            raise _at(index, error) from None
        reference = None if url.method in self.did_methods else KeyReference(proof.verification_method)
        return _Presentation(document, proof, url, reference)

    def _base_context(self, document: Mapping[str, Any]) -> str:
        # "the first item is a URI with the value" -- VCDM 1.1 4.1; a URL, VCDM 2.0 4.3
        first = contexts_of(document)[0]
        if first not in (CREDENTIALS_V1, CREDENTIALS_V2):
            raise Malformed("must begin with the base context of VCDM 1.1 or 2.0", "@context")
        return str(first)

    def _check_contexts(self, contexts: Sequence[Any]) -> None:
        for i, context in enumerate(contexts):
            known = self.contexts.registers(context) if isinstance(context, Mapping) else context in self.contexts
            if not known:
                raise Malformed("is a context that is neither served nor registered", f"@context[{i}]")

    def _read_proof(self, document: Mapping[str, Any]) -> Proof:
        member = document.get("proof")
        if isinstance(member, list) and len(member) == 1:
            member = member[0]
        if not isinstance(member, dict):
            raise Malformed("must be one Data Integrity proof", "proof")
        if member.get("type") != PROOF_TYPE:
            raise Malformed(f"must be {PROOF_TYPE}", "proof.type")
        try:
            proof = Proof.read(member)
        except Malformed as error:
            raise error.within("proof") from None
        if proof is None or proof.cryptosuite.name not in self.cryptosuites:
            raise Malformed("is not supported", "proof.cryptosuite")
        return proof


def _check_extra() -> None:
    # What is missing is said when an issuer or a Wallet is set up.
    from oid4vci.data_integrity import jcs, json_ld  # noqa: F401


def _method(text: str) -> DidUrl:
    try:
        url = DidUrl.parse(text)
        if not url.fragment:
            raise Malformed("must have a fragment")
    except Malformed as error:
        raise error.within("proof.verificationMethod") from None
    return url


def _check_holder(document: Mapping[str, Any], context: str, controller: str) -> None:
    """ "If present, it MUST be equivalent to the controller identifier part" -- OID4VCI F.2"""
    if "holder" not in document:
        return
    holder = document["holder"]
    # "either a URL or an object containing an id property" -- VCDM 2.0 4.13; a URI in VCDM 1.1 4.10
    if isinstance(holder, Mapping) and context == CREDENTIALS_V2:
        holder = holder.get("id")
    if holder != controller:
        raise Malformed("is not the controller of proof.verificationMethod", "holder")


def _at(index: int, error: Malformed) -> InvalidProof:
    return InvalidProof(str(error.within(f"proofs.di_vp[{index}]")))


@frozen
class _Presentation:
    """A presentation that is well formed. `reference` is where its key is, None if the DID URL has it."""

    document: Mapping[str, Any] = field(repr=False)
    proof: Proof
    method: DidUrl
    reference: KeyReference | None


@frozen
class ReadDiVpProofs:
    """`di_vp` proofs: parsed, nothing believed."""

    type: DiVpProofType
    presentations: tuple[_Presentation, ...] = field(repr=False)

    @property
    def nonces(self) -> tuple[str | None, ...]:
        """Each `challenge`."""
        return tuple([each.proof.challenge for each in self.presentations])

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The DID URLs that are not resolved here, each once."""
        return tuple(dict.fromkeys(each.reference for each in self.presentations if each.reference is not None))

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """None."""
        return ()

    def verify(self, expected: Expected, *, keys: ResolvedKeys, statuses: Statuses) -> Proved:
        """The proved keys, each once, with the DID URL by which it was named first. Raises `InvalidProof`.

        What takes no arithmetic is checked of all presentations before any signature.
        """
        for index, each in enumerate(self.presentations):
            try:
                self._check(each, expected)
            except Malformed as error:
                raise _at(index, error) from None
        proved: dict[PublicKey, PublicKey] = {}
        for index, each in enumerate(self.presentations):
            try:
                key = self._key(each, keys)
                each.proof.verify_possession(each.document, key, self.type.contexts)
            except Malformed as error:
                raise _at(index, error) from None
            proved.setdefault(key, evolve(key, did_url=each.proof.verification_method))
        return Proved(tuple(proved.values()))

    def _check(self, presentation: _Presentation, expected: Expected) -> None:
        proof = presentation.proof
        if proof.cryptosuite.name not in expected.algorithms:
            raise Malformed("is not an accepted cryptosuite", "proof.cryptosuite")
        if f"did:{presentation.method.method}" not in expected.binding_methods:
            raise Malformed("is of a DID method to which the Credential is not bound", "proof.verificationMethod")
        if proof.domain != (expected.audience,):
            raise Malformed("must be the Credential Issuer Identifier", "proof.domain")
        # "MUST NOT be used otherwise": only where there is a Nonce Endpoint
        if (proof.challenge is not None) != expected.nonce:
            raise Malformed("is missing" if expected.nonce else "must be omitted: there is no c_nonce", "proof.challenge")
        proof.check(purpose=PURPOSE, now=expected.now, leeway=self.type.max_skew)
        # "the creation time ..., as determined by either the issuance time, or a server managed timestamp via the nonce" -- F.4
        if proof.created is None or self.type.max_age is None:
            if proof.challenge is None:
                raise Malformed("is missing", "proof.created")
        elif proof.created < expected.now - self.type.max_age:
            raise Malformed("lies too far in the past", "proof.created")

    def _key(self, presentation: _Presentation, keys: ResolvedKeys) -> PublicKey:
        try:
            if presentation.reference is None:
                key = resolve(presentation.method, methods=self.type.did_methods)
            else:
                found = keys.get(presentation.reference, ())
                key = found[0] if len(found) == 1 else None
            if key is None:
                raise Malformed("could not be resolved to one key")
        except Malformed as error:
            raise error.within("proof.verificationMethod") from None
        return key


# --- wallet -------------------------------------------------------------------------------------------------------------------


def _check_context(maker: "DiVpProofMaker", attribute: object, context: str) -> None:
    if context not in (CREDENTIALS_V1, CREDENTIALS_V2):
        raise ValueError("context must be the base context of VCDM 1.1 or 2.0")


def _check_cryptosuites(maker: "DiVpProofMaker", attribute: object, names: Sequence[str]) -> None:
    if not names or not set(names) <= CRYPTOSUITES.keys():
        raise ValueError(f"cryptosuites must be some of {', '.join(CRYPTOSUITES)}")


def _names(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(names)


@frozen(kw_only=True)
class DiVpProofMaker:
    """Makes `di_vp` proofs: for each key a presentation without credentials, whose holder is the DID of the key.

    - `context`: the base context of the data model, 2.0 or 1.1.
    - `cryptosuites`: those that may be used, the preferred first.

    A key that is named by no DID URL is named by its did:key. Raises `ValueError`, and `ImportError` without the extra
    `oid4vci[ldp]`.
    """

    context: str = field(default=CREDENTIALS_V2, validator=_check_context)
    cryptosuites: tuple[str, ...] = field(default=tuple(CRYPTOSUITES), converter=_names, validator=_check_cryptosuites)

    def __attrs_post_init__(self) -> None:
        _check_extra()

    @property
    def signs(self) -> bool:
        """See `ProofMaker.signs`."""
        return True

    @property
    def dids_only(self) -> bool:
        """See `ProofMaker.dids_only`: a verification method has a DID URL here."""
        return True

    def key_algorithms(self, supported: Collection[AlgorithmIdentifier]) -> tuple[str, ...]:
        """See `ProofMaker.key_algorithms`: those of keys on a curve of a cryptosuite that is supported."""
        found = {
            algorithm.name: None
            for name in supported
            if isinstance(name, str) and name in self.cryptosuites
            for algorithm in ALGORITHMS.values()
            if algorithm.crv in CRYPTOSUITES[name].curves
        }
        return tuple(found)

    def draft(
        self, keys: Sequence[HolderKey], intended: Intended, *, key_attestation: str | None = None
    ) -> "UnsignedPresentations":
        """See `ProofMaker.draft`. The cryptosuite of each is the preferred one that fits the key and is supported."""
        if key_attestation is not None:
            raise ValueError("di_vp proofs have no place for a key attestation")
        return UnsignedPresentations(tuple([self._draft(key, intended) for key in keys]))

    def _draft(self, key: HolderKey, intended: Intended) -> "_UnsignedPresentation":
        suite, method = self._suite(key.public_key, intended.algorithms), _verification_method(key)
        contexts = [self.context] if self.context == CREDENTIALS_V2 else [self.context, DATA_INTEGRITY_V2]
        unsecured = {"@context": contexts, "type": [PRESENTATION], "holder": DidUrl.parse(method).did}
        options = proof_options(
            suite,
            verification_method=method,
            purpose=PURPOSE,
            created=date_time(intended.now),
            context=contexts,
            domain=intended.audience,
            challenge=intended.nonce,
        )
        data = suite.hash_data(unsecured, options, _CONTEXTS, crv=key.public_key.crv)
        return _UnsignedPresentation(key.signer, data, unsecured, options)

    def _suite(self, key: PublicKey, supported: Collection[AlgorithmIdentifier] | None) -> Cryptosuite:
        for name in self.cryptosuites:
            if (supported is None or name in supported) and key.crv in CRYPTOSUITES[name].curves:
                return CRYPTOSUITES[name]
        raise ValueError("there is no cryptosuite that goes with the key and that the issuer accepts")


def _verification_method(key: HolderKey) -> str:
    if key.did_url is not None:
        return key.did_url
    if key.x5c:
        raise ValueError("di_vp proofs name keys by DID URLs, not by certificates")
    did_key = DID_METHODS["key"]
    return did_key.verification_method(did_key.did(key.public_key))


@frozen
class _UnsignedPresentation:
    signer: Signer
    data: bytes = field(repr=False)
    unsecured: Mapping[str, Any] = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)


@frozen
class UnsignedPresentations:
    """Presentations that lack their signatures."""

    presentations: tuple[_UnsignedPresentation, ...]

    @property
    def to_sign(self) -> tuple[SigningInput, ...]:
        """See `UnsignedProofs.to_sign`: raw signatures, by the JWS algorithm of each key, as Data Integrity has them too."""
        return to_sign(self.presentations)

    def finish(self, signatures: Sequence[bytes] = ()) -> list[Any]:
        """See `UnsignedProofs.finish`."""
        made = signatures_of(self.presentations, signatures)
        return [
            secured(each.unsecured, each.options, signature) for each, signature in zip(self.presentations, made, strict=True)
        ]
