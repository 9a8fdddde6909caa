"""Claims that a Wallet asks for, in the formats of this library: from the offer to a verified Credential that has no others."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from attrs import evolve, frozen

from oid4vci.claims import ClaimsDescription, ClaimsPath
from oid4vci.data_integrity import Contexts
from oid4vci.dids import DID_METHODS
from oid4vci.drive import Together, respond, run
from oid4vci.errors import Refused
from oid4vci.formats import mdl
from oid4vci.formats.credential_format import CredentialFormat
from oid4vci.formats.jwt_vc import JWT_VC_JSON
from oid4vci.formats.ldp_vc import LDP_VC, LdpVcVerifier
from oid4vci.formats.mdoc import MSO_MDOC
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SD_JWT_VC
from oid4vci.formats.type_metadata import CredentialType, TypeMetadata
from oid4vci.formats.vc_jwt import VC_JWT
from oid4vci.formats.vc_sd_jwt import VC_SD_JWT
from oid4vci.http import Request, Response
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, public_key
from oid4vci.metadata import CredentialConfiguration, CredentialMetadata
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Wallet, dump, load
from tests import mdocs
from tests.issuance import NOW, Host, Issuance, configuration, issuance, issuer_metadata
from tests.scripted_server import HOLDER_KEYS

SIGNER = LocalSigner.generate("issuer")
PERSON: Mapping[str, Any] = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "address": {"locality": "London", "country": "UK"},
    "nationalities": ["British", "French"],
}
STATUS = {"status_list": {"idx": 1, "uri": "https://status.example/1"}}
BINARY: Mapping[str, Any] = {"portrait": b"\xff\xd8", "birth_date": date(1815, 12, 10)}
TYPES = ["VerifiableCredential", "Person"]
V1 = {"credential_definition": {"type": TYPES}}
CONTEXT = "https://www.w3.org/ns/credentials/v2"
V2 = {"credential_definition": {"@context": [CONTEXT], "type": TYPES}}
LD = {"credential_definition": {"@context": [CONTEXT, {"@vocab": "https://v.example#"}], "type": TYPES}}


@frozen
class Case:
    """A format, its configuration, what its encoder takes, and where its claims stand."""

    format: CredentialFormat
    members: dict[str, Any]
    settings: dict[str, Any]
    within: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ("jwk",)
    has_status: bool = True

    def path(self, *steps: Any) -> ClaimsPath:
        return (*self.within, *steps)

    def dataset(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        inner: dict[str, Any] = dict(claims)
        for name in reversed(self.within):
            inner = {name: inner}
        return {**inner, "status": STATUS} if self.has_status else inner

    def subject(self, claims: Mapping[str, Any]) -> dict[str, Any]:
        for name in self.within:
            claims = claims[name]
        return {name: value for name, value in claims.items() if name in PERSON}

    @property
    def configuration(self) -> CredentialConfiguration:
        described = (ClaimsDescription(path=self.path("address", "country"), mandatory=True),)
        cls = self.format.configuration_class
        read = cls.from_json({"format": self.format.identifier, **self.members})
        return evolve(
            read,
            cryptographic_binding_methods_supported=self.bindings,
            proof_types_supported=configuration("ES256").proof_types_supported,
            credential_metadata=CredentialMetadata(claims=described),
        )


DID = DID_METHODS["jwk"].did(public_key(SIGNER.public_jwk))
BY_DID = {"issuer": DID, "kid": f"{DID}#0"}
SUBJECT = ("credentialSubject",)
CASES = {
    "dc+sd-jwt": Case(SD_JWT_VC, {"vct": "urn:person"}, {"disclosable": EVERY_CLAIM}),
    "jwt_vc_json": Case(JWT_VC_JSON, V1, BY_DID, SUBJECT),
    "vc+jwt": Case(VC_JWT, V2, BY_DID, SUBJECT),
    "vc+sd-jwt": Case(VC_SD_JWT, V2, {**BY_DID, "disclosable": EVERY_CLAIM}, SUBJECT),
    "ldp_vc": Case(LDP_VC, LD, {"issuer": DID}, SUBJECT, ("jwk", "did:key"), has_status=False),
    "mso_mdoc": Case(
        MSO_MDOC, {"doctype": mdocs.PID}, {"x5c": [mdocs.SIGNER_CERTIFICATE]}, (mdocs.PID,), ("cose_key",), has_status=False
    ),
}


class Registry(Host):
    """An application that knows a person."""

    def __init__(self, dataset: Mapping[str, Any]) -> None:
        super().__init__()
        self.dataset = dataset

    def decide(self, order: Any, /) -> Any:
        return order.issue(self.dataset) if isinstance(order, CredentialOrder) else super().decide(order)


def world(
    case: Case, claims: Mapping[str, Any] = PERSON, *, published: CredentialConfiguration | None = None, **settings: Any
) -> Issuance:
    signer = mdocs.SIGNER if case.format is MSO_MDOC else SIGNER
    encoder = case.format.encoder(signer=signer, **case.settings, **settings)
    return issuance(
        metadata=issuer_metadata(credential_configurations_supported={"person": published or case.configuration}),
        encoders={"person": encoder},
        published_keys=[SIGNER],
        host=Registry(case.dataset(claims)),
    )


def received(case: Case, net: Issuance, *requested: ClaimsDescription) -> Issued:
    def send(request: Request) -> Response:
        return respond(Together([net.issuer, net.server]), request, net.host, now=NOW)

    trust = Trust(mdocs.TRUST.anchors, allow=lambda _: True)
    known: CredentialFormat | LdpVcVerifier = case.format
    if case.format is LDP_VC:
        # The contexts of these credentials stand in them; the Wallet knows them all the same.
        within = enumerate(case.members["credential_definition"]["@context"][1:])
        known = LdpVcVerifier(contexts=Contexts({f"https://v.example/{i}": {"@context": each} for i, each in within}))
    settings = Wallet(trust=trust, client_id="wallet", formats={case.format.identifier: known})
    granted = net.server.pre_authorize("ada", ("person",), now=NOW)
    assert net.host.commit(granted.changes)
    offer = net.issuer.offer(("person",), pre_authorized_code=granted.grant)
    opened = run(Offer.parse(offer.uri()).open(settings), send)
    assert type(opened.configurations["person"]) is case.format.configuration_class
    session = run(opened.redeem(claims={"person": requested} if requested else None), send)
    result = run(run(session.order("person"), send).prove(HOLDER_KEYS[:1], now=NOW).submit(), send)
    assert isinstance(result, Issued)
    assert load(dump(result), settings) == result
    return result


@pytest.mark.spec("VCI-B.1-03", "VCI-B.2-02")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_no_more_than_was_asked_for(case: Case) -> None:
    wanted = [
        ClaimsDescription(path=case.path("given_name"), mandatory=True),
        ClaimsDescription(path=case.path("nationalities", 0)),
        ClaimsDescription(path=case.path("email")),
    ]
    result = received(case, world(case), *wanted)
    (credential,) = result.credentials
    expected = {"given_name": "Ada", "nationalities": ["British"], "address": {"country": "UK"}}
    assert case.subject(credential.claims) == expected
    assert credential.status == (STATUS if case.has_status else None)
    assert result.missing_claims == ()
    whole = received(case, world(case))
    assert case.subject(whole.credentials[0].claims) == PERSON


@pytest.mark.spec("VCI-B.1-03")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_cannot_be_had_is_refused(case: Case) -> None:
    with pytest.raises(Refused) as refused:
        received(case, world(case), ClaimsDescription(path=case.path("email"), mandatory=True))
    assert refused.value.error == "credential_request_denied"


@pytest.mark.spec("VCI-B.2-02")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_promised_must_be_there(case: Case) -> None:
    with pytest.raises(ValueError, match='"address","country"'):
        received(case, world(case, {**PERSON, "address": {}}))


@pytest.mark.spec("VCI-B.3-01")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_shown_are_the_claims_about_the_person(case: Case) -> None:
    first, *others = received(case, world(case)).view().claims
    assert first.path == case.path("address", "country")
    # Disclosures come in an order of their own.
    names = ("given_name",), ("family_name",), ("address", "locality"), ("nationalities",)
    assert {each.path for each in others} == {case.path(*steps) for steps in names}
    assert len(others) == len(names)


def test_what_the_type_demands_is_issued_whatever_was_asked_for() -> None:
    case = CASES["dc+sd-jwt"]
    document = TypeMetadata.from_json({"vct": "urn:person", "claims": [{"path": ["family_name"], "mandatory": True}]})
    net = world(case, type_metadata=CredentialType.of(document))
    (credential,) = received(case, net, ClaimsDescription(path=("given_name",))).credentials
    assert case.subject(credential.claims).keys() == {"given_name", "family_name", "address"}


def test_values_that_json_has_not_come_through() -> None:
    case = CASES["mso_mdoc"]
    wanted = [ClaimsDescription(path=case.path(name), mandatory=True) for name in BINARY]
    result = received(case, world(case, {**PERSON, **BINARY}), *wanted)
    (credential,) = result.credentials
    assert credential.claims == {mdocs.PID: {"address": {"country": "UK"}, **BINARY}}
    assert [(each.path[1], each.values[0][1]) for each in result.view().claims][1:] == list(BINARY.items())


def test_an_mdl_keeps_what_makes_it_one() -> None:
    case = evolve(CASES["mso_mdoc"], members={"doctype": mdocs.MDL}, within=(mdocs.NAMESPACE,))
    country = ClaimsDescription(path=case.path("issuing_country"), mandatory=True)
    published = evolve(case.configuration, credential_metadata=CredentialMetadata(claims=(country,)))
    net = world(case, mdocs.LICENCE[mdocs.NAMESPACE], published=published)
    (credential,) = received(case, net, ClaimsDescription(path=case.path("age_over_18"))).credentials
    assert credential.claims[mdocs.NAMESPACE].keys() == {*mdl.MANDATORY, "age_over_18"}


def test_an_object_keeps_its_type() -> None:
    """A term may be defined for objects of a type alone: without the type, there would be no credential."""
    scoped = {"Person": {"@id": "https://v.example#Person", "@context": {"nick": "https://v.example#nick"}}}
    case = evolve(
        CASES["ldp_vc"], members={"credential_definition": {"@context": [CONTEXT, scoped], "type": ["VerifiableCredential"]}}
    )
    published = evolve(case.configuration, credential_metadata=None)
    net = world(case, {"type": "Person", "nick": "Ada"}, published=published)
    (credential,) = received(case, net, ClaimsDescription(path=case.path("nick"))).credentials
    subject = credential.claims["credentialSubject"]
    assert (subject["type"], subject["nick"]) == ("Person", "Ada")
