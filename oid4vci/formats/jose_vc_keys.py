"""The keys of the issuer of a W3C credential in JOSE (VC-JOSE-COSE 4, OID4VCI A.1.1.4, VCDM 1.1 4.5)."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.dids import DidMethods
from oid4vci.formats import issuer_keys
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.keys import PublicKey
from oid4vci.metadata.well_known import jwt_vc_issuer_metadata_url
from oid4vci.trust import Trust

__all__ = ("find_issuer_keys",)


def find_issuer_keys(
    header: Mapping[str, Any],
    issuer: str,
    algorithm: str,
    *,
    trust: Trust,
    documents: Mapping[str, bytes],
    now: int,
    methods: DidMethods,
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
    return issuer_keys.did_keys(issuer, kid, algorithm, trust=trust, documents=documents, now=now, methods=methods)


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
