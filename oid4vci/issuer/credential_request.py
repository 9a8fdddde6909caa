"""The Credential Request: read and verified (OID4VCI 8.2, 8.3.1)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from oid4vci._json import Malformed
from oid4vci.errors import (
    InvalidCredentialRequest,
    InvalidProof,
    Refusal,
    UnknownCredentialConfiguration,
    UnknownCredentialIdentifier,
)
from oid4vci.http import Request
from oid4vci.issuer.credential_order import CredentialOrder
from oid4vci.issuer.request_body import RequestBody, read_request_body
from oid4vci.keys import KeyReference, ResolvedKeys
from oid4vci.metadata import CredentialConfiguration
from oid4vci.nonces import Nonce
from oid4vci.oauth.grants import MAX_IDENTIFIER, Authorization
from oid4vci.oauth.protected_resource import Access, ReadAccess
from oid4vci.proofs.proof_type import Expected, Proved, ReadProofs
from oid4vci.records import Key, Records
from oid4vci.revocation import Statuses, StatusRef

if TYPE_CHECKING:
    from oid4vci.issuer.credential_issuer import Issuer

__all__ = ("MAX_PROOFS", "CredentialCall", "read_credential_request")

# A request with more proofs than this is refused whatever the batch size, before anything is parsed.
MAX_PROOFS = 1000


def read_credential_request(issuer: "Issuer", access: ReadAccess, request: Request) -> "CredentialCall":
    """The request of a Wallet whose token was read; a fault of its body is kept until the token has been verified."""
    try:
        return _read_body(issuer, access, request)
    except Refusal as fault:
        return CredentialCall(issuer, access, RequestBody({}), fault=fault)


def _read_body(issuer: "Issuer", access: ReadAccess, request: Request) -> "CredentialCall":
    body = read_request_body(issuer, request)
    try:
        identifier = _string(body.members, "credential_identifier")
        configuration_id = _string(body.members, "credential_configuration_id")
    except Malformed as error:
        raise InvalidCredentialRequest(str(error)) from None
    if (identifier is None) == (configuration_id is None):
        # Each is REQUIRED where the other "MUST NOT be present" -- OID4VCI 8.2
        raise InvalidCredentialRequest("exactly one of credential_identifier and credential_configuration_id is needed")
    call = CredentialCall(issuer, access, body, identifier, configuration_id)
    if body.fault is not None:
        return evolve(call, proofs_fault=body.fault)
    try:
        proof_type, proofs = _read_proofs(issuer, body.members.get("proofs"))
    except InvalidProof as invalid:
        return evolve(call, proofs_fault=invalid)
    return evolve(call, proof_type=proof_type, proofs=proofs)


def _string(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is None and name not in body:
        return None
    if not isinstance(value, str) or not value or len(value) > MAX_IDENTIFIER:
        raise Malformed("must be a non-empty string", name)
    return value


def _read_proofs(issuer: "Issuer", proofs: Any) -> tuple[str | None, ReadProofs | None]:
    if proofs is None:
        return None, None
    # "The `proofs` parameter contains exactly one parameter named as the proof type ..., a non-empty array" -- OID4VCI 8.2
    if not isinstance(proofs, dict) or len(proofs) != 1:
        raise InvalidProof("proofs must be an object with exactly one member, named as the proof type")
    ((name, values),) = proofs.items()
    if not isinstance(values, list) or not values:
        raise InvalidProof("the proofs of a type must be a non-empty array")
    # "`batch_size`: ... the maximum array size for the `proofs` parameter" -- OID4VCI 12.2.4
    if len(values) > min(issuer.metadata.batch_size, MAX_PROOFS):
        raise InvalidProof("more proofs than the batch size allows")
    proof_type = issuer.proof_types.get(name)
    if proof_type is None:
        raise InvalidProof("the proof type is not supported")
    return name, proof_type.read(values)


@frozen
class CredentialCall:
    """A Credential Request: parsed, nothing believed."""

    issuer: "Issuer"
    access: ReadAccess = field(repr=False)
    body: RequestBody = field(repr=False)
    identifier: str | None = None
    configuration_id: str | None = None
    proof_type: str | None = None
    proofs: ReadProofs | None = field(default=None, repr=False)
    # What was found wrong while reading, raised where its turn comes.
    fault: Refusal | None = None
    proofs_fault: Refusal | None = None

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load: those of the token and its DPoP proof, and of the nonces, which exist if a nonce is spent."""
        policy = self.issuer.nonces
        if self.proofs is None or policy is None:
            return self.access.lookups
        return (*self.access.lookups, *(key for nonce in self._given_nonces for key in policy.lookup(nonce)))

    @property
    def _given_nonces(self) -> list[str]:
        """Each nonce once, in an order that does not depend on the request: two that share nonces contend for the same first."""
        given = () if self.proofs is None else self.proofs.nonces
        return sorted({nonce for nonce in given if nonce is not None})

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """The outside keys to resolve, DIDs only of methods to which this issuer binds a Credential (OID4VCI 12.2.4)."""
        named = () if self.proofs is None else self.proofs.key_refs
        return (*self.access.key_refs, *(each for each in named if self.issuer.takes_did(each.url)))

    @property
    def status_refs(self) -> tuple[StatusRef, ...]:
        """What may have been revoked, to be found out: key attestations, and certificates of attesters."""
        return () if self.proofs is None else self.proofs.status_refs

    def verify(
        self, records: Records, *, keys: ResolvedKeys | None = None, statuses: Statuses | None = None, now: int
    ) -> CredentialOrder:
        """Make every check: the token and its DPoP proof, what it allows, the request, then nonces and proofs.

        `statuses` are those of `status_refs`; what is not among them counts as revoked. Nothing is consumed yet.

        Raises `InvalidToken`, `InvalidDpopProof`, `UseDpopNonce`, `InsufficientScope` and the errors of OID4VCI 8.3.1.2.
        """
        resolved = keys or {}
        access = self.access.verify(records, keys=resolved, now=now)
        if self.fault is not None:
            raise self.fault
        configuration_id = self._requested(access)
        if self.proofs_fault is not None:
            raise self.proofs_fault
        configuration = self.issuer.metadata.credential_configurations_supported[configuration_id]
        nonces, proved = self._prove(configuration, access.authorization, records, resolved, statuses or {}, now)
        encoder = self.issuer.encoders[configuration_id]
        if not all(encoder.binds(key, configuration=configuration) for key in proved.keys):
            # One that was attested, for instance, may be of any kind.
            raise InvalidProof("no credential of this configuration can be bound to such a key")
        return CredentialOrder(
            issuer=self.issuer,
            configuration_id=configuration_id,
            identifier=self.identifier,
            configuration=configuration,
            access=access,
            holder_keys=proved.keys,
            nonces=nonces,
            now=now,
            body=self.body,
            key_attestations=proved.attestations,
        )

    def _requested(self, access: Access) -> str:
        """The id of the requested configuration, if the token allows it."""
        authorization, known = access.authorization, self.issuer.metadata.credential_configurations_supported
        if self.identifier is not None:
            # "MUST NOT be used otherwise" than when the Token Response named identifiers -- OID4VCI 8.2
            configuration_id = (authorization.identifiers or {}).get(self.identifier)
            if configuration_id is None or configuration_id not in known:
                raise UnknownCredentialIdentifier("the access token was not issued for this credential identifier")
            return configuration_id
        configuration_id = self.configuration_id
        if configuration_id is None or configuration_id not in known:
            raise UnknownCredentialConfiguration("there is no such credential configuration")
        if authorization.identifiers is not None:
            raise InvalidCredentialRequest("credential_identifier is needed: the token response named identifiers")
        if configuration_id not in authorization.configuration_ids:
            raise access.insufficient_scope("the access token is not good for this credential configuration")
        return configuration_id

    def _prove(
        self,
        configuration: CredentialConfiguration,
        authorization: Authorization,
        records: Records,
        keys: ResolvedKeys,
        statuses: Statuses,
        now: int,
    ) -> tuple[tuple[Nonce, ...], Proved]:
        supported = configuration.proof_types_supported
        if self.proofs is None or self.proof_type is None:
            if supported is not None:
                raise InvalidProof("proofs is missing")
            return (), Proved(())
        if supported is None or self.proof_type not in supported:
            raise InvalidProof("the credential configuration does not take this proof type")
        nonces = self._check_nonces(self.proofs, records, now)
        terms = supported[self.proof_type]
        expected = Expected(
            audience=self.issuer.identifier,
            client_id=authorization.client_id,
            algorithms=terms.proof_signing_alg_values_supported,
            key_attestations_required=terms.key_attestations_required,
            binding_methods=configuration.cryptographic_binding_methods_supported or (),
            nonce=self.issuer.nonces is not None,
            max_keys=self.issuer.metadata.batch_size,
            now=now,
        )
        proved = self.proofs.verify(expected, keys=keys, statuses=statuses)
        # One proof may bring several keys (a key attestation), and a proof type of a third party none.
        if not 1 <= len(proved.keys) <= expected.max_keys:
            raise InvalidProof("the proofs bring no key, or more keys than the batch size allows")
        if terms.key_attestations_required is not None and not proved.attestations:
            # "which the Credential Issuer expects the Wallet to send within the proof(s)" -- OID4VCI 12.2.4
            raise InvalidProof("a key attestation is missing")
        return nonces, proved

    def _check_nonces(self, proofs: ReadProofs, records: Records, now: int) -> tuple[Nonce, ...]:
        policy = self.issuer.nonces
        if policy is None:
            return ()
        # "if at least one of the key proofs does not contain a `c_nonce` value" -- OID4VCI 8.3.1.2
        if not proofs.nonces or None in proofs.nonces:
            raise InvalidProof("a key proof has no nonce")
        return tuple(policy.check(nonce, self.issuer.identifier, records, now=now) for nonce in self._given_nonces)
