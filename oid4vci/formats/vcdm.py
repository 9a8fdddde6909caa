"""The W3C Verifiable Credentials Data Model, versions 1.1 and 2.0: what a credential is before anything secures it.

Rule 1: a credential is read as plain JSON. Nothing is expanded or fetched; contexts are compared as they stand (OID4VCI A.1.1.1).
Rule 2: issuers are held to what Wallets check: a credential that is made here is read here first.
"""

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import field, frozen

from oid4vci._date_time import date_time, timestamp
from oid4vci._json import Malformed
from oid4vci.claims import ClaimsSemantics
from oid4vci.formats.validity import check_now
from oid4vci.metadata import CredentialDefinition

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = (
    "SEMANTICS",
    "VCDM_1_1",
    "VCDM_2_0",
    "DataModel",
    "W3cCredential",
    "contexts_of",
    "date_time",
    "definition_of",
    "issuer_of",
    "read",
    "timestamp",
    "types_of",
)

BASE_TYPE: Final = "VerifiableCredential"
MAX_VALUES = 100


@frozen
class DataModel:
    """A version of the data model: its base context, and what it calls the times between which a credential holds."""

    version: str
    context: str
    valid_from: str
    valid_until: str


VCDM_1_1: Final = DataModel("1.1", "https://www.w3.org/2018/credentials/v1", "issuanceDate", "expirationDate")
VCDM_2_0: Final = DataModel("2.0", "https://www.w3.org/ns/credentials/v2", "validFrom", "validUntil")

SEMANTICS: Final = ClaimsSemantics(
    always=frozenset(
        (name,)
        for name in (
            "@context",
            "type",
            "issuer",
            *(VCDM_1_1.valid_from, VCDM_1_1.valid_until, VCDM_2_0.valid_from, VCDM_2_0.valid_until),
            "credentialStatus",
            "status",
        )
    ),
    within=("credentialSubject",),
    # Without them, terms of JSON-LD may mean something else, or nothing (JSON-LD 1.1 4.1.8).
    kinds=frozenset(("type", "@type", "@context")),
)
"""Claims path pointers begin at the credential: `["credentialSubject", "given_name"]` (OID4VCI C.1)."""


# --- reading ----------------------------------------------------------------------------------------------------------------

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-\[\]_a-z~%]+")


@frozen
class W3cCredential:
    """A credential that is well formed; who made it is not known yet.

    `members` is the whole object, `issuer` the identifier of the issuer, `subject_ids` those of its subjects, None for one that
    has none, times are seconds since the epoch. `status` is `credentialStatus` as it stands: an object, or in 2.0 several.
    """

    members: Mapping[str, Any] = field(repr=False)
    model: DataModel
    issuer: str
    subject_ids: tuple[str | None, ...] = field(repr=False)
    valid_from: float | None
    valid_until: float | None
    status: Any = field(repr=False)

    def check_now(self, now: int, leeway: int) -> None:
        """Raises `Malformed` unless the credential holds at `now`, give or take `leeway` seconds."""
        names = self.model.valid_from, self.model.valid_until
        check_now(self.valid_from, self.valid_until, now=now, leeway=leeway, names=names)


def read(
    members: Mapping[str, Any], *, models: Collection[DataModel], definition: CredentialDefinition | None = None
) -> W3cCredential:
    """Check a credential against one of `models`, the one whose base context it has.

    `definition`: the `credential_definition` of its Credential Configuration: the credential must have all its types, and its
    contexts in their order. Raises `Malformed`.
    """
    contexts = contexts_of(members)
    model = next((model for model in models if contexts[0] == model.context), None)
    if model is None:
        # "the first item is a URI with the value" -- VCDM 1.1 4.1; a URL, VCDM 2.0 4.3
        raise Malformed("must begin with the base context of a version that is accepted here", "@context")
    types = types_of(members.get("type"), "type")
    if BASE_TYPE not in types:
        raise Malformed(f"must have {BASE_TYPE}", "type")
    if definition is not None:
        if not types >= set(definition.type):
            raise Malformed("is not the type that was asked for", "type")
        # "MUST ensure that the order of the values in the @context property is what is expected" -- VCDM 1.1 4.1
        rest = iter(contexts)
        if not all(any(each == wanted for each in rest) for wanted in definition.context or ()):
            raise Malformed("has not the contexts that were asked for", "@context")
    if "id" in members:
        _url(members["id"], "id")
    issuer = issuer_of(members)
    valid_from, valid_until = _time(members, model.valid_from), _time(members, model.valid_until)
    if model is VCDM_1_1 and valid_from is None:
        # "A credential MUST have an issuanceDate property." -- VCDM 1.1 4.6; in 2.0 both times are optional (4.9)
        raise Malformed("is missing", model.valid_from)
    if valid_from is not None and valid_until is not None and valid_until < valid_from:
        raise Malformed(f"lies before {model.valid_from}", model.valid_until)
    return W3cCredential(members, model, issuer, _subjects(members), valid_from, valid_until, _status(members, model))


def definition_of(configuration: "CredentialConfiguration", identifier: str) -> CredentialDefinition:
    """The `credential_definition` of a configuration of the format `identifier`, also where it was read as one of no known format.

    Raises `Malformed`.
    """
    if configuration.format != identifier:
        raise Malformed(f"must be a {identifier} configuration", "format")
    definition = getattr(configuration, "credential_definition", None)
    if isinstance(definition, CredentialDefinition):
        return definition
    try:
        return CredentialDefinition.from_json(configuration.extra.get("credential_definition"))
    except Malformed as error:
        raise error.within("credential_definition") from None


def issuer_of(members: Mapping[str, Any]) -> str:
    """The identifier of the issuer: a URL, or the `id` of an object (VCDM 1.1 4.5, VCDM 2.0 4.7). Raises `Malformed`."""
    issuer = members.get("issuer")
    return _url(issuer.get("id"), "issuer.id") if isinstance(issuer, Mapping) else _url(issuer, "issuer")


def contexts_of(members: Mapping[str, Any]) -> list[Any]:
    """What `@context` lists: URLs and objects, each once (VCDM 1.1 4.1, VCDM 2.0 4.3). Raises `Malformed`."""
    contexts = members.get("@context")
    if not isinstance(contexts, list) or not contexts or len(contexts) > MAX_VALUES:
        raise Malformed("must be an array that is not empty", "@context")
    for i, context in enumerate(contexts):
        if not isinstance(context, Mapping):
            _url(context, f"@context[{i}]")
        # "MUST be an ordered set" -- VCDM 1.1 4.1, VCDM 2.0 4.3; what comes again would override what came after it
        if context in contexts[:i]:
            raise Malformed("is there twice", f"@context[{i}]")
    return contexts


def types_of(value: Any, path: str) -> set[str]:
    """One type or several (VCDM 1.1 4.3, VCDM 2.0 4.5). `path`: where the value stands. Raises `Malformed`."""
    types = [value] if isinstance(value, str) else value
    if not isinstance(types, list) or not types or len(types) > MAX_VALUES:
        raise Malformed("must be an array of strings that is not empty", path)
    if not all(isinstance(each, str) and each for each in types):
        raise Malformed("must be an array of strings that is not empty", path)
    return set(types)


def _url(value: Any, path: str) -> str:
    if not isinstance(value, str) or len(value) > 4_096 or not _URL.fullmatch(value):
        raise Malformed("must be a URL", path)
    return value


def _time(members: Mapping[str, Any], name: str) -> float | None:
    if name not in members:
        return None
    try:
        return timestamp(members[name])
    except Malformed as error:
        raise error.within(name) from None


def _subjects(members: Mapping[str, Any]) -> tuple[str | None, ...]:
    subjects = members.get("credentialSubject")
    several = subjects if isinstance(subjects, list) else [subjects]
    if not several or len(several) > MAX_VALUES:
        raise Malformed("must not be empty", "credentialSubject")
    ids: list[str | None] = []
    for subject in several:
        # "a set of objects that contain one or more properties" -- VCDM 1.1 4.4; the same in other words, VCDM 2.0 4.8
        if not isinstance(subject, Mapping) or not subject:
            raise Malformed("must be an object that is not empty, or several", "credentialSubject")
        ids.append(_url(subject["id"], "credentialSubject.id") if "id" in subject else None)
    return tuple(ids)


def _status(members: Mapping[str, Any], model: DataModel) -> Any:
    if "credentialStatus" not in members:
        return None
    status = members["credentialStatus"]
    # "a single object or a set of one or more objects" -- VCDM 2.0 4.10; a single one in VCDM 1.1 4.9
    several = status if isinstance(status, list) and model is not VCDM_1_1 else [status]
    if not several or len(several) > MAX_VALUES:
        raise Malformed("must not be empty", "credentialStatus")
    for each in several:
        if not isinstance(each, Mapping):
            raise Malformed("must be an object", "credentialStatus")
        types_of(each.get("type"), "credentialStatus.type")
        if "id" in each or model is VCDM_1_1:
            _url(each.get("id"), "credentialStatus.id")
    return status
