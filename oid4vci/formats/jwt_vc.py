"""W3C credentials as JWTs by VCDM 1.1, the formats `jwt_vc_json` and `jwt_vc_json-ld` (OID4VCI A.1.1, A.1.3).

The credential is the claim `vc`; registered claims say part of it again (VCDM 1.1 6.3.1). What both say must be the same. In either
format it is plain JSON: whether to process a verified credential as JSON-LD is the application's affair.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from oid4vci import _jose, _json
from oid4vci._json import Malformed, b64url_encode, dumps
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import issuer_keys, vcdm
from oid4vci.formats.copies import SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.holder_binding import holder_key
from oid4vci.formats.jose_vc import MAX_VC, JoseVcEncoder, JoseVcVerifier, lifespan, numeric_date, published_status
from oid4vci.formats.jose_vc_keys import find_issuer_keys
from oid4vci.formats.validity import check_now
from oid4vci.formats.vcdm import VCDM_1_1
from oid4vci.formats.vcdm_draft import OwnMembers
from oid4vci.keys import PublicKey
from oid4vci.metadata import JwtVcJsonConfiguration, JwtVcJsonLdConfiguration
from oid4vci.secret import NewSecret
from oid4vci.signed_jwt import verify_with
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from oid4vci.metadata import CredentialConfiguration

__all__ = ("JWT_VC_JSON", "JWT_VC_JSON_LD", "JwtVcEncoder", "JwtVcVerifier")

_IDENTIFIERS: Final = (JwtVcJsonConfiguration.identifier, JwtVcJsonLdConfiguration.identifier)

# Issuers date `nbf` back against clocks that differ, or take the time twice; what is further apart contradicts itself.
MAX_APART: Final = 300


def _check_identifier(identifier: str) -> None:
    if identifier not in _IDENTIFIERS:
        raise ValueError(f"format must be one of {', '.join(_IDENTIFIERS)}")


# --- issuer -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class JwtVcEncoder(JoseVcEncoder):
    """Makes JWTs of one Credential Configuration; `format` is `jwt_vc_json` or `jwt_vc_json-ld`. For the rest see the base class.

    The dataset is the credential without what the encoder sets: `{"credentialSubject": {...}}`, and whatever else VCDM 1.1 has. A
    `status` in it, or in `copies`, becomes a claim of the JWT (Token Status List).
    """

    model = VCDM_1_1
    # "typ, if present, MUST be set to JWT" -- VCDM 1.1 6.3.1
    typ = "JWT"

    format: str = JwtVcJsonConfiguration.identifier

    def __attrs_post_init__(self) -> None:
        _check_identifier(self.format)
        super().__attrs_post_init__()

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: format, algorithm and binding are those of the configuration."""
        self._check(configuration, self.format)

    def draft(
        self,
        claims: Mapping[str, Any],
        *,
        configuration: "CredentialConfiguration",
        issuer: str,
        holder_keys: Sequence[PublicKey],
        now: int,
        new_secret: NewSecret,
        copies: Sequence[Mapping[str, Any]] | None = None,
    ) -> SignedCopies[str]:
        """See `CredentialEncoder.draft`. Of several copies each needs an `id`, a `status`, a `credentialStatus` of its own."""
        self.check(configuration)
        named = self.issuer or issuer
        drafted = self._draft(
            claims,
            configuration=configuration,
            issuer=named,
            holder_keys=holder_keys,
            now=now,
            new_secret=new_secret,
            copies=copies,
        )
        valid_from, valid_until = self._times(now)
        shared = dict(drafted.shared)
        subject = shared.pop("credentialSubject")
        registered: dict[str, Any] = {"iss": named, "nbf": valid_from}
        if valid_until is not None:
            registered["exp"] = valid_until
        if isinstance(subject, dict) and "id" in subject:
            registered["sub"] = subject["id"]
        if "id" in shared:
            registered["jti"] = shared["id"]
        # All that does not differ from copy to copy is written once.
        before, about, after = dumps(shared)[:-1], dumps(subject), f"}},{dumps(registered)[1:-1]}"
        inputs = tuple(
            f"{self._head}{b64url_encode(_payload(before, about, after, own).encode())}".encode() for own in drafted.own
        )
        return SignedCopies(self.signer, inputs, lambda i, signature: _jose.compact(inputs[i], signature))


def _payload(before: str, about: str, after: str, own: OwnMembers) -> str:
    """The claims of one copy. `before`: the shared members of `vc`, without the end. `about`: the subject. `after`: the claims."""
    claims: dict[str, Any] = {}
    if own.subject_id is not None:
        claims["sub"] = own.subject_id
    if "id" in own.members:
        claims["jti"] = own.members["id"]
    if own.cnf is not None:
        claims["cnf"] = own.cnf
    if own.status is not None:
        claims["status"] = own.status
    members = f",{dumps(dict(own.members))[1:-1]}" if own.members else ""
    further = f",{dumps(claims)[1:-1]}" if claims else ""
    return f'{{"vc":{before},"credentialSubject":{own.subject(about)}{members}{after}{further}}}'


# --- wallet -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class JwtVcVerifier(JoseVcVerifier):
    """Checks JWTs of one of the two formats; `format` says of which. For the rest see the base class."""

    format: str = JwtVcJsonConfiguration.identifier

    def __attrs_post_init__(self) -> None:
        _check_identifier(self.format)

    def verify(
        self,
        credential: Any,
        *,
        configuration: "CredentialConfiguration | None",
        trust: Trust,
        holder_keys: Sequence[PublicKey],
        documents: Mapping[str, bytes],
        now: int,
    ) -> VerifiedCredential | NeededDocument:
        """See `CredentialVerifier.verify`. `claims` of the result is the credential, with what only registered claims said.

        The issuer's key is that of `x5c`, of its DID, else one that the https URL publishes. The holder's is that of `cnf`, or of
        the subject's DID; if there are both, they must be the same.
        """
        with reading(InvalidCredential):
            if not isinstance(credential, str):
                # "The value of the credential claim in the Credential Response MUST be a JWT." -- OID4VCI A.1.1.4
                raise Malformed("a credential of this format is a JWT")
            jws = _jose.parse(credential, max_bytes=MAX_VC, header_repeats=True)
            if jws.header.get("typ", "JWT") != "JWT":
                raise Malformed("typ must be JWT", "header")
            algorithm = issuer_keys.accepted_algorithm(jws, configuration)
            claims = _json.object_from(jws.payload, max_bytes=MAX_VC)
            if "vp" in claims:
                raise Malformed("belongs into a presentation", "vp")
            not_before, expires_at = numeric_date(claims, "nbf"), numeric_date(claims, "exp")
            check_now(not_before, expires_at, now=now, leeway=self.leeway, names=("nbf", "exp"))
            members = decoded(claims)
            definition = None if configuration is None else vcdm.definition_of(configuration, self.format)
            try:
                read = vcdm.read(members, models=(VCDM_1_1,), definition=definition)
                read.check_now(now, self.leeway)
            except Malformed as error:
                raise error.within("vc") from None
            begin, end = lifespan(read, numeric_date(claims, "iat"), expires_at, now=now)
            key = holder_key(claims, read.subject_ids, holder_keys, methods=self.did_methods)
            status = published_status(claims, read)
            keys = find_issuer_keys(
                jws.header,
                read.issuer,
                algorithm,
                trust=trust,
                documents=documents,
                now=now,
                methods=self.did_methods,
            )
            if isinstance(keys, NeededDocument):
                return keys
            verify_with(jws, keys, algorithms=(algorithm,))
            return VerifiedCredential(
                self.format,
                credential,
                members,
                issuer=read.issuer,
                holder_key=key,
                issued_at=begin,
                expires_at=end,
                status=status,
                semantics=vcdm.SEMANTICS,
            )


def decoded(claims: Mapping[str, Any]) -> dict[str, Any]:
    """The credential that a JWT carries: `vc`, and what only registered claims say (VCDM 1.1 6.3.1).

    There the claim replaces the member; here a member that says something else is an error, so that two readers do not see two
    credentials. Raises `Malformed`.
    """
    vc = claims.get("vc")
    if not isinstance(vc, dict):
        # It "MUST be present in a JWT verifiable credential" and is an object.
        raise Malformed("must be an object", "vc")
    members = dict(vc)
    for name, member in (("nbf", VCDM_1_1.valid_from), ("exp", VCDM_1_1.valid_until)):
        seconds = numeric_date(claims, name)
        if seconds is None:
            continue
        if member not in members:
            try:
                members[member] = vcdm.date_time(int(seconds))
            except ValueError:
                raise Malformed("lies outside of what a date can say", name) from None
        elif abs(_within(vcdm.timestamp, members[member], f"vc.{member}") - seconds) > MAX_APART:
            raise Malformed(f"contradicts {name}", f"vc.{member}")
    if "jti" in claims:
        _agree(members, "id", claims["jti"], "jti")
    if "iss" in claims:
        if isinstance(members.get("issuer"), dict):
            members["issuer"] = dict(members["issuer"])
            _agree(members["issuer"], "id", claims["iss"], "iss")
        else:
            _agree(members, "issuer", claims["iss"], "iss")
    if "sub" in claims:
        subjects = members.get("credentialSubject")
        one = subjects[0] if isinstance(subjects, list) and len(subjects) == 1 else subjects
        # "JWTs are not capable of encoding multiple subjects"
        if not isinstance(one, dict):
            raise Malformed("must be one object where there is a sub", "vc.credentialSubject")
        subject = dict(one)
        _agree(subject, "id", claims["sub"], "sub")
        members["credentialSubject"] = subject if one is subjects else [subject]
    return members


def _within(read: Callable[[Any], float], value: Any, path: str) -> float:
    try:
        return read(value)
    except Malformed as error:
        raise error.within(path) from None


def _agree(members: dict[str, Any], member: str, value: Any, claim: str) -> None:
    if not isinstance(value, str):
        raise Malformed("must be a string", claim)
    if members.setdefault(member, value) != value:
        raise Malformed("contradicts the credential", claim)


def _format(configuration_class: "type[CredentialConfiguration]") -> CredentialFormat:
    identifier = configuration_class.identifier
    return CredentialFormat(
        identifier=identifier,
        configuration_class=configuration_class,
        encoder=partial(JwtVcEncoder, format=identifier),
        verifier=partial(JwtVcVerifier, format=identifier),
        semantics=vcdm.SEMANTICS,
    )


JWT_VC_JSON: Final = _format(JwtVcJsonConfiguration)
JWT_VC_JSON_LD: Final = _format(JwtVcJsonLdConfiguration)
