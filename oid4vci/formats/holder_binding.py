"""The key that a credential is bound to, as a Wallet finds it (RFC 7800 3, VCDM 1.1 6.3.1, OID4VCI F.1).

Rule: a DID that cannot be resolved here binds to a key only if it is the one by which the Wallet itself named that key.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from oid4vci._json import Malformed
from oid4vci.dids import DidMethods, DidUrl, resolve
from oid4vci.keys import PublicKey, public_key

__all__ = ("holder_key", "keys_of_did")


def holder_key(
    claims: Mapping[str, Any],
    subject_ids: Sequence[str | None],
    holder_keys: Sequence[PublicKey],
    *,
    methods: DidMethods,
) -> PublicKey | None:
    """The key that a credential is bound to: that of the claim `cnf`, or the one that its only subject's DID names.

    In `cnf` it is a `jwk`, or a `kid` that is a DID URL (RFC 7800 3.2, 3.4). It must be one of `holder_keys`, if there are any.
    Raises `Malformed`, also if two of these name different keys.
    """
    names: list[tuple[PublicKey, ...]] = []
    if "cnf" in claims:
        cnf = claims["cnf"]
        if not isinstance(cnf, dict) or not cnf:
            raise Malformed("must be an object that names a key", "cnf")
        if "jwk" in cnf:
            # One that is there already need not be made again; it has no other members then.
            known = next((key for key in holder_keys if key.jwk == cnf["jwk"]), None)
            try:
                given = known or public_key(cnf["jwk"])
            except Malformed as error:
                raise error.within("cnf.jwk") from None
            # The Wallet's own has a name as well.
            names.append((next((key for key in holder_keys if key == given), given),))
        if "kid" in cnf:
            names.append(keys_of_did(cnf["kid"], "cnf.kid", holder_keys, methods=methods))
    if len(subject_ids) == 1 and subject_ids[0] is not None:
        names.append(keys_of_did(subject_ids[0], "credentialSubject.id", holder_keys, methods=methods))
    found = [keys for keys in names if keys]
    # A DID may have several of the keys, of which another name tells the one.
    key = next((key for key in found[0] if all(key in keys for keys in found[1:])), None) if found else None
    if found and key is None:
        raise Malformed("the credential is bound to two keys, in cnf and by the id of its subject")
    if holder_keys and key not in holder_keys:
        raise Malformed("the credential is not bound to a key that it was requested for")
    return key


def keys_of_did(value: Any, path: str, holder_keys: Sequence[PublicKey], *, methods: DidMethods) -> tuple[PublicKey, ...]:
    """The keys that a DID, or a DID URL, may mean: the one that can be told from it, or those of `holder_keys` that were so named.

    None for anything else that names one. `path` is where the value stands. Raises `Malformed`.
    """
    if not isinstance(value, str):
        raise Malformed("must be a string", path)
    if not value.startswith("did:"):
        return ()
    try:
        url = DidUrl.parse(value)
        key = resolve(url, methods=methods)
    except Malformed as error:
        raise error.within(path) from None
    if key is not None:
        return (key,)
    # DIDs are compared as strings. Without a fragment it is any key of the DID.
    return tuple(
        key
        for key in holder_keys
        if key.did_url is not None and value == (key.did_url if url.fragment is not None else DidUrl.parse(key.did_url).did)
    )
