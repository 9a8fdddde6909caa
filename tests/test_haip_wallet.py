"""A Wallet with HAIP's switch: its settings, and whom it refuses before anything is spent (HAIP 4, 4.1, 4.4.1, 4.5.1, 6.1)."""

from typing import Any

import pytest
from attrs import evolve

from oid4vci.drive import run
from oid4vci.errors import InvalidMetadata, StatusUnknown
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.known import CREDENTIAL_FORMATS
from oid4vci.formats.mdoc import MdocVerifier
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.http import Request, Response
from oid4vci.offers import AuthorizationCodeGrant, CredentialOffer, Grants, PreAuthorizedCodeGrant
from oid4vci.proofs.di_vp import DiVpProofMaker
from oid4vci.proofs.known import PROOF_MAKERS
from oid4vci.status_list.checker import StatusChecker
from oid4vci.trust import Trust
from oid4vci.wallet import Exchange, Offer, Opened, Wallet, check_status, dump, load
from tests import haip
from tests.haip import DPOP, REDIRECT_URI
from tests.issuance import IDENTIFIER, ISSUER_METADATA, NOW, SERVER_METADATA
from tests.scripted_server import JwtFormat, ok

OTHER = "https://other.example"
OTHER_METADATA = f"{OTHER}/.well-known/oauth-authorization-server"
GRANTS = Grants(authorization_code=AuthorizationCodeGrant())
PRE_AUTHORIZED = Grants(pre_authorized_code=PreAuthorizedCodeGrant(pre_authorized_code="the-code"))


def issuer(**members: Any) -> dict[str, Any]:
    """The metadata of an issuer; a member that is None is left out."""
    return {name: each for name, each in {**haip.metadata().to_json(), **members}.items() if each is not None}


def server(**members: Any) -> dict[str, Any]:
    """The metadata of a server; a member that is None is left out."""
    return {name: each for name, each in {**haip.server().metadata.to_json(), **members}.items() if each is not None}


class Peers:
    """An issuer and its servers as their metadata say; nothing else is there."""

    def __init__(self, published: Any = None, *servers: Any) -> None:
        self.documents = {ISSUER_METADATA: published or issuer(), SERVER_METADATA: servers[0] if servers else server()}
        if servers[1:]:
            self.documents[OTHER_METADATA] = servers[1]
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.requests.append(request)
        return ok(self.documents[request.url])

    def open(self, wallet: Wallet | None = None, grants: Grants = GRANTS, **options: Any) -> Opened:
        offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("pid",), grants=grants)
        return run(Offer(offer).open(wallet or haip.wallet(), **options), self)


def breaks(*requirements: str, **settings: Any) -> None:
    """That these rules are named and no other."""
    with pytest.raises(ValueError, match="HAIP is not met") as caught:
        haip.wallet(**settings)
    rules = str(caught.value).partition("HAIP is not met: ")[2].split("; ")
    assert tuple(each.partition(":")[0] for each in rules) == requirements


# --- settings -----------------------------------------------------------------------------------------------------------------

SWITCHES = {
    "bearer": "HAIP-4-08",
    "plain_requests": "HAIP-4-06",
    "responses_without_iss": "HAIP-4-07",
    "authorization_details": "HAIP-4.3-02",
    "public": "HAIP-4.4.1-01",
}


@pytest.mark.spec("HAIP-3-01")
def test_the_switch_turns_all_others() -> None:
    on, off = haip.wallet(), Wallet(trust=haip.TRUST)
    assert [getattr(on, name) for name in SWITCHES] == [False] * 5
    assert [getattr(off, name) for name in SWITCHES] == [True] * 5
    for name in ("dc+sd-jwt", "mso_mdoc"):
        assert getattr(on.verifier(name), "haip") is True  # noqa: B009
        assert getattr(off.verifier(name), "haip") is False  # noqa: B009


@pytest.mark.spec("HAIP-4-06", "HAIP-4-07", "HAIP-4-08", "HAIP-4.3-02", "HAIP-4.4.1-01")
@pytest.mark.parametrize(("name", "requirement"), SWITCHES.items())
def test_a_setting_that_breaks_one_rule(name: str, requirement: str) -> None:
    breaks(requirement, **{name: True})
    assert haip.wallet(**{name: False})
    assert Wallet(trust=haip.TRUST, **{name: True})  # type: ignore[arg-type]


@pytest.mark.spec("HAIP-3-01")
def test_all_rules_are_named_at_once() -> None:
    breaks(*SWITCHES.values(), "HAIP-4-02", formats={"x-note": JwtFormat()}, **dict.fromkeys(SWITCHES, True))
    with pytest.raises(ValueError, match=r"HAIP-4-08"):
        evolve(Wallet(trust=haip.TRUST), haip=True)


@pytest.mark.spec("HAIP-3-02", "HAIP-4-02")
def test_one_of_the_two_formats_is_known() -> None:
    breaks("HAIP-4-02", formats={"x-note": JwtFormat()})
    assert haip.wallet(formats={"x-note": JwtFormat(), "mso_mdoc": MdocVerifier()})


@pytest.mark.spec("HAIP-6.1.1-01")
def test_verifiers_go_by_it() -> None:
    own = haip.wallet(formats={"dc+sd-jwt": SdJwtVcVerifier(leeway=7), "mso_mdoc": CREDENTIAL_FORMATS["mso_mdoc"]})
    assert own.verifier("dc+sd-jwt") == SdJwtVcVerifier(leeway=7, haip=True)
    assert own.verifier("mso_mdoc") == MdocVerifier(haip=True)
    # One that knows nothing of it does not do, be it made now or when it is needed.
    breaks("HAIP-6.1.1-01", formats={"dc+sd-jwt": JwtFormat()})
    late = evolve(CREDENTIAL_FORMATS["dc+sd-jwt"], verifier=JwtFormat)
    with pytest.raises(ValueError, match=r"HAIP-6\.1\.1-01"):
        haip.wallet(formats={"dc+sd-jwt": late}).verifier("dc+sd-jwt")
    assert haip.wallet(formats={"mso_mdoc": MdocVerifier(), "x-note": JwtFormat()}).verifier("x-note")


@pytest.mark.spec("HAIP-4.5.1-01")
def test_proofs_with_key_attestations_are_made() -> None:
    breaks("HAIP-4.5.1-01", proof_makers={"di_vp": DiVpProofMaker()})
    assert haip.wallet(proof_makers={"jwt": PROOF_MAKERS["jwt"]})
    assert haip.wallet(proof_makers={"di_vp": DiVpProofMaker(), "x-proof": PROOF_MAKERS["jwt"]})


# --- whom it refuses ------------------------------------------------------------------------------------------------------------


def configuration(**members: Any) -> dict[str, Any]:
    """Issuer metadata with a second configuration, of which some members are others, or left out where they are None."""
    pid = haip.pid().to_json()
    other = {name: value for name, value in {**pid, "scope": "other", **members}.items() if value is not None}
    return issuer(credential_configurations_supported={"pid": pid, "other": other})


ES384 = {"proof_signing_alg_values_supported": ["ES384"]}
ISSUERS = {
    "HAIP-4.1-03": configuration(scope=None),
    "HAIP-4.1-10": issuer(nonce_endpoint=None),
    "HAIP-4.3-03": configuration(scope="pid", vct="https://credentials.example/other"),
    "HAIP-7-02": configuration(proof_types_supported={"attestation": ES384}),
    "HAIP-7-03": configuration(proof_types_supported={"jwt": ES384}),
    "HAIP-4-02": issuer(credential_configurations_supported={"pid": {"format": "x-note", "scope": "pid"}}),
}
SERVERS = [
    ("HAIP-4-01", server(grant_types_supported=["urn:ietf:params:oauth:grant-type:pre-authorized_code"])),
    ("HAIP-4-01", server(authorization_endpoint=None)),
    ("HAIP-4-05", server(code_challenge_methods_supported=None)),
    ("HAIP-4-05", server(code_challenge_methods_supported=["plain"])),
    ("HAIP-4-06", server(pushed_authorization_request_endpoint=None, require_pushed_authorization_requests=None)),
    ("HAIP-4-07", server(authorization_response_iss_parameter_supported=None)),
    ("HAIP-4-08", server(dpop_signing_alg_values_supported=None)),
    ("HAIP-4-08", server(dpop_signing_alg_values_supported=["PS256"])),
    ("HAIP-4.4.1-02", server(token_endpoint_auth_methods_supported=["attest_jwt_client_auth", "none"])),
    ("HAIP-4.4.1-02", server(**{"pre-authorized_grant_anonymous_access_supported": True})),
    ("HAIP-7-01", server(client_attestation_signing_alg_values_supported=["ES384"])),
    ("HAIP-7-01", server(client_attestation_pop_signing_alg_values_supported=["ES384"])),
]


@pytest.mark.spec("HAIP-4-02", "HAIP-4.1-03", "HAIP-4.1-10", "HAIP-4.3-03", "HAIP-7-02", "HAIP-7-03")
@pytest.mark.parametrize(("requirement", "published"), ISSUERS.items())
@pytest.mark.parametrize("grants", [GRANTS, PRE_AUTHORIZED], ids=["authorization code", "pre-authorized code"])
def test_an_issuer_that_breaks_one_rule(requirement: str, published: dict[str, Any], grants: Grants) -> None:
    peers = Peers(published)
    with pytest.raises(InvalidMetadata, match=f"the issuer does not meet HAIP: {requirement}: [^;]*$"):
        peers.open(grants=grants)
    # It is left at that: nobody else is asked for anything.
    assert [each.url for each in peers.requests] == [ISSUER_METADATA]
    assert Peers(published).open(Wallet(trust=haip.TRUST), grants=grants)


@pytest.mark.spec("HAIP-4-01", "HAIP-4-05", "HAIP-4-06", "HAIP-4-07", "HAIP-4-08", "HAIP-4.4.1-02", "HAIP-7-01")
@pytest.mark.parametrize(("requirement", "published"), SERVERS)
@pytest.mark.parametrize("grants", [GRANTS, PRE_AUTHORIZED], ids=["authorization code", "pre-authorized code"])
def test_a_server_that_breaks_one_rule(requirement: str, published: dict[str, Any], grants: Grants) -> None:
    peers = Peers(None, published)
    with pytest.raises(InvalidMetadata, match=f"the Authorization Server does not meet HAIP: {requirement}: [^;]*$"):
        peers.open(grants=grants)
    assert [each.url for each in peers.requests] == [ISSUER_METADATA, SERVER_METADATA]


@pytest.mark.spec("HAIP-4-06")
def test_a_server_need_not_say_that_it_demands_pushed_requests() -> None:
    assert Peers(None, server(require_pushed_authorization_requests=None)).open()


def test_many_broken_rules_are_not_all_named() -> None:
    bare = {name: {**haip.pid(scope=None).to_json()} for name in ("pid", *(f"c{i}" for i in range(500)))}
    with pytest.raises(InvalidMetadata, match="and 491 more") as caught:
        Peers(issuer(credential_configurations_supported=bare)).open()
    assert len(str(caught.value)) < 2000


@pytest.mark.spec("HAIP-4-06")
def test_another_server_may_do() -> None:
    published = issuer(authorization_servers=[IDENTIFIER, OTHER])
    good = server(
        issuer=OTHER,
        **{name: f"{OTHER}/{name}" for name in ("token_endpoint", "authorization_endpoint")},
        pushed_authorization_request_endpoint=f"{OTHER}/par",
    )
    bad = server(pushed_authorization_request_endpoint=None, require_pushed_authorization_requests=None)
    trust = Trust.of(IDENTIFIER, OTHER)
    assert Peers(published, bad, good).open(haip.wallet(trust=trust)).server.issuer == OTHER
    assert Peers(published, server(), good).open(haip.wallet(trust=trust)).server.issuer == IDENTIFIER
    with pytest.raises(InvalidMetadata, match="HAIP-4-06"):
        Peers(published, bad, {**good, "dpop_signing_alg_values_supported": ["PS256"]}).open(haip.wallet(trust=trust))


@pytest.mark.spec("HAIP-3-01")
def test_a_state_of_other_settings_is_not_gone_on_with() -> None:
    lenient = Wallet(trust=haip.TRUST)
    for peers in (Peers(issuer(nonce_endpoint=None)), Peers(None, server(dpop_signing_alg_values_supported=None))):
        opened = peers.open(lenient)
        assert load(dump(opened), lenient) == opened
        with pytest.raises(ValueError, match=r"HAIP-4(\.1-10|-08)"):
            load(dump(opened), haip.wallet())
        with pytest.raises(InvalidMetadata, match="HAIP"):
            evolve(opened, wallet=haip.wallet())


# --- what it sends ------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-4.3-02", "HAIP-4.2-03")
def test_it_asks_by_scope_only() -> None:
    opened = Peers().open()
    arguments: dict[str, Any] = {"redirect_uri": REDIRECT_URI, "now": NOW, "dpop": DPOP}
    arguments["authentication"] = haip.attestation()
    with pytest.raises(ValueError, match=r"HAIP 4\.3"):
        opened.authorize(using="authorization_details", **arguments)
    begun = opened.authorize(**arguments)
    assert isinstance(begun, Exchange)
    assert begun.request.form().get("scope") == "pid"


@pytest.mark.spec("HAIP-4-08", "HAIP-4.4.1-01")
@pytest.mark.parametrize(
    ("left_out", "section"),
    [("dpop", r"\(HAIP 4\)"), ("authentication", r"\(HAIP 4\.4\.1\)")],
    ids=["no key", "no authentication"],
)
def test_it_sends_nothing_unbound_or_unauthenticated(left_out: str, section: str) -> None:
    arguments: dict[str, Any] = {"now": NOW, "dpop": DPOP, "authentication": haip.attestation()}
    arguments[left_out] = None
    with pytest.raises(ValueError, match=section):
        Peers().open().authorize(redirect_uri=REDIRECT_URI, **arguments)
    with pytest.raises(ValueError, match=section):
        Peers().open(grants=PRE_AUTHORIZED).redeem(**arguments)


@pytest.mark.spec("HAIP-4.4.1-05")
def test_a_wallet_attestation_has_its_certificate() -> None:
    bare = haip.attestation(x5c=())
    assert (bare.certified, haip.attestation().certified) == (False, True)
    arguments: dict[str, Any] = {"now": NOW, "dpop": DPOP, "authentication": bare}
    with pytest.raises(ValueError, match=r"HAIP-4\.4\.1-05"):
        Peers().open().authorize(redirect_uri=REDIRECT_URI, **arguments)
    with pytest.raises(ValueError, match=r"HAIP-4\.4\.1-05"):
        Peers().open(grants=PRE_AUTHORIZED).redeem(**arguments)
    lenient = Peers().open(Wallet(trust=haip.TRUST))
    assert lenient.authorize(redirect_uri=REDIRECT_URI, **arguments)


# --- statuses -----------------------------------------------------------------------------------------------------------------


@pytest.mark.spec("HAIP-6.1-08")
def test_statuses_are_checked_under_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []

    def check(self: StatusChecker, credential: VerifiedCredential, **_: Any) -> None:
        seen.append(self.haip)
        raise StatusUnknown("nothing is known")

    monkeypatch.setattr(StatusChecker, "check", check)
    credential = VerifiedCredential("dc+sd-jwt", "", {})
    for wallet in (haip.wallet(), Wallet(trust=haip.TRUST)):
        with pytest.raises(StatusUnknown):
            check_status(wallet, [credential], now=NOW)
        with pytest.raises(StatusUnknown):
            check_status(wallet, [credential], now=NOW, checker=StatusChecker(leeway=7))
    assert seen == [True, True, False, False]
