"""Keys around a W3C credential in JOSE: the issuer's, and the one it is bound to (VC-JOSE-COSE 4, VCDM 1.1 6.3.1, RFC 7800)."""

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.dids import DidMethod, resolve
from oid4vci.formats import issuer_keys
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.keys import PublicKey, public_key
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
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
        return _published_keys(issuer, kid, algorithm, trust, documents)
    return (issuer_keys.did_key(issuer, kid, trust=trust, methods=methods),)


def _published_keys(
    issuer: str, kid: str | None, algorithm: str, trust: Trust, documents: Mapping[str, bytes]
) -> tuple[PublicKey, ...] | NeededDocument:
    """Those at the well-known place (VC-JOSE-COSE 4.2.1), or else at the issuer's URL itself (OID4VCI A.1.1.4, VCDM 1.1 4.5)."""
    well_known = jwt_vc_issuer_metadata_url(issuer)
    if documents.get(well_known) == b"":
        trust.demand(issuer)
        if issuer not in documents:
            return NeededDocument(issuer, ("application/json",))
        metadata = _json.object_from(documents[issuer])
        # There it need not say whose it is.
        documents = {**documents, well_known: _json.dump_bytes({"issuer": issuer, **metadata})}
    found = issuer_keys.published_keys(issuer, kid, algorithm, trust=trust, documents=documents)
    if isinstance(found, NeededDocument) and found.url == well_known:
        return evolve(found, optional=True)
    return found


def holder_key(
    claims: Mapping[str, Any],
    subject_ids: Sequence[str | None],
    holder_keys: Sequence[PublicKey],
    *,
    methods: Mapping[str, DidMethod],
) -> PublicKey | None:
    """The key that a credential is bound to: that of the claim `cnf`, or the one that its only subject's DID is.

    In `cnf` it is a `jwk`, or a `kid` that is a DID URL (RFC 7800 3.2, 3.4). It must be one of `holder_keys`, if there are any.
    Raises `Malformed`, also if two of these name different keys.
    """
    found: list[PublicKey] = []
    if "cnf" in claims:
        cnf = claims["cnf"]
        if not isinstance(cnf, dict) or not cnf:
            raise Malformed("must be an object that names a key", "cnf")
        if "jwk" in cnf:
            # One that is there already need not be made again; it has no other members then.
            known = next((key for key in holder_keys if key.jwk == cnf["jwk"]), None)
            try:
                found.append(known or public_key(cnf["jwk"]))
            except Malformed as error:
                raise error.within("cnf.jwk") from None
        if "kid" in cnf:
            found += _of_did(cnf["kid"], "cnf.kid", methods)
    if len(subject_ids) == 1 and subject_ids[0] is not None:
        found += _of_did(subject_ids[0], "credentialSubject.id", methods)
    if any(key != found[0] for key in found):
        raise Malformed("the credential is bound to two keys, in cnf and by the id of its subject")
    if holder_keys and (not found or found[0] not in holder_keys):
        raise Malformed("the credential is not bound to a key that it was requested for")
    return found[0] if found else None


def _of_did(value: Any, path: str, methods: Mapping[str, DidMethod]) -> tuple[PublicKey, ...]:
    """The key of a DID that is resolved here; none for anything else that names one."""
    if not isinstance(value, str):
        raise Malformed("must be a string", path)
    if not value.startswith("did:"):
        return ()
    try:
        key = resolve(value, methods=methods)
    except Malformed as error:
        raise error.within(path) from None
    return () if key is None else (key,)
