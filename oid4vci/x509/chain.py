"""From a leaf to an anchor: the path, and what was revoked on it (RFC 5280 6)."""

from collections.abc import Collection, Iterable, Sequence
from itertools import product
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from cryptography import x509

from oid4vci._json import Malformed
from oid4vci.keys import PublicKey
from oid4vci.revocation import CertificateReference, Statuses
from oid4vci.x509.anchors import Anchors
from oid4vci.x509.certificate import (
    MAX_CHAIN,
    OTHER_PURPOSES,
    Facts,
    facts,
    identifies,
    leaf_public_key,
    read,
    subject,
)
from oid4vci.x509.x5c import decode_x5c

__all__ = ("Leaf", "references", "same_authority", "verify_chain", "verify_sent", "verify_x5c")

Purpose: TypeAlias = str | Collection[str] | None

_REVOKED: Final = "has a certificate that was revoked, or whose status could not be found out"


@frozen
class Leaf:
    """A certificate that leads to an anchor: `der` is what was sent, `key` what it certifies."""

    certificate: x509.Certificate
    der: bytes = field(repr=False)
    key: PublicKey

    @property
    def subject(self) -> str:
        """The name of the subject as text (RFC 4514)."""
        return subject(self.certificate)

    def identifies(self, uri: str) -> bool:
        """Whether the certificate names `uri` as its subject: see `x509.identifies`."""
        return identifies(self.certificate, uri)


def verify_x5c(
    value: Any,
    anchors: Anchors,
    *,
    now: int,
    purpose: Purpose = None,
    anchor_allowed: bool = False,
    statuses: Statuses | None = None,
) -> Leaf:
    """The leaf of an `x5c` header parameter, `value` as it came (RFC 7515 4.1.6), if it leads to one of `anchors`.

    The message is still to be verified with the leaf's key. The rest is as for `verify_chain`. Raises `Malformed`, also for a kind
    of key that no supported algorithm has.
    """
    chain = decode_x5c(value)
    try:
        return verify_sent(chain, anchors, now=now, purpose=purpose, anchor_allowed=anchor_allowed, statuses=statuses)
    except Malformed as error:
        raise error.within("x5c") from None


def verify_sent(
    chain: Sequence[bytes],
    anchors: Anchors,
    *,
    now: int,
    purpose: Purpose = None,
    anchor_allowed: bool = False,
    statuses: Statuses | None = None,
) -> Leaf:
    """The same of an `x5c` that was decoded before: certificates in DER, the leaf first."""
    leaf = verify_chain(chain, anchors, now=now, purpose=purpose, anchor_allowed=anchor_allowed, statuses=statuses)
    return Leaf(leaf, chain[0], leaf_public_key(leaf))


def verify_chain(
    chain: Sequence[bytes | x509.Certificate],
    anchors: Anchors,
    *,
    now: int,
    purpose: Purpose = None,
    anchor_allowed: bool = True,
    statuses: Statuses | None = None,
) -> x509.Certificate:
    """The leaf of a chain that leads to an anchor.

    - `chain`: certificates, loaded or in DER, the leaf first. "Each subsequent certificate being the one used to certify the
      previous one" (RFC 7515 4.1.6) is found out by signatures: the others may stand in any order, those of no use are passed over.
    - `now`: seconds since the epoch, at which every certificate of the path, anchor included, must be valid.
    - `purpose`: an extended key usage (dotted) that the leaf must have besides one of the `purposes` of `anchors`, or several, one
      of which it must have. As with those, every authority above it must not exclude it.
    - `anchor_allowed`: whether an anchor, which is neither needed nor taken for proof, or another self-signed certificate may be
      sent along. HAIP says no: 4.1, 4.4.1, 4.5.1, 6.1, 6.1.1.
    - `statuses`: what was found out of `references(chain, anchors)`. A certificate that is not there with 0 is not used. None:
      what was revoked is of no interest.

    A self-signed leaf is refused even if it is an anchor: HAIP 4.5.1, 6.1.1 and ISO/IEC 18013-5 Annex B.1 forbid it, and whoever
    pins one has no authority that could replace it. So is one whose key is that of an authority above it under another name.

    Raises `Malformed`.
    """
    leaf, *others = _read(chain)
    if not anchor_allowed and any(anchors.include(each) or each.self_signed for each in (leaf, *others)):
        raise Malformed("must hold neither the trust anchor nor a self-signed certificate")
    if anchors.include(leaf) or leaf.self_signed:
        raise Malformed("the leaf certificate is self-signed or an anchor")
    _check_leaf(leaf, now)
    purposes = _purposes(leaf, anchors, purpose)
    # Of the others, those that can help.
    rest = [each for each in others if each.key != leaf.key and not anchors.include(each)]
    standing = rest if statuses is None else [each for each in rest if statuses.get(each.reference) == 0]
    if statuses is not None and statuses.get(leaf.reference) != 0:
        raise Malformed(_REVOKED)
    # One and the same purpose must be allowed by every authority of the path: with several, each is another question.
    if not any(_leads(leaf, standing, anchors, now, each) for each in product(*purposes)):
        raise Malformed("the chain does not lead to a trust anchor" if standing == rest else _REVOKED)
    return leaf.certificate


def _leads(leaf: Facts, rest: list[Facts], anchors: Anchors, now: int, purposes: Collection[str]) -> bool:
    # Breadth first, each certificate once and where it stands lowest and its path length allows most: few signatures.
    level = [leaf]
    for below in range(min(len(rest) + 1, anchors.max_length)):
        for each in level:
            for anchor in anchors.with_subject(each.issuer):
                if anchor.may_issue(below, now, purposes) and anchor.key != leaf.key and each.signed_by(anchor):
                    return True
        level = [
            issuer
            for issuer in rest
            if issuer.may_issue(below, now, purposes) and any(each.signed_by(issuer) for each in level)
        ]
        rest = [each for each in rest if each not in level]
    return False


def _read(chain: Sequence[bytes | x509.Certificate]) -> list[Facts]:
    if not 1 <= len(chain) <= MAX_CHAIN:
        raise Malformed(f"a chain has 1 to {MAX_CHAIN} certificates")
    return [read(each) if isinstance(each, bytes) else facts(each) for each in chain]


def _check_leaf(said: Facts, now: int) -> None:
    if not said.hold(now):
        raise Malformed("the leaf certificate is not valid now, or has a critical extension that is not understood")
    if not said.signs:
        raise Malformed("the leaf certificate is not for signatures")
    if said.ca:
        raise Malformed("the leaf certificate is that of a certification authority")


def _purposes(said: Facts, anchors: Anchors, purpose: Purpose) -> tuple[frozenset[str], ...]:
    """Those demanded that the leaf has: one of each of these, every authority above it must allow."""
    further = frozenset((purpose,) if isinstance(purpose, str) else purpose or ())
    demanded = [each for each in (anchors.purposes, further) if each]
    found = tuple(said.purposes & each for each in demanded)
    # "the certificate MUST only be used for one of the purposes indicated" -- RFC 5280 4.2.1.12
    if not demanded and said.purposes and said.purposes <= OTHER_PURPOSES:
        raise Malformed("the leaf certificate is for another purpose")
    if not all(found):
        raise Malformed("the leaf certificate is not for this purpose: it lacks the extended key usage")
    if anchors.critical and not said.critical_purposes:
        raise Malformed("the leaf certificate is not for this purpose alone: the extended key usage is not critical")
    return found


def references(chain: Sequence[bytes | x509.Certificate], anchors: Anchors) -> tuple[CertificateReference, ...]:
    """What may have been revoked of a chain: each of its certificates but the anchors, each once. Nothing is believed yet.

    Which of them make the path turns out in `verify_chain`; the others need not be known. Raises `Malformed`.
    """
    return tuple(dict.fromkeys(each.reference for each in _read(chain) if not anchors.include(each)))


def same_authority(one: x509.Certificate, other: x509.Certificate, others: Iterable[bytes], anchors: Anchors) -> bool:
    """Whether two verified certificates have one issuer: a key among `others` (DER), or of the anchors, made both signatures.

    An authority may have changed its key: two anchors of one name are taken for the same.
    """
    first, second = facts(one), facts(other)
    if first.issuer != second.issuer:
        return False
    named = anchors.with_subject(first.issuer)
    if all(any(each.signed_by(anchor) for anchor in named) for each in (first, second)):
        return True
    return any(first.signed_by(issuer) and second.signed_by(issuer) for issuer in map(read, others))
