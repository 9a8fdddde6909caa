"""Making W3C credentials: what the copies of a batch share, and what each has of its own, before anything secures them.

A dataset is the credential without what is set here: `{"credentialSubject": {...}, "name": ...}`. Set here are `@context`, `type`,
the times, the issuer's identifier, and the subject's where that is what binds the credential to a key.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci._json import dumps
from oid4vci.dids import DID_METHODS, DidUrl
from oid4vci.formats import vcdm
from oid4vci.formats.copies import Copies, check_status
from oid4vci.formats.holder_keys import check_proof_algorithms
from oid4vci.formats.vcdm import DataModel
from oid4vci.keys import PublicKey
from oid4vci.secret import NewSecret

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = (
    "CNF",
    "DID",
    "DraftedCredential",
    "OwnMembers",
    "binding_method",
    "can_bind",
    "check_binding",
    "check_own_binding",
    "draft",
)

CNF: Final = "cnf"
"""Binds a credential by the key itself, in `cnf` (RFC 7800)."""

DID: Final = "did"
"""Binds a credential as its holder named the key: by that DID, of whatever method, and a plain key by what the configuration lists.

That is `cnf` for `jwk`, else a did:key or did:jwk. The other bindings are `did:key` and `did:jwk`: always a DID of that method, the
holder's if it is one.
"""

_OF_KEYS: Final = tuple(f"did:{name}" for name in DID_METHODS)

_SET_HERE: Final = frozenset(
    (
        "@context",
        "type",
        "proof",
        *(vcdm.VCDM_1_1.valid_from, vcdm.VCDM_1_1.valid_until, vcdm.VCDM_2_0.valid_from, vcdm.VCDM_2_0.valid_until),
    )
)
# Some levels less than what readers take: the credential may lie within a JWT, and a disclosed claim in an array.
_MAX_DEPTH: Final = 28
# What would tell Verifiers that two copies belong together (OID4VCI 15.4.1).
_UNIQUE: Final = ("id", "credentialStatus")


def binding_method(binding: str) -> str:
    """What a binding is called among the `cryptographic_binding_methods_supported` of a configuration (OID4VCI 12.2.4)."""
    return "jwk" if binding == CNF else binding


def check_own_binding(configuration: "CredentialConfiguration", binding: str, *, cnf: bool = True) -> None:
    """Raise `ValueError` unless the configuration lists the method of this binding, or none, and takes only proofs of keys that it
    binds.

    `did` serves every DID method, and plain keys if there is a way to bind to them. `cnf`: whether the format can carry a key.
    """
    methods = configuration.cryptographic_binding_methods_supported
    if binding == "did:key":
        check_proof_algorithms(configuration)
    if methods is None:
        return
    if binding != DID:
        if binding_method(binding) not in methods:
            raise ValueError("the binding is not among the configuration's cryptographic_binding_methods_supported")
        return
    dids = [method for method in methods if method.startswith("did:")]
    if not dids:
        raise ValueError("the configuration's cryptographic_binding_methods_supported has no DID method")
    if len(dids) < len(methods) and not _plain(methods, cnf):
        raise ValueError("a key that no DID names could not be bound: the configuration must list did:key or did:jwk too")


def _plain(methods: Sequence[str] | None, cnf: bool) -> tuple[str, ...]:
    """The bindings that a key which no DID names can have, as the configuration lists them."""
    if methods is None:
        return _OF_KEYS
    return tuple(each for each in ((CNF,) if cnf else ()) + _OF_KEYS if binding_method(each) in methods)


def check_binding(binding: str, *, cnf: bool = True) -> None:
    """Raise `ValueError` for what is no binding. `cnf`: whether the format can carry a key itself."""
    known = [*((CNF,) if cnf else ()), DID, *_OF_KEYS]
    if binding not in known:
        raise ValueError(f"binding must be one of {', '.join(known)}")


def can_bind(key: PublicKey, binding: str, configuration: "CredentialConfiguration", *, cnf: bool = True) -> bool:
    """Whether a credential can be bound to that key: in `cnf` to any, else to one that has a DID of the right method."""
    try:
        _bound(key, binding, configuration.cryptographic_binding_methods_supported, cnf)
    except ValueError:
        return False
    return True


@frozen
class OwnMembers:
    """What a copy has of its own.

    `members` of the credential; `subject_id`, the DID that binds it; `cnf`, the confirmation that does; `status`, the claim of a
    Token Status List, which is no member of a credential but of the JWT around it.
    """

    members: Mapping[str, Any] = field(repr=False)
    subject_id: str | None = field(default=None, repr=False)
    cnf: Mapping[str, Any] | None = field(default=None, repr=False)
    status: Mapping[str, Any] | None = field(default=None, repr=False)

    def subject(self, shared: str) -> str:
        """The JSON of the subject, of that which all copies share: with the id that binds this one, if there is such an id."""
        if self.subject_id is None:
            return shared
        return f'{{"id":{dumps(self.subject_id)}{"," if len(shared) > 2 else ""}{shared[1:]}'


@frozen
class DraftedCredential:
    """A credential that nothing secures yet. `shared` is what all copies have, the subject's id left out if it binds them."""

    shared: Mapping[str, Any] = field(repr=False)
    own: tuple[OwnMembers, ...] = field(repr=False)

    def credential(self, i: int) -> dict[str, Any]:
        """The i-th copy as it is to be secured."""
        own = self.own[i]
        credential = {**self.shared, **own.members}
        if own.subject_id is not None:
            credential["credentialSubject"] = {"id": own.subject_id, **self.shared["credentialSubject"]}
        return credential


def draft(
    claims: Mapping[str, Any],
    *,
    model: DataModel,
    configuration: "CredentialConfiguration",
    contexts: Sequence[str | Mapping[str, Any]],
    issuer: str,
    binding: str,
    holder_keys: Sequence[PublicKey],
    valid_from: int,
    valid_until: int | None,
    copies: Sequence[Mapping[str, Any]] | None,
    new_ids: NewSecret | None = None,
    token_status: bool = True,
    cnf: bool = True,
) -> DraftedCredential:
    """One copy for each holder key, a single one bound to none if there is none.

    The credential gets the types and contexts of the configuration's `credential_definition`, and `contexts` after them. Times
    are seconds since the epoch. `copies` may give each copy members of its own, among them an `id`, a `credentialStatus` and, if
    `token_status`, a `status`. `new_ids`: where the bytes of an `id` come from for copies that have none. `cnf`: whether the format
    can carry a key itself.

    Raises `ValueError` for a dataset that is no credential, or that several copies must not share.
    """
    definition = vcdm.definition_of(configuration, configuration.format)
    count = len(holder_keys) or 1
    _check_json(list(contexts), 1)
    for members in (claims, *(copies or ())):
        _check_json(members, 1)
        if not _SET_HERE.isdisjoint(members):
            raise ValueError(f"the library sets {', '.join(sorted(_SET_HERE & members.keys()))}, claims must not")
        if "status" in members and not token_status:
            raise ValueError("this format has credentialStatus, and no status")
    if "status" in claims:
        check_status(claims["status"])
    copied = Copies.of(copies, count=count, status=claims.get("status"))
    each = copied.members
    for members in each:
        if members.keys() & (claims.keys() | {"issuer", "credentialSubject"}):
            raise ValueError("what differs from copy to copy must not be among the claims, nor be issuer or subject")
    for name in _UNIQUE:
        copied.check_own(name, shared=name in claims)
    types = definition.type if vcdm.BASE_TYPE in definition.type else (vcdm.BASE_TYPE, *definition.type)
    shared = {
        "@context": _contexts(model, (*(definition.context or ()), *contexts)),
        "type": list(types),
        **{name: value for name, value in claims.items() if name != "status"},
        "issuer": _issuer(claims.get("issuer"), issuer),
        model.valid_from: vcdm.date_time(valid_from),
    }
    if valid_until is not None:
        shared[model.valid_until] = vcdm.date_time(valid_until)
    methods = configuration.cryptographic_binding_methods_supported
    bound = [_bound(key, binding, methods, cnf) for key in holder_keys]
    by_did = any(each != CNF for each in bound)
    if by_did and (not isinstance(claims.get("credentialSubject"), dict) or "id" in claims["credentialSubject"]):
        raise ValueError("a credential that is bound by the id of its subject has one subject, whose id is set here")
    own = []
    for i, members in enumerate(each):
        mine = {name: value for name, value in members.items() if name != "status"}
        if new_ids is not None and "id" not in mine and "id" not in claims:
            mine["id"] = uuid.UUID(bytes=new_ids(16), version=4).urn
        own.append(
            OwnMembers(
                mine,
                bound[i] if bound and bound[i] != CNF else None,
                {"jwk": dict(holder_keys[i].jwk)} if bound and bound[i] == CNF else None,
                members.get("status", claims.get("status")),
            )
        )
    drafted = DraftedCredential(shared, tuple(own))
    for i, copy in enumerate(own):
        # What no Wallet would take must not be made. Without members of its own, a copy differs from the first in its key alone.
        if i == 0 or copy.members:
            vcdm.read(drafted.credential(i), models=(model,), definition=definition)
    return drafted


def _bound(key: PublicKey, binding: str, methods: Sequence[str] | None, cnf: bool) -> str:
    """The DID that a credential is bound to, or `CNF`."""
    if key.did_url is not None and binding != CNF:
        # "a particular key in the DID Document that the Credential is to be bound to" -- OID4VCI F.1; not a DID derived anew
        named = DidUrl.parse(key.did_url)
        method = f"did:{named.method}"
        if binding == method or (binding == DID and (methods is None or method in methods)):
            return named.did
    if binding != DID:
        return _of_key(key, binding)
    for each in _plain(methods, cnf):
        # Not every kind of key has a did:key.
        with suppress(ValueError):
            return _of_key(key, each)
    raise ValueError("the configuration binds to nothing that this key is, and it was proved without a DID")


def _of_key(key: PublicKey, binding: str) -> str:
    return CNF if binding == CNF else DID_METHODS[binding.removeprefix("did:")].did(key)


def _check_json(value: Any, depth: int) -> None:
    """Raise `ValueError` for what JSON cannot say, or would say otherwise."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("names of claims are strings")
        inner: Iterable[Any] = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    elif value is None or isinstance(value, str | int | float):
        return
    else:
        raise ValueError(f"claims are JSON values, not {type(value).__name__}")
    if depth > _MAX_DEPTH:
        raise ValueError(f"claims may be nested {_MAX_DEPTH} levels deep")
    for each in inner:
        _check_json(each, depth + 1)


def _contexts(model: DataModel, further: Sequence[Any]) -> list[Any]:
    contexts: list[Any] = [model.context]
    for context in further:
        if context not in contexts:
            contexts.append(context)
    return contexts


def _issuer(given: Any, identifier: str) -> Any:
    """The identifier, with what the dataset says of the issuer around it."""
    if given is None:
        return identifier
    if not isinstance(given, dict) or given.get("id", identifier) != identifier:
        raise ValueError("issuer must be an object that says more of the issuer, its id is set here")
    return {**given, "id": identifier}
