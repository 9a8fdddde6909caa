"""ISO mdoc, the format `mso_mdoc` (OID4VCI A.2, ISO/IEC 18013-5): encoder for issuers, verifier for Wallets.

How one is made stands in `mdoc_template`, how one is read in `mdoc_security_object`, whose certificates are believed in
`mdoc_certificates`. A dataset maps name spaces to data elements: `{"org.iso.18013.5.1": {"family_name": "Doe"}}`. Values are what
CBOR has: text, integers, `bytes`, arrays, maps, `datetime.date` for a full-date, an aware `datetime.datetime` for a tdate.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import Factory, field, frozen

from oid4vci import _cbor, _cose, _jose
from oid4vci._json import Malformed, b64url_decode, b64url_encode
from oid4vci.claims import ClaimsSemantics, check_mdoc_path, select_mdoc
from oid4vci.errors import InvalidCredential, reading
from oid4vci.formats import mdl
from oid4vci.formats.copies import Copies, SignedCopies
from oid4vci.formats.credential_format import CredentialFormat, NeededDocument, VerifiedCredential
from oid4vci.formats.holder_keys import check_proof_algorithms
from oid4vci.formats.mdoc_certificates import ANY_ISSUER, ISO_18013_5, CertificateProfile, countries, states, verify_chain
from oid4vci.formats.mdoc_security_object import IssuerSigned, SecurityObject
from oid4vci.formats.mdoc_template import DIGESTS, Template, issuer_signed, security_object, validity_info
from oid4vci.formats.validity import DAY, check_now, check_settings, default_granularity, issued_and_expires
from oid4vci.keys import PublicKey, Signer
from oid4vci.metadata import MsoMdocConfiguration
from oid4vci.secret import NewSecret
from oid4vci.trust import Trust

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from oid4vci.metadata import CredentialConfiguration

__all__ = ("FORMAT", "MSO_MDOC", "MdocEncoder", "MdocVerifier")

FORMAT: Final = "mso_mdoc"
MAX_CREDENTIAL: Final = _cbor.MAX_BYTES * 4 // 3

# The algorithms of ISO/IEC 18013-5 9.1.2.4 know no secp256k1.
_ALGORITHMS: Final = frozenset(number for number, name in _cose.ALGORITHMS.items() if name != "ES256K")
_SEMANTICS: Final = ClaimsSemantics(select_mdoc)
# What makes an mDL is not left out of one, whatever a Wallet asked for.
_ENCODER_SEMANTICS: Final = ClaimsSemantics(select_mdoc, needed=tuple((mdl.NAMESPACE, name) for name in mdl.MANDATORY))


def _accepted(configuration: "CredentialConfiguration | None") -> Collection[int]:
    """The COSE algorithms that fit the configuration's `credential_signing_alg_values_supported`.

    "it matches both `-7` and `-9`" (OID4VCI A.2.2): listed is an algorithm together with a curve. Names in the place of numbers,
    which some issuers publish, say nothing.
    """
    listed = None if configuration is None else configuration.credential_signing_alg_values_supported
    if listed is None or not all(isinstance(number, int) for number in listed):
        return _ALGORITHMS
    curves = {_curve(number) for number in listed if number in _ALGORITHMS}
    return [number for number in _ALGORITHMS if _curve(number) in curves]


def _curve(number: Any) -> str:
    return _jose.ALGORITHMS[_cose.ALGORITHMS[number]].crv


def _profile(chosen: CertificateProfile | None, doctype: str) -> CertificateProfile:
    if chosen is not None:
        return chosen
    return ISO_18013_5 if doctype == mdl.DOCTYPE else ANY_ISSUER


def _check_place(elements: Mapping[str, Mapping[str, Any]], leaf: "Certificate", profile: CertificateProfile) -> None:
    """Raise `Malformed` if `issuing_country` is not the document signer's country, or `issuing_jurisdiction` not its state or
    province, where its certificate names one (ISO/IEC 18013-5 7.2.1, Annex B.1).
    """
    claimed = elements.get(mdl.NAMESPACE, {})
    country, jurisdiction = claimed.get("issuing_country"), claimed.get("issuing_jurisdiction")
    if profile.iaca and country is not None and countries(leaf) != (country,):
        raise Malformed("issuing_country is not the country of the document signer", "nameSpaces")
    if profile.iaca and jurisdiction is not None and states(leaf) not in ((), (jurisdiction,)):
        raise Malformed("issuing_jurisdiction is not the state or province of the document signer", "nameSpaces")


# --- issuer -----------------------------------------------------------------------------------------------------------------


def _refers(status: Mapping[str, Any]) -> bool:
    # "it MUST use one of the mechanisms defined in ISO/IEC 18013-5" -- HAIP 5.3.1
    return any(isinstance(status.get(name), dict) for name in ("status_list", "identifier_list"))


def _chain(certificates: Sequence[bytes]) -> tuple[bytes, ...]:
    return tuple(certificates)


@frozen(kw_only=True)
class MdocEncoder:
    """Makes mdocs of one Credential Configuration.

    - `signer`: the key of a document signer.
    - `x5c`: its certificate, DER, and those that lead towards the anchor if there are any. The anchor is not among them.
    - `digest_algorithm`: `SHA-256`, `SHA-384` or `SHA-512`.
    - `decoys`: digests without meaning for each name space, which hide how many data elements it has.
    - `lifetime`: seconds until `validUntil`.
    - `expected_update`: seconds until the issuer expects to issue anew (`expectedUpdate`); None to say nothing.
    - `time_granularity`: seconds to whose multiples all times are rounded down, so that they link no two presentations (OID4VCI
      15.4.1); `validUntil` is then up to that much earlier, so it must fit twice into `lifetime`. By default a day, or an hour, a
      minute or a second for short lifetimes. `signed` is never before the certificate begins to hold.
    - `certificate_profile`: what the certificate must be; by default `ISO_18013_5` for mobile driving licences, `ANY_ISSUER` for
      other document types.
    - `haip`: refuse a `status` that is none of those that ISO/IEC 18013-5 has (HAIP 5.3.1).

    Raises `ValueError` for what does not fit together.
    """

    signer: Signer
    x5c: tuple[bytes, ...] = field(converter=_chain, repr=False)
    digest_algorithm: str = "SHA-256"
    decoys: int = 0
    lifetime: int = 30 * DAY
    expected_update: int | None = None
    time_granularity: int = Factory(default_granularity, takes_self=True)
    certificate_profile: CertificateProfile | None = None
    haip: bool = False
    _leaf: "Certificate" = field(init=False, repr=False, eq=False)
    # When the certificate is valid.
    _valid: tuple[int, int] = field(init=False, repr=False, eq=False)
    _protected: bytes = field(init=False, repr=False, eq=False)
    _unprotected: bytes = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        from oid4vci import x509

        if self.digest_algorithm not in DIGESTS:
            raise ValueError(f"digest_algorithm must be one of {', '.join(DIGESTS)}")
        if self.decoys < 0:
            raise ValueError("decoys must not be negative")
        check_settings(self.lifetime, self.time_granularity)
        if self.expected_update is not None and not 0 < self.expected_update <= self.lifetime:
            raise ValueError("expected_update must lie within the lifetime")
        number = _cose.number_of(self.signer.algorithm)
        if number not in _ALGORITHMS:
            raise ValueError(f"{self.signer.algorithm} is not an algorithm for mdocs (ISO/IEC 18013-5 9.1.2.4)")
        if not self.x5c:
            raise ValueError("an mdoc needs the certificate of its document signer in x5c")
        x509.check_own_chain(self.x5c, self.signer.public_jwk)
        chain: Any = self.x5c[0] if len(self.x5c) == 1 else self.x5c
        leaf = x509.load(self.x5c[0])
        times = (leaf.not_valid_before_utc, leaf.not_valid_after_utc)
        object.__setattr__(self, "_leaf", leaf)
        object.__setattr__(self, "_valid", tuple(int(time.timestamp()) for time in times))
        object.__setattr__(self, "_protected", _cbor.dumps({_cose.ALG: number}))
        object.__setattr__(self, "_unprotected", _cbor.dumps({_cose.X5CHAIN: chain}))

    @property
    def format(self) -> str:
        """`mso_mdoc` (OID4VCI A.2.1)."""
        return FORMAT

    @property
    def semantics(self) -> ClaimsSemantics:
        """Paths of an mdoc (OID4VCI C.2); the mandatory data elements of a mobile driving licence are never left out."""
        return _ENCODER_SEMANTICS

    def check(self, configuration: "CredentialConfiguration") -> None:
        """See `CredentialEncoder.check`: the configuration has a `doctype` and binds to keys, lists an algorithm that fits the
        signer's and its curve if it lists any, and has only paths of mdocs. The certificate fits the document type.
        """
        doctype = getattr(configuration, "doctype", None)
        if configuration.format != FORMAT or not isinstance(doctype, str):
            raise ValueError(f"this encoder makes credentials of a {FORMAT} configuration with a doctype")
        if not configuration.key_binding_required:
            raise ValueError(
                "an mdoc is bound to a key: cryptographic_binding_methods_supported is needed (ISO/IEC 18013-5 9.1.2.4)"
            )
        if _cose.number_of(self.signer.algorithm) not in _accepted(configuration):
            raise ValueError("the signer's algorithm is not among the configuration's credential_signing_alg_values_supported")
        metadata = configuration.credential_metadata
        for i, description in enumerate((metadata and metadata.claims) or ()):
            try:
                check_mdoc_path(description.path)
            except Malformed as error:
                raise ValueError(str(error.within(f"credential_metadata.claims[{i}].path"))) from None
        check_proof_algorithms(configuration)
        _profile(self.certificate_profile, doctype).check_signer(self._leaf)

    def binds(self, key: PublicKey, *, configuration: "CredentialConfiguration") -> bool:
        """See `CredentialEncoder.binds`: a key that has a COSE_Key (ISO/IEC 18013-5 9.1.2.4)."""
        return _cose.has_cose_key(key)

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
        """See `CredentialEncoder.draft`. `claims` are name spaces with data elements; `docType` comes from `configuration`.

        In `copies` there can be `status`, which goes into the security object: `{"status_list": {"idx": 0, "uri": "https://..."}}`
        (draft-ietf-oauth-status-list 6.3). A mobile driving licence must have its mandatory data elements, and those of its name
        space must have their types (ISO/IEC 18013-5 7.2.1).
        """
        self.check(configuration)
        if not holder_keys:
            raise ValueError("an mdoc is bound to a key of its holder")
        own = Copies.of(copies, count=len(holder_keys))
        if any(members.keys() - {"status"} for members in own.members):
            raise ValueError("copies of an mdoc can differ by their status only")
        if self.haip and not all(_refers(members["status"]) for members in own.members if members):
            raise ValueError("status must refer to a status list or an identifier list (HAIP 5.3.1)")
        doctype: str = configuration.doctype  # type: ignore[attr-defined]  # checked
        template = Template.of(claims, digest_algorithm=self.digest_algorithm, decoys=self.decoys)
        mdl.check(doctype, claims)
        _check_place(claims, self._leaf, _profile(self.certificate_profile, doctype))
        shared: dict[str, Any] = {"doctype": _cbor.dumps(doctype), "validity": self._validity(now)}
        name_spaces, payloads, inputs = [], [], []
        for key, members in zip(holder_keys, own.members, strict=True):
            items, digests = template.fill(new_secret(template.entropy))
            payload = security_object(
                digests,
                _cose.encoded_key(key),
                digest_algorithm=self.digest_algorithm,
                status=_cbor.dumps(members["status"]) if members else None,
                **shared,
            )
            name_spaces.append(items)
            payloads.append(payload)
            inputs.append(_cose.sig_structure(self._protected, payload))

        def assemble(i: int, signature: bytes) -> str:
            signed = _cose.assemble(self._protected, self._unprotected, payloads[i], signature, tagged=False)
            return b64url_encode(issuer_signed(name_spaces[i], signed))

        return SignedCopies(self.signer, tuple(inputs), assemble)

    def _validity(self, now: int) -> bytes:
        begins, ends = self._valid
        if not begins <= now <= ends:
            raise ValueError("the document signer's certificate is not valid now")
        day, until = issued_and_expires(now, self.lifetime, self.time_granularity)
        assert until is not None  # there is a lifetime
        # Whoever checks the mdoc wants it signed while the certificate held (ISO/IEC 18013-5 9.3.1).
        signed = max(day, begins)
        update = None
        if self.expected_update is not None:
            update = max(signed, (now + self.expected_update) // self.time_granularity * self.time_granularity)
        return validity_info(signed, until, expected_update=update)


# --- wallet -----------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class MdocVerifier:
    """Checks mdocs as they come from an issuer (ISO/IEC 18013-5 9.3.1), each as base64url of an `IssuerSigned`.

    - `leeway`: seconds by which clocks may differ.
    - `haip`: the anchor is not sent along, and a `status` is one of those that ISO/IEC 18013-5 has (HAIP 5.3.1).
    - `certificate_profile`: what the issuer's certificates must be; by default `ISO_18013_5` for mobile driving licences, a chain
      to an anchor for other document types (`ANY_ISSUER`).
    """

    leeway: int = 60
    haip: bool = False
    certificate_profile: CertificateProfile | None = None

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
        """See `CredentialVerifier.verify`. Nothing else is needed; `issuer` is the subject of the document signer's certificate."""
        from oid4vci import x509

        with reading(InvalidCredential):
            if not isinstance(credential, str) or len(credential) > MAX_CREDENTIAL:
                raise Malformed("an mdoc must be a string, and not too long")
            issued = IssuerSigned.read(b64url_decode(credential))
            message = issued.issuer_auth
            mso = SecurityObject.read(message.payload)
            self._check_doctype(mso, configuration)
            # The certificates of an mdoc stand in the unprotected header (ISO/IEC 18013-5 9.1.2.4).
            if _cose.X5CHAIN not in message.unprotected:
                raise Malformed("x5chain is missing", "issuerAuth")
            chain = _cose.x5chain(message.unprotected[_cose.X5CHAIN])
            profile = _profile(self.certificate_profile, mso.doctype)
            leaf = verify_chain(chain, profile, trust=trust, now=now, anchor_allowed=not self.haip)
            _cose.verify(message, x509.leaf_public_key(leaf), algorithms=_accepted(configuration))
            claims = issued.data_elements(mso)
            _check_place(claims, leaf, profile)
            self._check_validity(mso, leaf, now)
            self._check_status(mso)
            if holder_keys and mso.device_key not in holder_keys:
                raise Malformed("is not a key that the credential was requested for", "deviceKeyInfo.deviceKey")
            return VerifiedCredential(
                FORMAT,
                credential,
                claims,
                issuer=x509.subject(leaf),
                holder_key=mso.device_key,
                issued_at=int(mso.validity.signed.timestamp()),
                expires_at=int(mso.validity.valid_until.timestamp()),
                status=mso.status,
                issuer_certificate=chain[0],
                semantics=_SEMANTICS,
            )

    def _check_doctype(self, mso: SecurityObject, configuration: "CredentialConfiguration | None") -> None:
        if configuration is not None and mso.doctype != getattr(configuration, "doctype", None):
            raise Malformed("is not the type that was asked for", "docType")

    def _check_validity(self, mso: SecurityObject, leaf: "Certificate", now: int) -> None:
        validity = mso.validity
        signed, begins, ends = validity.signed, validity.valid_from, validity.valid_until
        check_now(signed.timestamp(), None, now=now, leeway=self.leeway, names=("validityInfo.signed", ""))
        names = ("validityInfo.validFrom", "validityInfo.validUntil")
        check_now(begins.timestamp(), ends.timestamp(), now=now, leeway=self.leeway, names=names)
        # ISO/IEC 18013-5 9.3.1
        if not leaf.not_valid_before_utc <= signed <= leaf.not_valid_after_utc:
            raise Malformed("is not within the validity of the certificate", "validityInfo.signed")

    def _check_status(self, mso: SecurityObject) -> None:
        if self.haip and mso.status is not None and not _refers(mso.status):
            raise Malformed("must refer to a status list or an identifier list", "status")


MSO_MDOC: Final = CredentialFormat(
    identifier=FORMAT,
    configuration_class=MsoMdocConfiguration,
    encoder=MdocEncoder,
    verifier=MdocVerifier,
    semantics=_SEMANTICS,
)
