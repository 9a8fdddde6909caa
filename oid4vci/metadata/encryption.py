"""What an issuer says about encrypted requests and responses (OID4VCI 12.2.4), and JWK Sets inside metadata."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import field, frozen

from oid4vci._document import Codec, Document, array, boolean, string, wire
from oid4vci._json import Malformed
from oid4vci.metadata.finding import Finding, error, warning

__all__ = ("CredentialRequestEncryption", "CredentialResponseEncryption", "jwk_set")

MAX_KEYS = 100
# The private members of RFC 7518 6 and of AKP keys. Named here too, so that reading metadata loads no cryptography.
_PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"))


def jwk_set(*, bare: bool = False) -> Codec:
    """A JWK Set with one or more public keys (RFC 7517 5), kept as it is; with `bare`, an array of keys is read as well."""

    def parse(value: Any) -> Any:
        return tuple(value) if bare and isinstance(value, list) else value

    def check(value: Any) -> None:
        at = ""
        keys = value
        if isinstance(value, Mapping):
            at, keys = "keys", value.get("keys")
        elif not (bare and isinstance(value, tuple)):
            raise Malformed("must be a JWK Set")
        if not isinstance(keys, list | tuple) or not keys:
            raise Malformed("must be a non-empty array", at)
        if len(keys) > MAX_KEYS:
            raise Malformed("has too many keys", at)
        for i, jwk in enumerate(keys):
            if not isinstance(jwk, Mapping):
                raise Malformed("must be an object", f"{at}[{i}]")
            if not isinstance(jwk.get("kty"), str):
                raise Malformed("must have a key type", f"{at}[{i}]")
            # A private key that everybody can read protects nothing; "oct" keys are secrets too.
            if jwk["kty"] == "oct" or not _PRIVATE_MEMBERS.isdisjoint(jwk):
                raise Malformed("must be a public key, without private members", f"{at}[{i}]")

    return Codec(check, parse, lambda value: list(value) if isinstance(value, tuple) else dict(value))


@frozen(kw_only=True)
class CredentialRequestEncryption(Document):
    """Whether, and to which keys, Credential Requests are encrypted.

    `jwks` is a JWK Set. The long example of OID4VCI 1.0 (I.1) has a bare array there: that is read, in Python as a tuple, and
    reported. `keys` gives the keys of both.
    """

    jwks: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(metadata=wire(jwk_set(bare=True)))
    enc_values_supported: tuple[str, ...] = field(metadata=wire(array(string())))
    zip_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(array(string())))
    encryption_required: bool = field(metadata=wire(boolean()))

    @property
    def keys(self) -> tuple[Mapping[str, Any], ...]:
        """The JWKs, as they were published."""
        return tuple(self.jwks["keys"]) if isinstance(self.jwks, Mapping) else self.jwks

    def findings(self) -> Iterator[Finding]:
        """What must not be published, or is doubtful."""
        if not isinstance(self.jwks, Mapping):
            yield error("jwks", "must be an object with the member keys", "OID4VCI 12.2.4", "VCI-12.2.4-22")
        seen = set()
        for i, jwk in enumerate(self.keys):
            kid = jwk.get("kid")
            if not isinstance(kid, str) or not kid:
                yield error(
                    f"jwks.keys[{i}].kid", "must be a string that identifies the key", "OID4VCI 12.2.4", "VCI-12.2.4-23"
                )
            elif kid in seen:
                yield error(f"jwks.keys[{i}].kid", "must be unique in the set", "OID4VCI 12.2.4", "VCI-12.2.4-23")
            else:
                seen.add(kid)
            if not isinstance(jwk.get("alg"), str):
                yield error(f"jwks.keys[{i}].alg", "is missing", "OID4VCI 10", "VCI-10-04")
            if jwk.get("use", "enc") != "enc":
                yield warning(f"jwks.keys[{i}].use", "is not enc, so the key is for something else", "RFC 7517 4.2")


@frozen(kw_only=True)
class CredentialResponseEncryption(Document):
    """Whether, and how, Credential Responses are encrypted."""

    alg_values_supported: tuple[str, ...] = field(metadata=wire(array(string())))
    enc_values_supported: tuple[str, ...] = field(metadata=wire(array(string())))
    zip_values_supported: tuple[str, ...] | None = field(default=None, metadata=wire(array(string())))
    encryption_required: bool = field(metadata=wire(boolean()))
