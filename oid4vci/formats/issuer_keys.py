"""Whose key signs a Credential: that of a certificate chain, or one that the issuer publishes (draft-ietf-oauth-sd-jwt-vc).

Rule: a key is believed because the trust given says so, never because the credential brings it along.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from oid4vci import _jose, _json, dids
from oid4vci._document import https_url
from oid4vci._json import Malformed
from oid4vci.dids.document import DID_MEDIA_TYPES
from oid4vci.errors import Untrusted
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.keys import PublicKey, Signer, public_keys
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration
    from oid4vci.revocation import Statuses
    from oid4vci.x509 import Anchors, Leaf

__all__ = (
    "accepted_algorithm",
    "certified_key",
    "certified_leaf",
    "check_own_algorithm",
    "did_keys",
    "document_keys",
    "published_keys",
)

MAX_CANDIDATES = 10


def check_own_algorithm(configuration: "CredentialConfiguration", signer: Signer) -> None:
    """Issuer: raise `ValueError` unless the configuration lists the signer's algorithm, or none."""
    if not configuration.lists_algorithm(signer.algorithm):
        raise ValueError("the signer's algorithm is not among the configuration's credential_signing_alg_values_supported")


def accepted_algorithm(jws: _jose.Jws, configuration: "CredentialConfiguration | None") -> str:
    """The header's `alg`, if the configuration has promised it; if it has promised nothing, one of those accepted by default.

    Raises `Malformed`.
    """
    algorithm = jws.algorithm
    listed = None if configuration is None else configuration.credential_signing_alg_values_supported
    if algorithm not in _jose.ALGORITHMS or algorithm not in (_jose.DEFAULT_ALGORITHMS if listed is None else listed):
        raise Malformed("alg is not an accepted algorithm", "header")
    return algorithm


def certified_key(x5c: Any, issuer: str | None, *, trust: Trust, now: int, anchor_allowed: bool = True) -> PublicKey:
    """The key of the leaf of an `x5c` header, if the chain leads to an anchor and the leaf names `issuer`.

    Without `issuer`, the leaf's subject is the issuer. Raises `Malformed`, or `Untrusted` if there are no anchors.
    """
    return certified_leaf(x5c, issuer, trust=trust, now=now, anchor_allowed=anchor_allowed).key


def certified_leaf(
    x5c: Any,
    issuer: str | None = None,
    *,
    trust: Trust,
    now: int,
    anchor_allowed: bool = True,
    anchors: "Anchors | None" = None,
    purposes: frozenset[str] = frozenset(),
) -> "Leaf":
    """The leaf whose key that is, under `anchors`: by default those of `trust` for issuers of credentials.

    `purposes`: extended key usages (dotted), of which it must have one, if there are any.
    """
    anchors = anchors or trust.anchors
    if anchors is None or not anchors.certificates:
        raise Untrusted("no trust anchors are configured for issuers of credentials")
    if not isinstance(x5c, list | tuple) or not all(isinstance(text, str) for text in x5c):
        raise Malformed("must be an array of certificates", "x5c")
    if trust.check_statuses is None:
        return _remembered(tuple(x5c), issuer, anchors, now, anchor_allowed, purposes)
    from oid4vci import x509

    # No answer is none of them, never a check that is left out.
    statuses = trust.check_statuses(x509.references(x509.decode_x5c(x5c), anchors), now) or {}
    return _leaf(x5c, issuer, anchors, now, anchor_allowed, purposes, statuses)


def _leaf(
    x5c: Sequence[str],
    issuer: str | None,
    anchors: "Anchors",
    now: int,
    anchor_allowed: bool,
    purposes: frozenset[str],
    statuses: "Statuses | None" = None,
) -> "Leaf":
    from oid4vci import x509

    # "The X.509 certificate of the trust anchor MUST NOT be included in the x5c JOSE header" -- HAIP 6.1.1
    leaf = x509.verify_x5c(x5c, anchors, now=now, purpose=purposes, anchor_allowed=anchor_allowed, statuses=statuses)
    if issuer is not None and not leaf.identifies(issuer):
        raise Malformed("is not the issuer that the certificate names", "iss")
    return leaf


# A batch of credentials comes with the same chain or the same documents again and again.
_REMEMBERED: Final = 8
# For one `now` and the same anchors only.
_remembered = lru_cache(_REMEMBERED)(_leaf)


def did_keys(
    issuer: str,
    kid: str | None,
    algorithm: str,
    *,
    trust: Trust,
    documents: Mapping[str, bytes],
    now: int,
    methods: dids.DidMethods = dids.KNOWN_DID_METHODS,
) -> tuple[PublicKey, ...] | NeededDocument:
    """The keys of an issuer that is a DID: the one that `kid`, a DID URL or its fragment, names, else all that fit `algorithm`.

    `methods`: the DID methods that are known, by name. Of some the document is needed first; in it the keys must be there for
    assertions. Raises `Malformed`, also for DIDs of other methods, or `Untrusted` if the trust decision does not allow this DID.
    """
    if dids.DidUrl.parse(issuer).did != issuer:
        raise Malformed("must be a DID", "iss")
    url = issuer if kid is None else f"{issuer}{kid}" if kid.startswith("#") else kid
    # "the relationship between the iss value ... and the public keys of the Issuer" must hold (draft-ietf-oauth-sd-jwt-vc).
    parsed = dids.DidUrl.parse(url)
    if parsed.did != issuer:
        raise Malformed("kid must be a key of iss", "header")
    trust.demand(issuer)
    key = dids.resolve(parsed, methods=methods)
    if key is not None:
        return (key,)
    found = document_keys(parsed, documents=documents, now=now, methods=methods)
    if isinstance(found, NeededDocument):
        return found
    keys = tuple(key for key in found if key.fits(algorithm))
    if not keys:
        raise Malformed("the issuer's DID document has no such key")
    if len(keys) > MAX_CANDIDATES:
        raise Malformed("the issuer's DID document has too many keys to try them all")
    return keys


def document_keys(
    url: dids.DidUrl, *, documents: Mapping[str, bytes], now: int, methods: dids.DidMethods
) -> tuple[PublicKey, ...] | NeededDocument:
    """The keys for assertions that a DID, or a DID URL, names, of a method whose documents are published.

    Whoever calls has asked for trust in the DID, which decides where its document is. Raises `Malformed`, also for other methods.
    """
    method = methods.get(url.method)
    if method is None or not hasattr(method, "document_url"):
        raise Malformed("is a DID of a method that is not supported")
    address = method.document_url(url)
    if address not in documents:
        return NeededDocument(address, DID_MEDIA_TYPES)
    return dids.did_document_keys(documents[address], str(url), purpose="assertionMethod", now=now)


def published_keys(
    issuer: str, kid: str | None, algorithm: str, *, trust: Trust, documents: Mapping[str, bytes]
) -> tuple[PublicKey, ...] | NeededDocument:
    """The keys that `issuer` publishes, of those that fit `algorithm` the ones named `kid`, all if that is None.

    Raises `Malformed`, or `Untrusted` if the trust decision does not allow the issuer or its `jwks_uri`.
    """
    url = jwt_vc_issuer_metadata_url(issuer)
    trust.demand(issuer)
    if url not in documents:
        return NeededDocument(url, ("application/json",))
    metadata = _metadata(documents[url])
    # The document must be that of the issuer it was asked for, character by character.
    if metadata.get("issuer") != issuer:
        raise Malformed("is not the issuer of the credential", "issuer")
    if ("jwks" in metadata) == ("jwks_uri" in metadata):
        raise Malformed("the issuer's metadata must have either jwks or jwks_uri")
    if "jwks_uri" in metadata:
        jwks_uri = metadata["jwks_uri"]
        try:
            https_url().check(jwks_uri)
        except Malformed as error:
            raise error.within("jwks_uri") from None
        trust.demand(jwks_uri)
        if jwks_uri not in documents:
            return NeededDocument(jwks_uri, ("application/jwk-set+json", "application/json"))
        published = _keys(documents[jwks_uri])
    else:
        published = _keys_within(documents[url])
    keys = tuple(key for key in published if key.fits(algorithm) and kid in (None, key.kid))
    if not keys:
        raise Malformed("the issuer publishes no such key")
    if len(keys) > MAX_CANDIDATES:
        raise Malformed("the issuer publishes too many keys to try them all")
    return keys


@lru_cache(_REMEMBERED)
def _metadata(body: bytes) -> Mapping[str, Any]:
    return _json.object_from(body)


@lru_cache(_REMEMBERED)
def _keys_within(metadata: bytes) -> tuple[PublicKey, ...]:
    return public_keys(_metadata(metadata).get("jwks"))


@lru_cache(_REMEMBERED)
def _keys(jwks: bytes) -> tuple[PublicKey, ...]:
    return public_keys(_json.loads(jwks))
