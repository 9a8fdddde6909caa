"""How a `jwt` proof names its key (OID4VCI F.1): `jwk`, `x5c`, or a `kid` that is a DID URL or means a key found elsewhere.

Rule 1: a name leads to keys that may have made the signature; only the one that did is proved.
Rule 2: what the header brings is material. A certificate carries a key and makes nobody known, unless its chain leads to an anchor.
Rule 3: a proof that is malformed names nothing that anybody would have to fetch.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

from attrs import evolve, field, frozen

from oid4vci import _jose
from oid4vci._json import Malformed
from oid4vci.dids import DidMethod, DidUrl, resolve
from oid4vci.keys import KeyReference, PublicKey, ResolvedKeys, public_key
from oid4vci.proofs.proof_type import Expected

if TYPE_CHECKING:
    from oid4vci.proofs.key_attestation import KeyAttestation
    from oid4vci.x509 import Anchors

__all__ = ("NamedKey", "Naming", "binds_plain_keys", "trust_chain_algorithms")

MAX_KID: Final = 512
MAX_TRUST_CHAIN: Final = 10
# An index into `attested_keys`, which are fewer than would need more digits.
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")


def binds_plain_keys(expected: Expected) -> bool:
    """Whether Credentials are bound to keys as such, in a JWK or a COSE_Key (OID4VCI 12.2.4)."""
    return "jwk" in expected.binding_methods or "cose_key" in expected.binding_methods


def _check_plain(expected: Expected) -> None:
    if not binds_plain_keys(expected):
        raise Malformed("must name the key by a DID URL in kid: the Credential is bound to nothing else", "header")


class NamedKey(Protocol):
    """The key of a proof, by the name that its header gives."""

    @property
    def reference(self) -> KeyReference | None:
        """What the caller must resolve to know the key."""

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        """The keys that may have made the signature. `attested` came with the proof. Raises `Malformed`."""


@frozen
class Naming:
    """What names are understood; see `JwtProofType`."""

    did_methods: Mapping[str, DidMethod]
    holder_anchors: "Anchors | None" = None
    federation: bool = False

    def read(self, header: Mapping[str, Any], *, attested: bool) -> NamedKey:
        """The name in a header; `attested`: whether there is a key attestation that is validated. Raises `Malformed`."""
        # Each of the three "MUST NOT be present if" another is, and the key is identified "through either" of them -- F.1
        if ("kid" in header) + ("jwk" in header) + ("x5c" in header) != 1:
            raise Malformed("must have exactly one of kid, jwk and x5c", "header")
        # "When used for signature verification, the header parameter `kid` MUST be present." -- F.1
        if "trust_chain" in header and "kid" not in header:
            raise Malformed("trust_chain needs kid", "header")
        if "jwk" in header:
            try:
                return _GivenKey(public_key(header["jwk"]))
            except Malformed as error:
                raise error.within("header.jwk") from None
        if "x5c" in header:
            return self._certified(header["x5c"])
        return self._by_kid(header, attested)

    def _certified(self, x5c: Any) -> NamedKey:
        from oid4vci import x509

        try:
            chain = x509.decode_x5c(x5c)
            # "the first certificate contains the key that the Credential is to be bound to" -- F.1
            key = x509.leaf_public_key(x509.load(chain[0]))
        except Malformed as error:
            raise Malformed(error.reason, "header.x5c") from None
        return _CertifiedKey(key, chain, self.holder_anchors)

    def _by_kid(self, header: Mapping[str, Any], attested: bool) -> NamedKey:
        kid = header["kid"]
        if not isinstance(kid, str) or not kid:
            raise Malformed("must be a non-empty string", "header.kid")
        if kid.startswith("did:"):
            return self._did_key(kid)
        if len(kid) > MAX_KID:
            raise Malformed("is too long", "header.kid")
        if attested:
            return _AttestedKey(kid)
        if self.federation and "trust_chain" in header:
            # No `url`: the subject that an unverified statement names is nowhere to fetch from.
            return _FederationKey(KeyReference("", kid, _trust_chain(header)))
        raise Malformed("names no key that can be found: it is no DID URL", "header.kid")

    def _did_key(self, kid: str) -> NamedKey:
        try:
            url = DidUrl.parse(kid)
            # "a DID URL which identifies a particular key in the DID Document" -- F.1
            if not url.fragment:
                raise Malformed("must have a fragment, which names a key of the DID")
            key = resolve(url, methods=self.did_methods)
        except Malformed as error:
            raise error.within("header.kid") from None
        return _DidKey(kid, f"did:{url.method}", None if key is None else evolve(key, did_url=kid))


def _trust_chain(header: Mapping[str, Any]) -> tuple[str, ...]:
    """The statements of a `trust_chain` (RFC 7515 header of OpenID Federation 4.3); their size is bounded by that of the proof."""
    value = header["trust_chain"]
    if (
        not isinstance(value, list)
        or not 1 <= len(value) <= MAX_TRUST_CHAIN
        or not all(isinstance(each, str) for each in value)
    ):
        raise Malformed(f"must be an array of 1 to {MAX_TRUST_CHAIN} strings", "header.trust_chain")
    return tuple(value)


def trust_chain_algorithms(header: Mapping[str, Any]) -> frozenset[str]:
    """The `alg` of each statement of the `trust_chain`. Raises `Malformed`."""
    found = set()
    for index, statement in enumerate(_trust_chain(header)):
        try:
            found.add(_jose.parse(statement).algorithm)
        except Malformed as error:
            raise error.within(f"header.trust_chain[{index}]") from None
    return frozenset(found)


@frozen
class _GivenKey:
    """`jwk`: the key itself."""

    key: PublicKey
    reference: None = field(default=None, init=False)

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        _check_plain(expected)
        return (self.key,)


@frozen
class _CertifiedKey:
    """`x5c`: the key of the first certificate. Without anchors nothing else in it is looked at."""

    key: PublicKey
    chain: tuple[bytes, ...] = field(repr=False)
    anchors: "Anchors | None"
    reference: None = field(default=None, init=False)

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        _check_plain(expected)
        if self.anchors is not None:
            from oid4vci import x509

            try:
                x509.verify_chain(self.chain, self.anchors, now=expected.now)
            except Malformed as error:
                raise error.within("header.x5c") from None
        return (self.key,)


@frozen
class _DidKey:
    """A `kid` that is a DID URL. `binding` is what the configuration calls its method (OID4VCI 12.2.4)."""

    url: str
    binding: str
    key: PublicKey | None

    @property
    def reference(self) -> KeyReference | None:
        return KeyReference(self.url) if self.key is None else None

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        if self.binding not in expected.binding_methods:
            raise Malformed("is of a DID method to which the Credential is not bound", "header.kid")
        if self.key is not None:
            return (self.key,)
        return [evolve(key, did_url=self.url) for key in _resolved(KeyReference(self.url), resolved)]


@frozen
class _FederationKey:
    """A `kid` in the metadata of an entity, which a `trust_chain` leads to; the caller has validated the chain."""

    reference: KeyReference

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        _check_plain(expected)
        found = _resolved(self.reference, resolved)
        named = [key for key in found if key.kid in (None, self.reference.kid)]
        if not named:
            raise Malformed("names no key of the entity", "header.kid")
        return [evolve(key, did_url=None) for key in named]


def _resolved(reference: KeyReference, resolved: ResolvedKeys) -> Sequence[PublicKey]:
    found = resolved.get(reference, ())
    if not found:
        raise Malformed("could not be resolved", "header.kid")
    return found


@frozen
class _AttestedKey:
    """A `kid` that means one of the keys of the `key_attestation`: no rule of F.1 says how, its example has `"0"`.

    The `kid` of an attested JWK, else an index into `attested_keys`, else any of them.
    """

    kid: str
    reference: None = field(default=None, init=False)

    def candidates(self, expected: Expected, resolved: ResolvedKeys, attested: "KeyAttestation | None") -> Sequence[PublicKey]:
        _check_plain(expected)
        keys = () if attested is None else attested.keys
        named = [key for key in keys if key.kid == self.kid]
        if named or attested is None:
            return named
        if not _INDEX.fullmatch(self.kid):
            return keys
        jwks = attested.claims["attested_keys"]
        if int(self.kid) >= len(jwks):
            raise Malformed("names no attested key", "header.kid")
        return (public_key(jwks[int(self.kid)]),)
