"""W3C credentials secured by Data Integrity, the format `ldp_vc` (OID4VCI A.1.2): encoder for issuers, verifier for Wallets.

What a proof is stands in `data_integrity`; here is whose proof it must be, and what it has to do with a credential.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, evolve, field, frozen

from oid4vci._date_time import date_time
from oid4vci._document import https_url
from oid4vci._json import Malformed, dumps
from oid4vci.claims import ClaimsSemantics
from oid4vci.data_integrity.compact import check_compact
from oid4vci.data_integrity.contexts import DATA_INTEGRITY_V1, DATA_INTEGRITY_V2, SERVED, Contexts
from oid4vci.data_integrity.controlled_identifier import MEDIA_TYPES, published_key
from oid4vci.data_integrity.cryptosuite import CRYPTOSUITES, Cryptosuite
from oid4vci.data_integrity.proof import Proof, proof_options, read_document, read_proofs, secured
from oid4vci.dids import DID_METHODS, KNOWN_DID_METHODS, DidMethods, DidUrl, resolve
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, vcdm
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.holder_binding import holder_key
from oid4vci.formats.validity import DAY, check_settings, default_granularity, issued_and_expires
from oid4vci.formats.vcdm import VCDM_1_1, VCDM_2_0, DataModel
from oid4vci.formats.vcdm_draft import OwnMembers, can_bind, check_binding, check_own_binding, draft
from oid4vci.keys import PublicKey, Signer, public_key
from oid4vci.metadata import LdpVcConfiguration
from oid4vci.secret import NewSecret
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration, CredentialDefinition

__all__ = ("FORMAT", "LDP_VC", "LdpVcEncoder", "LdpVcVerifier")

FORMAT: Final = LdpVcConfiguration.identifier
PURPOSE: Final = "assertionMethod"
_MODELS: Final = (VCDM_2_0, VCDM_1_1)
_SEMANTICS: Final = evolve(vcdm.SEMANTICS, always=vcdm.SEMANTICS.always | {("credentialSubject", "id"), ("proof",)})
# Shared by all who register none, so that it is worked out once.
_CONTEXTS: Final = Contexts()


def _check_suites(identifier: str, suites: Mapping[str, Cryptosuite]) -> None:
    # "with a proof suite requiring Linked Data canonicalization" -- OID4VCI A.1; others need a format identifier of their own
    if identifier == FORMAT and not all(suite.linked_data for suite in suites.values()):
        raise ValueError(f"{FORMAT} has only cryptosuites with Linked Data canonicalization (OID4VCI A.1)")


# --- issuer -----------------------------------------------------------------------------------------------------------------


def _suite(encoder: "LdpVcEncoder") -> str:
    return "eddsa-rdfc-2022" if encoder.signer.public_jwk.get("crv") == "Ed25519" else "ecdsa-rdfc-2019"


@frozen(kw_only=True)
class LdpVcEncoder:
    """Makes credentials of one Credential Configuration, of the data model whose context comes first in it: 1.1 or 2.0.

    - `signer`: the issuer's key, on Ed25519, P-256 or P-384.
    - `issuer`: who the credential says has made it, if that is not the Credential Issuer identifier: a DID, or an https URL at
      which a controlled identifier document is published. A did:key or did:jwk must be that of the signer.
    - `kid`: the verification method of the proof, a URL under the issuer. By default the DID URL of the key if the issuer is a
      did:key or did:jwk, else the issuer, `#` and the id of the signer.
    - `cryptosuite`: by default `eddsa-rdfc-2022` or `ecdsa-rdfc-2019`, as the key is.
    - `binding`: how the holder's key becomes the id of the only subject: as `did:key` or `did:jwk`, the one that the holder named
      or else that of the key; or, with `did`, as the DID that the holder named, of whatever method the configuration lists.
    - `contexts`: the contexts that documents may name. In a credential of VCDM 1.1, that of Data Integrity is added.
    - `new_ids`: whether credentials that have no `id` get one, a random `urn:uuid:`.
    - `lifetime`: seconds that a credential holds; None for one that does not expire.
    - `time_granularity`: seconds to whose multiples times are rounded down, so that they link no two presentations
      (OID4VCI 15.4.1); it must fit twice into `lifetime`. By default a day, or less for short lifetimes.
    - `format`: another identifier for a profile of one's own, which may then have `eddsa-jcs-2022` and `ecdsa-jcs-2019`.

    Raises `ValueError` for what does not fit together.
    """

    signer: Signer
    issuer: str | None = None
    kid: str | None = None
    cryptosuite: str = Factory(_suite, takes_self=True)
    binding: str = "did:key"
    contexts: Contexts = field(default=_CONTEXTS, repr=False)
    new_ids: bool = False
    lifetime: int | None = 30 * DAY
    time_granularity: int = Factory(default_granularity, takes_self=True)
    format: str = FORMAT

    def __attrs_post_init__(self) -> None:
        if self.cryptosuite not in CRYPTOSUITES:
            raise ValueError(f"cryptosuite must be one of {', '.join(CRYPTOSUITES)}")
        suite = CRYPTOSUITES[self.cryptosuite]
        _check_suites(self.format, {suite.name: suite})
        if self.signer.public_jwk.get("crv") not in suite.curves:
            raise ValueError(f"{self.cryptosuite} needs a key on {' or '.join(suite.curves)}")
        check_settings(self.lifetime, self.time_granularity)
        check_binding(self.binding, cnf=False)
        if self.issuer is not None:
            self._verification_method(self.issuer)

    def _verification_method(self, issuer: str) -> str:
        if not issuer.startswith(("did:", "https://")):
            raise ValueError("the issuer must be a DID, or an https URL at which its keys are published")
        method = self.kid
        if method is None:
            did_method = DID_METHODS.get(DidUrl.parse(issuer).method) if issuer.startswith("did:") else None
            method = f"{issuer}#{self.signer.key_id}" if did_method is None else did_method.verification_method(issuer)
        if not method.startswith(f"{issuer}#"):
            raise ValueError("kid must be the URL of a key of the issuer")
        if issuer.startswith("did:") and resolve(method) not in (None, public_key(self.signer.public_jwk)):
            raise ValueError("the issuer's DID is not that of the signer's key")
        return method

    @property
    def semantics(self) -> ClaimsSemantics:
        """JSON paths from the credential on (OID4VCI C.1); the subject's `id` is set here."""
        return _SEMANTICS

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: format, cryptosuite and binding are those of the configuration, whose contexts are known
        and define its types.

        Raises `ImportError` without the extra `oid4vci[ldp]`.
        """
        definition = self._check(configuration)
        document = {
            "@context": [*(definition.context or ()), *self._further(self._model(definition), definition)],
            "type": list(definition.type),
        }
        CRYPTOSUITES[self.cryptosuite].canonical(document, self.contexts, crv=self.signer.public_jwk["crv"])

    def _check(self, configuration: "CredentialConfiguration") -> "CredentialDefinition":
        definition = vcdm.definition_of(configuration, self.format)
        if not configuration.lists_algorithm(self.cryptosuite):
            raise ValueError("the cryptosuite is not among the configuration's credential_signing_alg_values_supported")
        check_own_binding(configuration, self.binding, cnf=False)
        self._model(definition)
        return definition

    def _model(self, definition: "CredentialDefinition") -> DataModel:
        first = next(iter(definition.context or ()), None)
        model = next((model for model in _MODELS if model.context == first), None)
        if model is None:
            raise ValueError("the configuration's @context must begin with the base context of VCDM 1.1 or 2.0")
        return model

    def _further(self, model: DataModel, definition: "CredentialDefinition") -> tuple[str, ...]:
        """The context that defines what a proof says: VCDM 2.0 has it in its own (VC Data Integrity 2.4.2)."""
        there = model is VCDM_2_0 or not {DATA_INTEGRITY_V1, DATA_INTEGRITY_V2}.isdisjoint(
            context for context in definition.context or () if isinstance(context, str)
        )
        return () if there else (DATA_INTEGRITY_V2,)

    def binds(self, key: PublicKey, *, configuration: "CredentialConfiguration") -> bool:
        """See `CredentialEncoder.binds`: a key that has a DID of the method that binds."""
        return can_bind(key, self.binding, configuration, cnf=False)

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: "CredentialConfiguration",
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> SignedCopies[dict[str, Any]]:
        """See `CredentialEncoder.draft`. Of several copies each needs an `id`, a `credentialStatus` of its own, if any.

        Whatever in `claims` no context defines is refused: the signature would not cover it (VC Data Integrity 2.4.3).
        """
        definition = self._check(configuration)
        model, suite, named = self._model(definition), CRYPTOSUITES[self.cryptosuite], self.issuer or issuer
        valid_from, valid_until = issued_and_expires(now, self.lifetime, self.time_granularity)
        drafted = draft(
            claims,
            model=model,
            configuration=configuration,
            contexts=self._further(model, definition),
            issuer=named,
            binding=self.binding,
            holder_keys=holder_keys,
            valid_from=valid_from,
            valid_until=valid_until,
            copies=copies,
            new_ids=new_secret if self.new_ids else None,
            token_status=False,
            cnf=False,
        )
        options = proof_options(
            suite,
            verification_method=self._verification_method(named),
            purpose=PURPOSE,
            created=date_time(valid_from),
            context=drafted.shared["@context"],
        )
        crv = self.signer.public_jwk["crv"]
        unsecured = [read_document(drafted.credential(i)) for i in range(len(drafted.own))]
        for each in unsecured if suite.linked_data else ():
            check_compact(each)
        head = suite.hash_options(unsecured[0], options, self.contexts, crv=crv)
        canonical = self._canonical(suite, unsecured, drafted.own, crv)
        inputs = tuple(head + suite.hashed(each, crv=crv) for each in canonical)
        return SignedCopies(self.signer, inputs, lambda i, signature: secured(unsecured[i], options, signature))

    def _canonical(
        self, suite: Cryptosuite, unsecured: Sequence[Mapping[str, Any]], own: Sequence[OwnMembers], crv: str
    ) -> list[bytes]:
        """The canonical form of each copy, worked out together if they differ in what they are called alone."""
        text = dumps(unsecured[0])
        names = [_names(each) for each in own]
        together = (
            suite.linked_data
            and len(own) > 1
            and all(each.members.keys() <= {"id"} for each in own)
            and all(each.keys() == names[0].keys() for each in names)
            # What stands elsewhere too might mean something else there.
            and all(text.count(name) == 1 for name in names[0].values())
        )
        if not together:
            return [suite.canonical(each, self.contexts, crv=crv) for each in unsecured]
        copies = [{names[0][role]: name for role, name in each.items()} for each in names]
        return suite.canonical_copies(unsecured[0], self.contexts, copies, crv=crv)


def _names(own: OwnMembers) -> dict[str, str]:
    """What a copy, and its subject, are called."""
    return {
        role: name for role, name in (("credential", own.members.get("id")), ("subject", own.subject_id)) if name is not None
    }


# --- wallet -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class LdpVcVerifier:
    """Checks credentials with Data Integrity proofs.

    - `leeway`: seconds by which clocks may differ.
    - `contexts`: the contexts that credentials may name, or have in themselves; nothing is fetched, and what others mean is not
      known.
    - `did_methods`: the DID methods that issuers and holders may use, by name.
    - `cryptosuites`: those that are accepted, by default all with Linked Data canonicalization.
    - `format`: another identifier for a profile of one's own, which may then have other cryptosuites.

    Of several proofs at least one must be the issuer's, and each of a known cryptosuite that is the issuer's, or by the key of a
    DID, must verify. Others say nothing, and are passed over.

    Raises `ImportError` without the extra `oid4vci[ldp]`.
    """

    leeway: int = 60
    contexts: Contexts = field(default=_CONTEXTS, repr=False)
    did_methods: DidMethods = KNOWN_DID_METHODS
    cryptosuites: Mapping[str, Cryptosuite] = {name: suite for name, suite in CRYPTOSUITES.items() if suite.linked_data}
    format: str = FORMAT

    def __attrs_post_init__(self) -> None:
        # What is missing is said before a credential is asked for, and not when it has come.
        from oid4vci.data_integrity import jcs, json_ld  # noqa: F401

        _check_suites(self.format, self.cryptosuites)

    def verify(
        self,
        credential: Any,
        *,
        configuration: "CredentialConfiguration | None",
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        """See `CredentialVerifier.verify`. The issuer's key is that of its DID, or is in the document at its URL."""
        with reading(InvalidCredential):
            if not isinstance(credential, Mapping):
                raise Malformed("is not a JSON object (OID4VCI A.1.2.4)")
            document = read_document(credential)
            definition = None if configuration is None else vcdm.definition_of(configuration, self.format)
            read = vcdm.read(document, models=_MODELS, definition=definition)
            read.check_now(now, self.leeway)
            proofs = self._proofs(document, configuration)
            self._check_contexts(document["@context"], definition)
            unsecured = {name: member for name, member in document.items() if name != "proof"}
            if any(proof.cryptosuite.linked_data for proof in proofs):
                check_compact(unsecured)
            key = holder_key({}, read.subject_ids, holder_keys, methods=self.did_methods)
            trust.demand(read.issuer)
            needed = self._verify_proofs(document, proofs, read.issuer, documents, now)
            if needed is not None:
                return needed
            return VerifiedCredential(
                self.format,
                credential,
                unsecured,
                issuer=read.issuer,
                holder_key=key,
                issued_at=None if read.valid_from is None else int(read.valid_from),
                expires_at=None if read.valid_until is None else int(read.valid_until),
                status=None if read.status is None else {"credentialStatus": read.status},
                semantics=_SEMANTICS,
            )

    def _proofs(self, document: Mapping[str, Any], configuration: "CredentialConfiguration | None") -> list[Proof]:
        proofs = [
            proof
            for proof in read_proofs(document)
            if proof.cryptosuite.name in self.cryptosuites
            and (configuration is None or configuration.lists_algorithm(proof.cryptosuite.name))
        ]
        if not proofs:
            raise Malformed("has no cryptosuite that is accepted", "proof")
        return proofs

    def _check_contexts(self, contexts: Sequence[Any], definition: "CredentialDefinition | None") -> None:
        """Contexts are those that were asked for, and what is served here of itself (VC Data Integrity 2.4.1).

        With another one, what is signed could be given other names. Without anything that was asked for, those that are known.
        One that stands in the credential itself must be registered too: the issuer's metadata, which ask for it, may be those of
        another party than the one that signs.
        """
        wanted = () if definition is None else definition.context or ()
        for i, context in enumerate(contexts):
            asked = context in wanted or (isinstance(context, str) and context in (self.contexts if not wanted else SERVED))
            if not asked or (isinstance(context, Mapping) and not self.contexts.registers(context)):
                raise Malformed("is not a context that was asked for, nor one that is known", f"@context[{i}]")

    def _verify_proofs(
        self, document: Mapping[str, Any], proofs: Sequence[Proof], issuer: str, documents: Mapping[str, bytes], now: int
    ) -> NeededDocument | None:
        if not any(proof.controller == issuer for proof in proofs):
            raise Malformed("is not a key of the issuer", "proof.verificationMethod")
        verified: set[str | None] = set()
        previous: set[str] = set()
        # The issuer's first: who has not signed it shall not have all others worked out.
        for proof in sorted(proofs, key=lambda proof: proof.controller != issuer):
            key = self._key(proof, issuer, documents, now)
            if isinstance(key, NeededDocument):
                return key
            if key is None:
                continue
            proof.check(purpose=PURPOSE, now=now, leeway=self.leeway)
            proof.verify(document, key, self.contexts)
            verified.add(proof.id)
            previous.update(proof.previous)
        # "any proof ... with a previousProof can only be considered verified if the proofs it references are also considered
        # verified" -- VC Data Integrity 4.5
        if not previous <= verified:
            raise Malformed("is a proof that has not been verified", "proof.previousProof")
        return None

    def _key(self, proof: Proof, issuer: str, documents: Mapping[str, bytes], now: int) -> PublicKey | NeededDocument | None:
        """The key that a proof is to be verified with; None if it is not the issuer's and cannot be had without asking."""
        method = proof.verification_method
        try:
            if method.startswith("did:"):
                if "#" not in method:
                    raise Malformed("must have a fragment")
                url = DidUrl.parse(method)
                key = resolve(url, methods=self.did_methods)
                if key is not None or proof.controller != issuer:
                    return key
                found = issuer_keys.document_keys(url, documents=documents, now=now, methods=self.did_methods)
                return found if isinstance(found, NeededDocument) else found[0]
            if proof.controller != issuer:
                return None
            https_url().check(issuer)
            if "#" not in method:
                raise Malformed("must have a fragment")
        except Malformed as error:
            raise error.within("proof.verificationMethod") from None
        if issuer not in documents:
            return NeededDocument(issuer, MEDIA_TYPES)
        return published_key(documents[issuer], method, purpose=PURPOSE, now=now)


LDP_VC: Final = CredentialFormat(
    identifier=FORMAT,
    configuration_class=LdpVcConfiguration,
    encoder=LdpVcEncoder,
    verifier=LdpVcVerifier,
    semantics=_SEMANTICS,
)
