"""A key of a Wallet, to which a Credential is to be bound, and how a proof names it (OID4VCI F.1)."""

from collections.abc import Sequence

from attrs import evolve, field, frozen

from oid4vci.dids import DidUrl, resolve
from oid4vci.keys import PublicKey, Signer, public_key

__all__ = ("HolderKey", "holder_key")


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


@frozen
class HolderKey:
    """A key and its name: by default the key itself.

    - `signer`: the key, here or elsewhere.
    - `did_url`: the DID URL of the key, with its fragment, where the Credential is to be bound to a DID. It becomes the `kid`.
    - `x5c`: certificates in DER, the one for the key first.

    Raises `ValueError` for both, a DID URL that names no key, one that is another key, and a first certificate of another key.
    """

    signer: Signer
    did_url: str | None = None
    x5c: tuple[bytes, ...] = field(default=(), converter=_chain, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.did_url is not None:
            if self.x5c:
                raise ValueError("a key is named by a DID URL or by certificates")
            url = DidUrl.parse(self.did_url)
            if not url.fragment:
                raise ValueError("the DID URL of a key has a fragment")
            if resolve(url) not in (None, public_key(self.signer.public_jwk)):
                raise ValueError("the DID URL must name the signer's key")
        if self.x5c:
            from oid4vci import x509

            if x509.leaf_public_key(x509.load(self.x5c[0])) != public_key(self.signer.public_jwk):
                raise ValueError("the first certificate of x5c must be for the signer's key")

    @property
    def public_key(self) -> PublicKey:
        """The public key, with the DID URL that names it, if one does."""
        return evolve(public_key(self.signer.public_jwk), did_url=self.did_url)


def holder_key(key: Signer | HolderKey) -> HolderKey:
    """The key as a `HolderKey`."""
    return key if isinstance(key, HolderKey) else HolderKey(key)
