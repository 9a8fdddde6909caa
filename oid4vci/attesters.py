"""Attesters: who is believed when keys or clients are attested, and whether a JWT is by one of them.

An attester is known by its keys, under its `iss`, or by a certificate that leads to an anchor. HAIP 1.0 says the same of client
attestations (4.4.1) and of key attestations (4.5.1).
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._jose import ALGORITHMS, Jws
from oid4vci._json import Malformed
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys
from oid4vci.signed_jwt import KeySource, fitting_keys, named_by, verify_with

if TYPE_CHECKING:
    from oid4vci.revocation import CertificateReference, Statuses
    from oid4vci.x509 import Anchors

__all__ = ("AttesterSignature", "Attesters", "key_sources")


def key_sources(known: Mapping[str, KeySource]) -> Mapping[str, KeySource]:
    """Whose keys are where, by `iss`, in values that nobody changes."""
    return {iss: keys if isinstance(keys, KeyReference) else tuple(keys) for iss, keys in known.items()}


@frozen(kw_only=True)
class Attesters:
    """Who may attest.

    - `anchors`: the authorities under which attesters hold certificates. An `x5c` must lead to one; names in it prove nothing,
      and with it `iss` is only what the attester says of itself, unless `certified_iss` wants the leaf to name it.
    - `known`: attesters known by their `iss`, with their keys or the URL of their JWK Set. These keys alone serve for that `iss`,
      whatever certificates an attestation brings.
    - `purpose`: an extended key usage (dotted) that the leaf of `x5c` must have.
    - `require_x5c`: an attestation without `x5c` is refused, and known keys are of no use.

    Raises `ValueError` if nobody is trusted.
    """

    anchors: "Anchors | None" = None
    known: Mapping[str, KeySource] = field(factory=dict, converter=key_sources, repr=False)
    purpose: str | None = None
    require_x5c: bool = False
    certified_iss: bool = False

    def __attrs_post_init__(self) -> None:
        if self.anchors is None and (self.require_x5c or self.certified_iss or self.purpose is not None):
            raise ValueError("what is required of x5c needs anchors")
        if self.anchors is None and not self.known:
            raise ValueError("without anchors and attesters nobody is trusted")
        if self.require_x5c and self.known:
            raise ValueError("with require_x5c the keys of attesters are of no use")

    def signature(self, jws: Jws, claims: Mapping[str, Any]) -> "AttesterSignature":
        """The signature of a JWT, an `iss` of which is a string. Raises `Malformed` if `x5c` is missing."""
        if self.require_x5c and "x5c" not in jws.header:
            # "MUST be included in the x5c JOSE header" -- HAIP 4.4.1, 4.5.1
            raise Malformed("x5c is missing", "header")
        return AttesterSignature(self, jws, claims)


@frozen
class AttesterSignature:
    """The signature that should be an attester's, not believed."""

    attesters: Attesters
    jws: Jws = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    _sources: tuple[KeySource, ...] = field(init=False, repr=False)
    # The keys with which it was seen to verify, and the certificates once they were decoded.
    _verified: set[PublicKey] = field(factory=set, init=False, repr=False, eq=False)
    _chain: list[bytes] = field(factory=list, init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        known, iss = self.attesters.known, self.claims.get("iss")
        if iss is not None:
            found = [known[iss]] if iss in known else []
        else:
            found = [] if "x5c" in self.jws.header and self.attesters.anchors is not None else list(known.values())
        object.__setattr__(self, "_sources", tuple(named_by(self.jws, source) for source in found))

    @property
    def key_refs(self) -> tuple[KeyReference, ...]:
        """Where the attester publishes its keys, if it is known by that."""
        return tuple(each for each in self._sources if isinstance(each, KeyReference))

    @property
    def certificates(self) -> tuple[bytes, ...]:
        """The certificates that must lead to an anchor, in DER, the attester's own first; none where known keys decide.

        Raises `Malformed`.
        """
        x5c = self.jws.header.get("x5c")
        if self._sources or self.attesters.anchors is None or x5c is None:
            return ()
        if not self._chain:
            from oid4vci import x509

            self._chain.extend(x509.decode_x5c(x5c))
        return tuple(self._chain)

    @property
    def certificate_refs(self) -> "tuple[CertificateReference, ...]":
        """Which of them may have been revoked. Raises `Malformed`."""
        if self.attesters.anchors is None or not self.certificates:
            return ()
        from oid4vci import x509

        return x509.references(self.certificates, self.attesters.anchors)

    def verify(
        self,
        *,
        keys: ResolvedKeys,
        algorithms: Collection[str | int] = ALGORITHMS.keys(),
        now: float,
        statuses: "Statuses | None" = None,
    ) -> None:
        """The signature is by an attester that is trusted at `now`, and by one of these algorithms.

        `statuses`: what was found out of `certificate_refs`; None: what was revoked is of no interest. Raises `Malformed`.
        """
        if self.jws.algorithm not in algorithms:
            # "It MUST NOT be none or an identifier for a symmetric algorithm" -- OID4VCI D.1; none of these is.
            raise Malformed("alg is not an accepted algorithm", "header")
        if self._sources:
            candidates = fitting_keys(self.jws, self._sources, keys)
            if self._verified.isdisjoint(candidates):
                self._verified.add(verify_with(self.jws, candidates, algorithms=algorithms))
            return
        key = self._certified_key(now, statuses)
        if key not in self._verified:
            _jose.verify(self.jws, key, algorithms=algorithms)
            self._verified.add(key)

    def _certified_key(self, now: float, statuses: "Statuses | None") -> PublicKey:
        from oid4vci import x509

        attesters, chain = self.attesters, self.certificates
        if attesters.anchors is None or not chain:
            raise Malformed("is not by an attester that is trusted")
        try:
            # "The X.509 certificate of the trust anchor MUST NOT be included in the x5c JOSE header" -- HAIP 4.5.1
            # "a trust certificate chain excluding the trust anchor" -- HAIP 4.4.1
            leaf = x509.verify_sent(chain, attesters.anchors, now=int(now), purpose=attesters.purpose, statuses=statuses)
        except Malformed as error:
            raise error.within("header.x5c") from None
        if attesters.certified_iss and ("iss" not in self.claims or not leaf.identifies(self.claims["iss"])):
            raise Malformed("is not a name in the certificate", "iss")
        return leaf.key
