"""Keys around a W3C credential in JOSE: the issuer's, and the one it is bound to (VC-JOSE-COSE 4, VCDM 1.1 6.3.1, RFC 7800)."""

from collections.abc import Mapping, Sequence
from typing import Any

from oid4vci._json import Malformed
from oid4vci.dids import DidMethod, DidUrl, resolve
from oid4vci.formats import issuer_keys
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.keys import PublicKey, public_key
from oid4vci.trust import Trust

__all__ = ("find_issuer_keys", "holder_key")


def find_issuer_keys(
    header: Mapping[str, Any],
    issuer: str,
    algorithm: str,
    *,
    trust: Trust,
    documents: Mapping[str, bytes],
    now: int,
    methods: Mapping[str, DidMethod],
) -> tuple[PublicKey, ...] | NeededDocument:
    """The keys that may have signed for `issuer`: that of a certificate which names it, that of its DID, or those it publishes.

    Raises `Malformed`, or `Untrusted` if the trust decision does not allow the issuer, or knows no anchors.
    """
    kid = header.get("kid")
    if "kid" in header and (not isinstance(kid, str) or not kid):
        raise Malformed("kid must be a string that is not empty", "header")
    if "x5c" in header:
        return (issuer_keys.certified_key(header["x5c"], issuer, trust=trust, now=now),)
    if not issuer.startswith("did:"):
        return issuer_keys.published_keys(issuer, kid, algorithm, trust=trust, documents=documents)
    trust.demand(issuer)
    if kid is None:
        kid = issuer
    elif kid.startswith("#"):
        # A relative DID URL (DID 1.0, 3.2.2).
        kid = f"{issuer}{kid}"
    # The DID itself in `kid`, as some issuers write it, names its only key.
    if DidUrl.parse(kid).did != issuer:
        raise Malformed("kid is not a key of the issuer", "header")
    key = resolve(kid, methods=methods)
    if key is None:
        raise Malformed("is a DID of a method that is not supported", "iss")
    return (key,)


def holder_key(
    claims: Mapping[str, Any],
    subject_ids: Sequence[str],
    holder_keys: Sequence[PublicKey],
    *,
    methods: Mapping[str, DidMethod],
) -> PublicKey | None:
    """The key that a credential is bound to: that of the claim `cnf`, or the one that its only subject's DID is.

    It must be one of `holder_keys`, if there are any. Raises `Malformed`, also if `cnf` and the DID name two different keys.
    """
    key = None
    if "cnf" in claims:
        cnf = claims["cnf"]
        if not isinstance(cnf, dict) or not cnf:
            raise Malformed("must be an object that names a key", "cnf")
        if "jwk" in cnf:
            try:
                key = public_key(cnf["jwk"])
            except Malformed as error:
                raise error.within("cnf.jwk") from None
    if len(subject_ids) == 1 and subject_ids[0].startswith("did:"):
        try:
            of_subject = resolve(subject_ids[0], methods=methods)
        except Malformed as error:
            raise error.within("credentialSubject.id") from None
        if of_subject is not None and key not in (None, of_subject):
            raise Malformed("is another key than that of the subject", "cnf.jwk")
        key = key or of_subject
    if holder_keys and key not in holder_keys:
        raise Malformed("the credential is not bound to a key that it was requested for")
    return key
