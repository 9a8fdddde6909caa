"""Decentralized Identifiers: DID URLs, did:key, did:jwk and did:web, DID documents, and the Multikey encoding of keys."""

from oid4vci.dids.did_url import DidUrl
from oid4vci.dids.document import did_document_keys
from oid4vci.dids.methods import (
    DID_METHODS,
    KNOWN_DID_METHODS,
    DidDocumentMethod,
    DidJwk,
    DidKey,
    DidMethod,
    DidMethods,
    resolve,
)
from oid4vci.dids.multikey import multikey, read_multikey
from oid4vci.dids.web import DidWeb, did_web_url

__all__ = (
    "DID_METHODS",
    "KNOWN_DID_METHODS",
    "DidDocumentMethod",
    "DidJwk",
    "DidKey",
    "DidMethod",
    "DidMethods",
    "DidUrl",
    "DidWeb",
    "did_document_keys",
    "did_web_url",
    "multikey",
    "read_multikey",
    "resolve",
)
