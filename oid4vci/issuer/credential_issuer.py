"""The Credential Issuer: read, verify, decide, finish.

    call = issuer.read(request)                                  parsed, nothing believed
    order = call.verify(records, keys=resolved, now=now)         every check passed
    draft = order.issue(claims)                                  or order.defer(interval=3600), order.deny("no longer enrolled")
    reply = draft.finish(signatures)                             commit reply.changes, then send reply.response

Every refusal on the way is a `Refusal` with a `reply` of its own.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from attrs import Factory, evolve, field, frozen

from oid4vci import _json
from oid4vci._document import identifier_url
from oid4vci._json import Malformed, b64url_encode
from oid4vci.claims import ClaimsPath
from oid4vci.encryption import Encryption
from oid4vci.errors import NotFound, check_method
from oid4vci.http import Request, url_path
from oid4vci.issuer.credential_request import MAX_PROOFS, CredentialCall, read_credential_request
from oid4vci.issuer.deferred_request import DeferredCall, read_deferred_request
from oid4vci.issuer.haip import haip_encoders, haip_findings, haip_proof_types
from oid4vci.issuer.metadata_endpoint import MetadataCall, MetadataDocuments
from oid4vci.issuer.notification import NotificationCall, read_notification_request
from oid4vci.issuer.open_endpoints import OFFER, NonceCall, OfferCall, PublishedOffer
from oid4vci.issuer.transaction import Deferral, StoredTransaction
from oid4vci.keys import Signer, published_jwks
from oid4vci.metadata import (
    CredentialIssuerMetadata,
    MetadataSigner,
    credential_issuer_metadata_url,
    jwt_vc_issuer_metadata_url,
)
from oid4vci.metadata.finding import publishing_errors
from oid4vci.metadata.haip import broken_rules
from oid4vci.nonces import Nonces
from oid4vci.notifications import Notifications
from oid4vci.oauth.access_tokens import AccessTokens
from oid4vci.oauth.dpop import Dpop
from oid4vci.oauth.protected_resource import ProtectedResource
from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer, Grants, PreAuthorizedCodeGrant, check_new_offer
from oid4vci.proofs.jwt import JwtProofType
from oid4vci.proofs.proof_type import ProofType
from oid4vci.published_document import DocumentCall, PublishedDocument
from oid4vci.records import Insert, Key, Record
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret, new_secret

if TYPE_CHECKING:
    from oid4vci.formats.credential_format import CredentialEncoder

__all__ = ("Issuer", "IssuerCall")

# What `publish_offer` makes: 32 bytes in base64url.
_OFFER_ID = re.compile(r"[A-Za-z0-9_-]{43}")
IssuerCall: TypeAlias = MetadataCall | DocumentCall | NonceCall | OfferCall | CredentialCall | DeferredCall | NotificationCall


def _dpop(issuer: "Issuer") -> Dpop | None:
    return Dpop() if issuer.haip else None


def _bearer(issuer: "Issuer") -> bool:
    return not issuer.haip


@frozen
class Issuer:
    """A Credential Issuer.

    - `metadata`: what it publishes; broken duties of a publisher (OID4VCI 12.2.4) raise `ValueError`.
    - `access_tokens`: how Access Tokens are read: `SealedAccessTokens` where the authorization server shares our keys.
    - `encoders`: for each credential configuration, what issues it.
    - `nonces`: needed exactly if the metadata name a `nonce_endpoint`.
    - `deferral`: for how long Credentials can be deferred; needed exactly if the metadata name a `deferred_credential_endpoint`.
    - `proof_types`: the proof types that can be validated, by identifier.
    - `credential_offer_endpoint`: where offers by reference are served, each under an id of its own; https.
    - `published_keys`: the keys of credentials that bring no certificate chain, and those of earlier ones that still must verify.
      They are served as JWT VC issuer metadata, each with its `key_id` as `kid` (draft-ietf-oauth-sd-jwt-vc).
    - `dpop`: how DPoP proofs are checked; with None, which is the default without `haip`, no Access Token that is bound to a key
      is taken.
    - `haip`: go by HAIP 1.0, and refuse settings that break it: `ValueError` names each rule. The encoders of its formats are then
      those with `haip=True`, key attestations must bring a certificate chain, and every token must be bound to a key.
    - `bearer`: whether Bearer tokens are taken; False, with `dpop`, where every token must be bound to a key.
    - `signed_metadata`: how the metadata are signed for Wallets that ask for it (OID4VCI 12.2.3); None: they get JSON.
    - `localised`: whether who asks for languages gets the display of these only (OID4VCI 12.2.2). Else everybody gets the same
      document with all of them, and can choose others later without asking again.
    - `encryption`: how requests and responses are encrypted; the metadata say the same. With None, they are not.
    - `notifications`: how ids for notifications are made; needed exactly if the metadata name a `notification_endpoint`.
    - `new_secret`: where randomness comes from.

    `promised_claims` are, by configuration, the paths of claims that every dataset must have: those that are mandatory in the
    metadata (OID4VCI B.2) and that the encoder does not fill itself.
    """

    metadata: CredentialIssuerMetadata
    access_tokens: AccessTokens
    encoders: "Mapping[str, CredentialEncoder]"
    nonces: Nonces | None = None
    proof_types: Mapping[str, ProofType] = field(factory=lambda: {"jwt": JwtProofType()})
    credential_offer_endpoint: str | None = None
    published_keys: Sequence[Signer] = ()
    haip: bool = field(default=False, kw_only=True)
    dpop: Dpop | None = Factory(_dpop, takes_self=True)
    bearer: bool = Factory(_bearer, takes_self=True)
    signed_metadata: MetadataSigner | None = None
    localised: bool = False
    encryption: Encryption | None = None
    deferral: Deferral | None = None
    new_secret: NewSecret = field(default=new_secret, repr=False)
    notifications: Notifications | None = None
    promised_claims: Mapping[str, tuple[ClaimsPath, ...]] = field(init=False, repr=False, eq=False)
    _did_methods: frozenset[str] = field(init=False, repr=False, eq=False)
    _resource: ProtectedResource = field(init=False, repr=False, eq=False)
    _metadata_documents: MetadataDocuments = field(init=False, repr=False, eq=False)
    _keys_document: PublishedDocument = field(init=False, repr=False, eq=False)
    _endpoints: Mapping[str, Callable[[Request], IssuerCall]] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        if self.haip:
            object.__setattr__(self, "encoders", haip_encoders(self.encoders))
            object.__setattr__(self, "proof_types", haip_proof_types(self.proof_types))
        _check_capabilities(self)
        metadata = self.metadata
        endpoints: dict[str, Callable[[Request], IssuerCall]] = {
            url_path(credential_issuer_metadata_url(self.identifier)): self.read_metadata_request,
            url_path(metadata.credential_endpoint): self.read_credential_request,
        }
        if metadata.nonce_endpoint is not None:
            endpoints[url_path(metadata.nonce_endpoint)] = self.read_nonce_request
        if metadata.deferred_credential_endpoint is not None:
            endpoints[url_path(metadata.deferred_credential_endpoint)] = self.read_deferred_request
        if self.published_keys:
            endpoints[url_path(jwt_vc_issuer_metadata_url(self.identifier))] = self.read_keys_request
        if metadata.notification_endpoint is not None:
            endpoints[url_path(metadata.notification_endpoint)] = self.read_notification_request
        resource = ProtectedResource(self.access_tokens, self.identifier, self.dpop, self.bearer)
        configurations = metadata.credential_configurations_supported.values()
        methods = frozenset(method for each in configurations for method in each.cryptographic_binding_methods_supported or ())
        object.__setattr__(self, "_did_methods", methods)
        object.__setattr__(self, "promised_claims", _promised_claims(self))
        object.__setattr__(self, "_resource", resource)
        object.__setattr__(self, "_endpoints", endpoints)
        object.__setattr__(self, "_metadata_documents", MetadataDocuments(metadata, self.signed_metadata, self.localised))
        keys = {"issuer": self.identifier, "jwks": published_jwks(self.published_keys)}
        object.__setattr__(self, "_keys_document", PublishedDocument(_json.dump_bytes(keys)))

    @property
    def identifier(self) -> str:
        """The Credential Issuer Identifier."""
        return self.metadata.credential_issuer

    # --- reading ---------------------------------------------------------------------------------------------------------

    def takes_did(self, url: str) -> bool:
        """Whether a URL is no DID URL, or one of a method that a configuration lists among its binding methods.

        Of the others nobody is asked: no Credential is bound to them.
        """
        return not url.startswith("did:") or ":".join(url.split(":", 2)[:2]) in self._did_methods

    def serves(self, path: str) -> bool:
        """Whether a URL path belongs to one of this issuer's endpoints."""
        return path in self._endpoints or self._offer_id(path) is not None

    def read(self, request: Request) -> IssuerCall:
        """Read a request to any of the endpoints, found by the path of its URL. Raises `Refusal`."""
        reader = self._endpoints.get(request.path)
        if reader is not None:
            return reader(request)
        if self._offer_id(request.path) is not None:
            return self.read_offer_request(request)
        raise NotFound("there is no endpoint here")

    def read_metadata_request(self, request: Request) -> MetadataCall:
        """A request for the Credential Issuer Metadata (OID4VCI 12.2.2). Raises `MethodNotAllowed`."""
        check_method(request, "GET")
        return MetadataCall(self._metadata_documents, request)

    def read_keys_request(self, request: Request) -> DocumentCall:
        """A request for the JWT VC issuer metadata. Raises `MethodNotAllowed`."""
        check_method(request, "GET")
        return DocumentCall(self._keys_document, request)

    def read_nonce_request(self, request: Request) -> NonceCall:
        """A Nonce Request (OID4VCI 7.1). No Access Token is needed, the body is ignored. Raises `MethodNotAllowed`, `NotFound`."""
        check_method(request, "POST")
        if self.nonces is None:
            raise NotFound("this issuer has no nonce endpoint")
        return NonceCall(self, self.nonces)

    def read_offer_request(self, request: Request) -> OfferCall:
        """A request for an offer by reference (OID4VCI 4.1.3). Raises `MethodNotAllowed`, `NotFound`."""
        check_method(request, "GET")
        offer_id = self._offer_id(request.path)
        if offer_id is None:
            raise NotFound("there is no credential offer here")
        return OfferCall(offer_id)

    def read_notification_request(self, request: Request) -> NotificationCall:
        """A Notification Request (OID4VCI 11.1), refused here and by `verify` as a Credential Request is.

        Raises `Refusal`, and `NotFound` without such an endpoint.
        """
        check_method(request, "POST")
        url, notifications = self.metadata.notification_endpoint, self.notifications
        if url is None or notifications is None:
            raise NotFound("this issuer has no notification endpoint")
        return read_notification_request(self, notifications, self._resource.read(request, url=url), request)

    def read_credential_request(self, request: Request) -> CredentialCall:
        """A Credential Request (OID4VCI 8.2).

        Only the Access Token and its DPoP proof can be refused here: what is wrong with the body is said by `verify`, once the
        token is known to be good, so that nobody without one learns anything. Raises `Refusal`.
        """
        check_method(request, "POST")
        access = self._resource.read(request, url=self.metadata.credential_endpoint)
        return read_credential_request(self, access, request)

    def read_deferred_request(self, request: Request) -> DeferredCall:
        """A Deferred Credential Request (OID4VCI 9.1), refused here and by `verify` as a Credential Request is.

        Raises `Refusal`, and `NotFound` without such an endpoint.
        """
        check_method(request, "POST")
        url, deferral = self.metadata.deferred_credential_endpoint, self.deferral
        if url is None or deferral is None:
            raise NotFound("this issuer has no deferred credential endpoint")
        return read_deferred_request(self, deferral, self._resource.read(request, url=url), request)

    # --- deferring -------------------------------------------------------------------------------------------------------

    def transaction(self, handle: str) -> StoredTransaction:
        """A Deferred Issuance transaction, to be completed or refused by any process, at any time: load its `lookups`, then `read`.

        It is one of this issuer, also where several have one store. `handle` is that of the `DeferredDraft`. Raises `ValueError`
        if it cannot be one.
        """
        return StoredTransaction(handle, self.identifier)

    # --- offering --------------------------------------------------------------------------------------------------------

    def offer(
        self,
        configuration_ids: Sequence[str],
        *,
        authorization_code: AuthorizationCodeGrant | None = None,
        pre_authorized_code: PreAuthorizedCodeGrant | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> CredentialOffer:
        """A Credential Offer for some of this issuer's configurations (OID4VCI 4.1.1).

        Of two grants the Wallet chooses one; without any, the authorization server's metadata say which ones there are. An
        `authorization_server` in a grant must be one of several in the metadata. Raises `ValueError`.
        """
        grants = Grants(authorization_code=authorization_code, pre_authorized_code=pre_authorized_code)
        offer = CredentialOffer(
            credential_issuer=self.identifier,
            credential_configuration_ids=tuple(configuration_ids),
            grants=grants if grants != Grants() else None,
            extra=extra or {},
        )
        check_new_offer(offer, self.metadata)
        return offer

    def publish_offer(self, offer: CredentialOffer, *, now: int, lifetime: int = 600) -> PublishedOffer:
        """Store an offer to be fetched by reference for `lifetime` seconds, under a URL that nobody can guess (OID4VCI 4.1.3).

        Raises `ValueError` if the issuer has no `credential_offer_endpoint`.
        """
        if self.credential_offer_endpoint is None:
            raise ValueError("credential_offer_endpoint is not set")
        offer_id = b64url_encode(self.new_secret(32))
        # An offer holds its code: like the row's key, its content is nothing to who does not know the URL.
        sealed = SealingKeys.named_by(offer_id).seal(OFFER, offer.to_json(), new_secret=self.new_secret)
        record = Record(Key.of(OFFER, offer_id), {"sealed": sealed}, now + lifetime)
        return PublishedOffer(f"{self.credential_offer_endpoint}/{offer_id}", (Insert(record),))

    def _offer_id(self, path: str) -> str | None:
        if self.credential_offer_endpoint is None:
            return None
        prefix = url_path(self.credential_offer_endpoint) + "/"
        offer_id = path.removeprefix(prefix)
        return offer_id if path.startswith(prefix) and _OFFER_ID.fullmatch(offer_id) else None


def _promised_claims(issuer: Issuer) -> dict[str, tuple[ClaimsPath, ...]]:
    promised = {}
    for name, configuration in issuer.metadata.credential_configurations_supported.items():
        described = () if configuration.credential_metadata is None else configuration.credential_metadata.claims or ()
        if paths := issuer.encoders[name].semantics.demanded(described):
            promised[name] = paths
    return promised


def _check_capabilities(issuer: Issuer) -> None:
    """What is published must be what is served."""
    metadata = issuer.metadata
    broken = list(publishing_errors(metadata.findings()))
    if issuer.haip and (rules := broken_rules(haip_findings(issuer))):
        broken.append(f"HAIP is not met: {rules}")
    # "If omitted, the Credential Issuer does not support the Deferred Credential Endpoint" -- OID4VCI 12.2.4
    if (metadata.deferred_credential_endpoint is None) != (issuer.deferral is None):
        broken.append("deferred_credential_endpoint: must be there exactly if deferral is")
    # "If omitted, the Credential Issuer does not support the Notification Endpoint." -- OID4VCI 12.2.4
    if (metadata.notification_endpoint is None) != (issuer.notifications is None):
        broken.append("notification_endpoint: must be there exactly if notifications are")
    broken.extend(_unserved_encryption(metadata, issuer.encryption))
    # "A Credential Issuer that requires `c_nonce` values ... MUST offer a Nonce Endpoint" -- OID4VCI 7
    if (metadata.nonce_endpoint is None) != (issuer.nonces is None):
        broken.append("nonce_endpoint: must be there exactly if nonces are")
    for name, configuration in metadata.credential_configurations_supported.items():
        encoder = issuer.encoders.get(name)
        if encoder is None:
            broken.append(f"credential_configurations_supported.{name}: has no encoder")
        elif encoder.format != configuration.format:
            broken.append(f"credential_configurations_supported.{name}: its encoder issues {encoder.format}")
        else:
            try:
                encoder.check(configuration)
            except ValueError as error:
                broken.append(f"credential_configurations_supported.{name}: {error}")
        for proof_type, terms in (configuration.proof_types_supported or {}).items():
            known = issuer.proof_types.get(proof_type)
            if known is None:
                broken.append(f"credential_configurations_supported.{name}: proof type {proof_type} cannot be validated")
            elif not set(terms.proof_signing_alg_values_supported) <= set(known.algorithms):
                broken.append(f"credential_configurations_supported.{name}: not all algorithms of {proof_type} can be verified")
            if terms.key_attestations_required is not None and not (known is not None and known.validates_key_attestations):
                broken.append(f"credential_configurations_supported.{name}: key attestations cannot be validated")
    for name in issuer.encoders.keys() - metadata.credential_configurations_supported.keys():
        broken.append(f"encoders: {name} is not a configuration")
    if metadata.batch_size > MAX_PROOFS:
        broken.append(f"batch_credential_issuance.batch_size: at most {MAX_PROOFS} proofs are taken")
    if len({each.key_id for each in issuer.published_keys}) != len(issuer.published_keys):
        broken.append("published_keys: each needs a key_id of its own")
    if issuer.credential_offer_endpoint is not None:
        try:
            identifier_url().check(issuer.credential_offer_endpoint)
        except Malformed as error:
            broken.append(str(error.within("credential_offer_endpoint")))
    urls = (
        metadata.credential_endpoint,
        metadata.nonce_endpoint,
        metadata.deferred_credential_endpoint,
        metadata.notification_endpoint,
    )
    paths = [url_path(url) for url in urls if url is not None]
    paths.append(url_path(credential_issuer_metadata_url(metadata.credential_issuer)))
    if issuer.published_keys:
        paths.append(url_path(jwt_vc_issuer_metadata_url(metadata.credential_issuer)))
    if len(set(paths)) != len(paths):
        broken.append(
            "credential_endpoint, nonce_endpoint, deferred_credential_endpoint, notification_endpoint: "
            "each endpoint needs a path of its own"
        )
    if broken:
        raise ValueError("; ".join(broken))


def _unserved_encryption(metadata: CredentialIssuerMetadata, encryption: Encryption | None) -> Iterator[str]:
    """The members about encryption that do not say what is served (OID4VCI 8.2, 12.2.4)."""
    request, response = metadata.credential_request_encryption, metadata.credential_response_encryption
    if (request and evolve(request, extra={})) != (encryption and encryption.request_metadata):
        yield "credential_request_encryption: must be the request_metadata of the encryption"
    if (response and evolve(response, extra={})) != (encryption and encryption.response_metadata):
        yield "credential_response_encryption: must be the response_metadata of the encryption"
