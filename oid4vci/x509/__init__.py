"""Certificate chains and the anchors they must lead to (RFC 5280 6).

Rule 1: only a configured anchor makes a chain trusted; whatever came with a message is material to build a path from.
Rule 2: a path is made of signatures; that two names agree proves nothing.
Rule 3: only what the bytes of certificates say is remembered. Whether they hold now and lead to an anchor is decided each time.
Rule 4: anchors are for one purpose. Nothing is believed for another, and no anchor of the system is ever asked.

`cryptography.x509.verification` is not used: up to version 50 at least it forbids Ed25519, Ed448 and secp256k1 keys of authorities,
and accepts a leaf that is in its store, self-signed or an authority. Tests compare it with `verify_chain` where both apply.
"""

from oid4vci.x509.anchors import Anchors
from oid4vci.x509.certificate import (
    MAX_CERTIFICATE,
    MAX_CHAIN,
    identifies,
    leaf_public_key,
    load,
    same_subject,
    self_signed,
    subject,
)
from oid4vci.x509.chain import Leaf, references, same_authority, verify_chain, verify_sent, verify_x5c
from oid4vci.x509.x5c import check_own_chain, decode_x5c, encode_x5c

__all__ = (
    "MAX_CERTIFICATE",
    "MAX_CHAIN",
    "Anchors",
    "Leaf",
    "check_own_chain",
    "decode_x5c",
    "encode_x5c",
    "identifies",
    "leaf_public_key",
    "load",
    "references",
    "same_authority",
    "same_subject",
    "self_signed",
    "subject",
    "verify_chain",
    "verify_sent",
    "verify_x5c",
)
