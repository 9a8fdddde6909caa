"""What the issuer makes of the claims that a Wallet asks for, and of what its metadata promise (OID4VCI B.1, B.2)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from attrs import evolve

from oid4vci import _json
from oid4vci.claims import ClaimDisplay, ClaimsDescription, ClaimsSemantics
from oid4vci.errors import CredentialRequestDenied
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.http import Response
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import LocalSigner
from oid4vci.metadata import (
    CredentialConfiguration,
    CredentialMetadata,
    MsoMdocConfiguration,
    SdJwtVcConfiguration,
)
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.records import Insert, Key, Record
from tests.issuance import (
    ISSUER_KEY,
    NOW,
    FixedEncoder,
    Host,
    Issuance,
    NoteEncoder,
    Proof,
    configuration,
    credential_request,
    details,
    issuance,
    issuer_metadata,
    new_issuer,
    order_of,
    refused,
    secret_keys,
)

PERSON: Mapping[str, Any] = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "address": {"locality": "London", "country": "UK"},
    "nationalities": ["British", "French"],
}


def claims(*paths: Sequence[Any], mandatory: Sequence[Sequence[Any]] = ()) -> list[dict[str, Any]]:
    return [{"path": list(path)} for path in paths] + [{"path": list(path), "mandatory": True} for path in mandatory]


def describing(base: CredentialConfiguration, *described: dict[str, Any]) -> CredentialConfiguration:
    found = tuple(ClaimsDescription.from_json(each) for each in described)
    return evolve(base, credential_metadata=CredentialMetadata(claims=found)) if found else base


class Issuing(Host):
    """An application that issues `dataset` with `options`."""

    def __init__(self, dataset: Mapping[str, Any] = PERSON, **options: Any) -> None:
        super().__init__()
        self.dataset, self.options = dataset, options

    def decide(self, order: Any, /) -> Any:
        if not isinstance(order, CredentialOrder):
            return super().decide(order)
        self.orders.append(order)
        return order.issue(self.dataset, **self.options)


def world(*described: dict[str, Any], dataset: Mapping[str, Any] = PERSON, encoder: Any = None, **options: Any) -> Issuance:
    """An issuer of the configuration `note`, whose metadata describe these claims."""
    metadata = issuer_metadata(credential_configurations_supported={"note": describing(configuration("ES256"), *described)})
    made = encoder or NoteEncoder(ISSUER_KEY)
    return issuance(metadata=metadata, encoders={"note": made}, host=Issuing(dataset, **options))


def asked(issuing: Issuance, requested: Any) -> Response:
    """The answer to a Wallet that asks for these claims with its code."""
    members = {} if requested is None else {"claims": requested}
    answer = issuing.redeem(issuing.grant("note"), authorization_details=details("note", **members)).json()
    (granted,) = answer["authorization_details"]
    assert granted.get("claims") == requested
    body = order_of(Proof(issuing.nonce()), credential_identifier=granted["credential_identifiers"][0])
    del body["credential_configuration_id"]
    return issuing.credential(answer["access_token"], body)


def issued(response: Response) -> dict[str, Any]:
    """The claims about the subject."""
    assert response.status == 200, response.body
    (credential,) = response.json()["credentials"]
    payload = _json.object_from(_json.b64url_decode(credential["credential"].split(".")[1]))
    return {name: value for name, value in payload.items() if name in PERSON}


# --- what was asked for ------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.2-02")
@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (None, PERSON),
        (claims(["given_name"]), {"given_name": "Ada"}),
        (claims(["given_name"], ["email"]), {"given_name": "Ada"}),
        (
            claims(["address", "country"], mandatory=[["family_name"]]),
            {"family_name": "Lovelace", "address": {"country": "UK"}},
        ),
        (claims(["nationalities", 0]), {"nationalities": ["British"]}),
        (claims(["nationalities", None]), {"nationalities": ["British", "French"]}),
    ],
)
def test_a_wallet_gets_the_claims_it_asks_for(requested: Any, expected: Mapping[str, Any]) -> None:
    described = claims(["given_name"], ["family_name"], ["address"], ["nationalities"])
    issuing = world(*described)
    assert issued(asked(issuing, requested)) == expected
    order = issuing.host.orders[-1]
    assert isinstance(order, CredentialOrder)
    assert order.requested_claims == (requested and tuple(ClaimsDescription.from_json(each) for each in requested))


@pytest.mark.spec("VCI-B.2-02")
def test_what_the_metadata_promise_is_there_without_being_asked_for() -> None:
    issuing = world(*claims(["given_name"], mandatory=[["family_name"], ["address", "country"]]))
    expected = {"given_name": "Ada", "family_name": "Lovelace", "address": {"country": "UK"}}
    assert issued(asked(issuing, claims(["given_name"]))) == expected
    assert issued(asked(issuing, None)) == PERSON


def test_a_token_by_scope_or_without_details_is_for_everything() -> None:
    issuing = world()
    response = issuing.credential(issuing.token("note"), order_of(Proof(issuing.nonce())))
    assert issued(response) == PERSON


def test_of_several_datasets_each_has_the_claims_that_were_asked_for_it() -> None:
    """As another server may say it: two details of one configuration, with identifiers of their own."""
    order = verified(world())
    granted = tuple(
        {"type": "openid_credential", "credential_configuration_id": "note", "credential_identifiers": [name], "claims": wanted}
        for name, wanted in (("one", claims(["given_name"])), ("two", claims(["family_name"])))
    )
    authorization = evolve(order.authorization, granted=granted)
    two = evolve(order, access=evolve(order.access, authorization=authorization), identifier="two")
    assert [each.path for each in two.requested_claims or ()] == [("family_name",)]
    assert two.details is not None
    assert two.details.credential_identifiers == ("two",)


def verified(issuing: Issuance) -> CredentialOrder:
    request = credential_request(issuing.token("note"), order_of(Proof(issuing.nonce())))
    call = issuing.issuer.read_credential_request(request)
    return call.verify(issuing.host.load(call.lookups), now=NOW)


# --- what cannot be had ------------------------------------------------------------------------------------------------------


@pytest.mark.spec("VCI-B.1-03", "VCI-8.3.1.2-13")
@pytest.mark.parametrize(
    "path", [["email"], ["given_name", "x"], ["nationalities", 7], ["nationalities", -1], ["address", None]]
)
def test_a_credential_without_a_claim_that_the_wallet_insists_on_is_refused(path: list[Any]) -> None:
    issuing = world()
    before = len(issuing.host.rows)
    refused(asked(issuing, claims(["given_name"], mandatory=[path])), "credential_request_denied")
    # The grant, and no nonce: nothing was issued.
    assert len(issuing.host.rows) == before + 1
    assert issued(asked(issuing, claims(["given_name"], path))) == {"given_name": "Ada"}


@pytest.mark.spec("VCI-B.1-03")
def test_the_refusal_is_a_refusal_for_who_uses_the_stages() -> None:
    issuing = world()
    answer = issuing.redeem(
        issuing.grant("note"), authorization_details=details("note", claims=claims(mandatory=[["x"]]))
    ).json()
    identifier = answer["authorization_details"][0]["credential_identifiers"][0]
    proofs = order_of(Proof(issuing.nonce()))["proofs"]
    request = credential_request(answer["access_token"], {"credential_identifier": identifier, "proofs": proofs})
    call = issuing.issuer.read_credential_request(request)
    order = call.verify(issuing.host.load(call.lookups), now=NOW)
    with pytest.raises(CredentialRequestDenied, match="not available") as denied:
        order.issue(PERSON)
    assert (denied.value.reply.response.status, denied.value.reply.changes) == (400, ())
    assert order.issue({"x": 1}).count == 1


def test_nothing_of_what_was_asked_for_is_no_credential() -> None:
    refused(asked(world(), claims(["email"], ["given_name", "x"])), "credential_request_denied")
    # Unless the issuer promises something.
    assert issued(asked(world(*claims(mandatory=[["family_name"]])), claims(["email"]))) == {"family_name": "Lovelace"}


def test_an_empty_dataset_has_nothing_to_leave_out() -> None:
    assert issued(asked(world(dataset={}), claims(["email"]))) == {}


@pytest.mark.spec("VCI-B.2-02")
@pytest.mark.parametrize("requested", [None, claims(["given_name"]), claims(mandatory=[["birthdate"]])])
def test_a_dataset_without_a_promised_claim_is_the_applications_fault(requested: Any) -> None:
    issuing = world(*claims(["given_name"], mandatory=[["birthdate"], ["family_name"], ["address", "street"]]))
    with pytest.raises(ValueError, match=r'lacks them: \["birthdate"\], \["address","street"\]$'):
        asked(issuing, requested)


def test_what_every_copy_has_of_its_own_is_there() -> None:
    described = claims(mandatory=[["number"]])
    issuing = world(*described, copies=[{"number": 1}])
    assert issued(asked(issuing, claims(["given_name"], mandatory=[["number"]]))) == {"given_name": "Ada"}
    with pytest.raises(ValueError, match="number"):
        asked(world(*described, copies=[{"other": 1}]), None)


def test_what_the_encoder_fills_is_neither_missing_nor_left_out() -> None:
    encoder = NoteEncoder(ISSUER_KEY, semantics=ClaimsSemantics(always=frozenset({("iss",), ("address",)})))
    issuing = world(*claims(mandatory=[["iss"], ["given_name"]]), encoder=encoder)
    assert issuing.issuer.promised_claims == {"note": (("given_name",),)}
    assert issued(asked(issuing, claims(["iss"]))) == {"given_name": "Ada", "address": PERSON["address"]}


# --- the formats -------------------------------------------------------------------------------------------------------------


def test_an_sd_jwt_vc_with_some_claims() -> None:
    """What is disclosable stays so, and what is not there need not be."""
    sd_jwt_configuration = SdJwtVcConfiguration(
        vct="urn:person",
        cryptographic_binding_methods_supported=("jwk",),
        proof_types_supported=configuration("ES256").proof_types_supported,
        credential_metadata=CredentialMetadata(claims=(ClaimsDescription(path=("vct",), mandatory=True),)),
    )
    for disclosable in (EVERY_CLAIM, [("given_name",), ("nationalities", None), ("address", "country")]):
        issuing = issuance(
            metadata=issuer_metadata(credential_configurations_supported={"note": sd_jwt_configuration}),
            encoders={"note": SdJwtVcEncoder(signer=LocalSigner.generate("key"), disclosable=disclosable)},
            host=Issuing({**PERSON, "status": {"status_list": {"idx": 1, "uri": "https://issuer.example/1"}}}),
        )
        response = asked(issuing, claims(["given_name"]))
        assert response.status == 200, response.body
        jwt, *disclosures, _ = response.json()["credentials"][0]["credential"].split("~")
        payload = _json.object_from(_json.b64url_decode(jwt.split(".")[1]))
        assert payload["status"]["status_list"]["idx"] == 1
        assert not payload.keys() & PERSON.keys()
        assert [_json.loads(_json.b64url_decode(each))[1:] for each in disclosures] == [["given_name", "Ada"]]


def test_a_credential_that_is_an_object_is_limited_beneath_its_subject() -> None:
    semantics = ClaimsSemantics(within=("credentialSubject",))
    dataset = {"type": ["Person"], "credentialSubject": dict(PERSON)}
    issuing = world(dataset=dataset, encoder=FixedEncoder(format="x-note", semantics=semantics))
    response = asked(issuing, claims(["credentialSubject", "given_name"], ["issuer"]))
    assert response.json()["credentials"] == [{"credential": {"type": ["Person"], "credentialSubject": {"given_name": "Ada"}}}]
    refused(asked(issuing, claims(["type"])), "credential_request_denied")


# --- changes of the application ----------------------------------------------------------------------------------------------


def test_changes_of_the_application_come_after_the_guard_and_with_the_answer() -> None:
    index = Record(Key.of("status", "list-1/7"), {}, NOW + 60)
    issuing = world(changes=[Insert(index)])
    order = verified(issuing)
    spent, *rest = order.issue(PERSON, changes=[Insert(index)]).finish().changes
    assert isinstance(spent, Insert)
    assert rest == [Insert(index)]
    assert issued(asked(issuing, None)) == PERSON
    assert issuing.host.rows[index.key] == index
    # The index is taken: the next attempt fails as a whole, and the nonce is not spent.
    before = issuing.host.rows
    assert asked(issuing, None).status == 503
    assert [key.kind for key in issuing.host.rows if key not in before] == ["grant"]


def test_without_a_nonce_the_applications_own_changes_are_the_guard() -> None:
    index = Insert(Record(Key.of("status", "list-1/7"), {}, NOW + 60))
    issuing = issuance(host=Issuing())
    call = issuing.issuer.read_credential_request(
        credential_request(issuing.token("badge"), {"credential_configuration_id": "badge"})
    )
    order = call.verify(issuing.host.load(call.lookups), now=NOW)
    assert order.issue(PERSON, changes=[index]).finish().changes == (index,)
    assert order.issue(PERSON).finish().changes == ()


# --- what an issuer may publish ----------------------------------------------------------------------------------------------


def refuses(base: CredentialConfiguration, *described: dict[str, Any], encoder: Any = None) -> str:
    keys = secret_keys()
    with pytest.raises(ValueError, match="credential_metadata") as wrong:
        Issuer(
            issuer_metadata(credential_configurations_supported={"note": describing(base, *described)}),
            SealedAccessTokens(keys),
            encoders={"note": encoder or FixedEncoder(format=base.format)},
        )
    return str(wrong.value)


@pytest.mark.spec("VCI-C.1-01", "VCI-C.2-01")
def test_paths_that_lead_nowhere_in_the_format_are_not_published() -> None:
    at = "credential_configurations_supported.note.credential_metadata.claims[1].path"
    described = claims(["a", 0], ["b", -1])
    assert f"{at}[1]: must not be negative" in refuses(SdJwtVcConfiguration(vct="x"), *described)
    mdoc = MsoMdocConfiguration(doctype="x")
    assert f"{at}: must begin with a namespace" in refuses(mdoc, *claims(["ns", "element"], ["given_name"]))


@pytest.mark.spec("VCI-B.2-08")
def test_one_display_object_a_language_is_published() -> None:
    display = [ClaimDisplay(name=name, locale="en").to_json() for name in ("A", "B")]
    message = refuses(configuration(), {"path": ["a"], "display": display})
    assert "claims[0].display[1].locale: repeats a language" in message


def test_paths_of_a_format_that_is_not_known_have_no_rules() -> None:
    plain = describing(CredentialConfiguration(format="x-object"), *claims(["a", -1], ["b"]))
    metadata = issuer_metadata(credential_configurations_supported={"object": plain})
    assert new_issuer(metadata, encoders={"object": FixedEncoder()}).promised_claims == {}
