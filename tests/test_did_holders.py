"""Holders that are DIDs: what an encoder binds to a key that a DID URL names, and what a Wallet takes for its own."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from attrs import evolve, frozen

from oid4vci._json import Malformed, b64url_encode, dump_bytes
from oid4vci.dids import DID_METHODS
from oid4vci.drive import run
from oid4vci.errors import InvalidCredential
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.holder_binding import holder_key
from oid4vci.formats.jwt_vc import JWT_VC_JSON, JwtVcEncoder, JwtVcVerifier
from oid4vci.formats.ldp_vc import LdpVcVerifier
from oid4vci.formats.sd_jwt_vc import SdJwtVcVerifier
from oid4vci.formats.vc_jwt import VcJwtEncoder, VcJwtVerifier
from oid4vci.formats.vc_sd_jwt import VcSdJwtEncoder, VcSdJwtVerifier
from oid4vci.formats.vcdm_draft import check_own_binding
from oid4vci.keys import LocalSigner, PublicKey, public_key
from oid4vci.metadata import LdpVcConfiguration, ProofType
from oid4vci.wallet import Issued, Offer
from oid4vci.wallet.issued import Received
from tests import linked_credentials, test_sd_jwt_vc, test_wallet_w3c, w3c_credentials
from tests.scripted_server import ISSUER_KEY, NOW, by_value, offer
from tests.w3c_credentials import CONFIGURATIONS

WEB = "did:web:wallet.example:users:1"


def named(url: str, key: PublicKey | None = None) -> PublicKey:
    """A key as it comes out of a proof that named it by a DID URL."""
    return evolve(key or public_key(LocalSigner.generate("holder").public_jwk), did_url=url)


def own(method: str) -> PublicKey:
    key = public_key(LocalSigner.generate("holder").public_jwk)
    return named(DID_METHODS[method].verification_method(DID_METHODS[method].did(key)), key)


PLAIN = public_key(LocalSigner.generate("plain").public_jwk)
HOLDER = named(f"{WEB}#key-1")
OTHER_METHOD = named("did:example:holder#1")


@frozen
class Case:
    """How a format makes credentials for keys under a configuration, and checks them."""

    make: Callable[..., Sequence[Any]]
    check: Callable[..., VerifiedCredential]
    subject: Callable[[Any], Any]
    cnf: bool = True


def _configured(name: str, methods: Sequence[str] | None) -> Any:
    types = None if methods is None else {"jwt": ProofType(proof_signing_alg_values_supported=("ES256",))}
    configuration = linked_credentials.CONFIGURATION if name == "ldp_vc" else CONFIGURATIONS[name]
    listed = None if methods is None else tuple(methods)
    return evolve(configuration, cryptographic_binding_methods_supported=listed, proof_types_supported=types)


def _jose(name: str, encoder: Callable[..., Any], verifier: Callable[..., Any], within: str | None = None) -> Case:
    def make(keys: Sequence[PublicKey], methods: Sequence[str] | None, binding: str = "did") -> Sequence[Any]:
        making = encoder(signer=w3c_credentials.SIGNER, issuer=w3c_credentials.DID_KEY, binding=binding)
        return w3c_credentials.issue(making, keys=keys, configuration=_configured(name, methods))

    def subject(credential: Any) -> Any:
        payload = w3c_credentials.opened(credential)[1]
        whole = payload if within is None else payload[within]
        if within is not None:
            assert payload.get("sub") == whole["credentialSubject"].get("id")
        return {"id": whole["credentialSubject"].get("id"), "cnf": payload.get("cnf")}

    return Case(make, lambda credential, **more: w3c_credentials.check(verifier(), credential, **more), subject)


def _make_linked(keys: Sequence[PublicKey], methods: Sequence[str] | None, binding: str = "did") -> Sequence[Any]:
    making = linked_credentials.encoder(binding=binding)
    return linked_credentials.issue(making, keys=keys, configuration=_configured("ldp_vc", methods))


CASES = {
    "jwt_vc_json": _jose("jwt_vc_json", JwtVcEncoder, JwtVcVerifier, "vc"),
    "vc+jwt": _jose("vc+jwt", VcJwtEncoder, VcJwtVerifier),
    "vc+sd-jwt": _jose("vc+sd-jwt", VcSdJwtEncoder, VcSdJwtVerifier),
    "ldp_vc": Case(
        _make_linked,
        linked_credentials.check,
        lambda credential: {"id": credential["credentialSubject"].get("id"), "cnf": None},
        cnf=False,
    ),
}
each_format = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


# --- issuers ----------------------------------------------------------------------------------------------------------------


@each_format
@pytest.mark.parametrize("methods", [("did:web",), ("did:web", "did:key"), ("did:example", "did:web"), None])
def test_bound_to_the_did_that_was_named(case: Case, methods: Sequence[str] | None) -> None:
    (credential,) = case.make([HOLDER], methods)
    assert case.subject(credential) == {"id": WEB, "cnf": None}
    assert case.check(credential, holder_keys=(PLAIN, HOLDER)).holder_key == HOLDER


@each_format
@pytest.mark.parametrize("method", DID_METHODS)
def test_not_to_one_derived_anew(case: Case, method: str) -> None:
    """The same key has many did:jwk; the one that the holder named is the one that the credential is for."""
    key = own("key")
    did = f"did:jwk:{b64url_encode(dump_bytes({**key.jwk, 'kid': '1'}))}"
    assert did != DID_METHODS["jwk"].did(key)
    for binding in ("did", "did:jwk"):
        (credential,) = case.make([named(f"{did}#0", key)], ("did:jwk", "did:key"), binding)
        assert case.subject(credential)["id"] == did
        assert case.check(credential, holder_keys=(key,)).holder_key == key
    # A binding that is always of one method stays so.
    named_otherwise = own("jwk" if method == "key" else "key")
    for each in (named_otherwise, HOLDER, PLAIN):
        (credential,) = case.make([each], (f"did:{method}", "did:web"), f"did:{method}")
        assert case.subject(credential)["id"] == DID_METHODS[method].did(each)


@each_format
def test_a_plain_key(case: Case) -> None:
    """It is bound by what of the configuration there is."""
    did_key, did_jwk = (DID_METHODS[method].did(PLAIN) for method in ("key", "jwk"))
    for methods, did in ((None, did_key), (("did:web", "did:key"), did_key), (("did:jwk",), did_jwk)):
        assert case.subject(case.make([PLAIN], methods)[0]) == {"id": did, "cnf": None}
    (credential,) = case.make([PLAIN], ("jwk", "did:key", "did:web"))
    assert case.subject(credential) == ({"id": None, "cnf": {"jwk": PLAIN.jwk}} if case.cnf else {"id": did_key, "cnf": None})
    with pytest.raises(ValueError, match="proved without a DID"):
        case.make([PLAIN], ("did:web",))
    # Nor is it bound to a method that is not listed.
    assert case.subject(case.make([OTHER_METHOD], ("did:web", "did:key"))[0])["id"] == DID_METHODS["key"].did(OTHER_METHOD)
    with pytest.raises(ValueError, match="proved without a DID"):
        case.make([OTHER_METHOD], ("did:web",))


@each_format
def test_a_kind_of_key_that_has_no_did_key(case: Case) -> None:
    other = evolve(PLAIN, crv="")
    did = DID_METHODS["jwk"].did(other)
    assert case.subject(case.make([other], ("did:key", "did:jwk"))[0])["id"] == did
    for methods, binding in ((("did:key", "did:web"), "did"), (("did:key",), "did:key")):
        with pytest.raises(ValueError, match="key"):
            case.make([other], methods, binding)
    # By its name it can be bound all the same.
    assert case.subject(case.make([evolve(other, did_url=HOLDER.did_url)], ("did:key", "did:web"))[0])["id"] == WEB


@each_format
def test_keys_that_are_named_in_different_ways(case: Case) -> None:
    keys = [HOLDER, PLAIN, own("jwk"), OTHER_METHOD, PLAIN]
    made = case.make(keys[:4], ("did:web", "did:jwk", "did:example", *(("jwk",) if case.cnf else ())))
    plain = {"id": None, "cnf": {"jwk": PLAIN.jwk}} if case.cnf else {"id": DID_METHODS["jwk"].did(PLAIN), "cnf": None}
    dids = [WEB, None, DID_METHODS["jwk"].did(keys[2]), "did:example:holder"]
    assert [case.subject(each) for each in made] == [plain if did is None else {"id": did, "cnf": None} for did in dids]
    for key, credential in zip(keys, made, strict=False):
        assert case.check(credential, holder_keys=tuple(keys)).holder_key == key


def test_cnf_is_always_the_key() -> None:
    """Whoever reads it needs to resolve nothing (HAIP 6.1 wants `jwk` in SD-JWT VCs)."""
    for name in ("jwt_vc_json", "vc+jwt", "vc+sd-jwt"):
        assert CASES[name].subject(CASES[name].make([HOLDER], ("jwk", "did:web"), "cnf")[0]) == {
            "id": None,
            "cnf": {"jwk": HOLDER.jwk},
        }
    (credential,) = test_sd_jwt_vc.issue(test_sd_jwt_vc.ENCODER, keys=(HOLDER,))
    assert test_sd_jwt_vc.opened(credential)[1]["cnf"] == {"jwk": HOLDER.jwk}


@pytest.mark.parametrize(
    ("binding", "methods", "cnf", "promised"),
    [
        ("did", None, True, True),
        ("did", ("did:web",), True, True),
        ("did", ("did:example", "did:web"), False, True),
        ("did", ("jwk", "did:web"), True, True),
        ("did", ("jwk", "did:web"), False, False),
        ("did", ("jwk", "did:web", "did:key"), False, True),
        ("did", ("cose_key", "did:web"), True, False),
        ("did", ("jwk",), True, False),
        ("did:key", ("did:web",), True, False),
        ("cnf", ("did:web",), True, False),
    ],
)
def test_what_a_configuration_promises(binding: str, methods: Sequence[str] | None, cnf: bool, promised: bool) -> None:
    configuration: LdpVcConfiguration = _configured("ldp_vc", methods)
    if promised:
        check_own_binding(configuration, binding, cnf=cnf)
    else:
        with pytest.raises(ValueError, match="configuration"):
            check_own_binding(configuration, binding, cnf=cnf)


# --- Wallets ----------------------------------------------------------------------------------------------------------------


@each_format
def test_a_did_that_is_not_the_wallets_own(case: Case) -> None:
    (credential,) = case.make([HOLDER], ("did:web",))
    others = (
        # The key without its name, and other names of it.
        evolve(HOLDER, did_url=None),
        evolve(HOLDER, did_url=f"{WEB}:1#key-1"),
        evolve(HOLDER, did_url="did:web:wallet.example#key-1"),
        evolve(HOLDER, did_url="did:web:Wallet.example:users:1#key-1"),
        evolve(HOLDER, did_url=f"did:example:{WEB}#key-1"),
        PLAIN,
        own("key"),
        OTHER_METHOD,
    )
    for key in others:
        with pytest.raises(InvalidCredential, match="not bound to a key"):
            case.check(credential, holder_keys=(key,))
    # Without keys the binding is not compared, and nothing is said of it.
    assert case.check(credential, holder_keys=()).holder_key is None


def test_a_did_that_is_a_key_is_not_taken_by_its_name() -> None:
    """What a DID says of itself goes before what the Wallet calls a key."""
    theirs, mine = own("key"), PLAIN
    (credential,) = CASES["vc+jwt"].make([theirs], ("did:key",))
    for url in (theirs.did_url, f"{str(theirs.did_url).partition('#')[0]}#other"):
        with pytest.raises(InvalidCredential, match="not bound to a key"):
            CASES["vc+jwt"].check(credential, holder_keys=(evolve(mine, did_url=url),))


def test_which_key_of_a_did() -> None:
    first, second = HOLDER, named(f"{WEB}#key-2")
    keys = (first, second)
    arguments: dict[str, Any] = {"methods": DID_METHODS}
    assert holder_key({}, (WEB,), keys, **arguments) is first
    assert holder_key({}, (WEB,), keys[::-1], **arguments) is second
    assert holder_key({"cnf": {"kid": f"{WEB}#key-2"}}, (None,), keys, **arguments) is second
    # The DID and one of its keys.
    assert holder_key({"cnf": {"jwk": dict(first.jwk)}}, (WEB,), keys, **arguments) == first
    with pytest.raises(ValueError, match="two keys"):
        holder_key({"cnf": {"jwk": dict(PLAIN.jwk)}}, (WEB,), (PLAIN, *keys), **arguments)
    for kid in (f"{WEB}#key-3", f"{WEB}#", f"{WEB}?#key-1", "did:web:other.example#key-1"):
        with pytest.raises(ValueError, match="not bound"):
            holder_key({"cnf": {"kid": kid}}, (None,), keys, **arguments)
    for kid in (f"{WEB}#key 1", "did:web", "did:web:"):
        with pytest.raises(ValueError, match="cnf"):
            holder_key({"cnf": {"kid": kid}}, (None,), keys, **arguments)


@pytest.mark.parametrize("more", [{}, {"alg": "ES256", "kid": "2"}])
def test_the_key_in_cnf_tells_which_key_of_a_did(more: dict[str, str]) -> None:
    """An issuer need not begin with the first."""
    first, second = HOLDER, named(f"{WEB}#key-2")
    for keys in ((first, second), (second, first)):
        for each in keys:
            cnf = {"jwk": {**each.jwk, **more}}
            assert holder_key({"cnf": cnf}, (WEB,), keys, methods=DID_METHODS) is each
            assert holder_key({"cnf": {**cnf, "kid": WEB}}, (None,), keys, methods=DID_METHODS) is each
        with pytest.raises(ValueError, match="two keys"):
            holder_key({"cnf": {"jwk": {**first.jwk, **more}, "kid": f"{WEB}#key-2"}}, (WEB,), keys, methods=DID_METHODS)


def test_a_did_is_that_of_its_key_without_what_came_between() -> None:
    """As an issuer binds: to the DID, whatever version of its document the name of the key asked for."""
    key = named("did:example:holder?versionId=1#1")
    assert holder_key({}, ("did:example:holder",), (key,), methods=DID_METHODS) is key
    with pytest.raises(ValueError, match="not bound"):
        holder_key({}, ("did:example:hold",), (key,), methods=DID_METHODS)


def test_sd_jwt_vcs_that_name_the_key_by_a_did_url() -> None:
    """As issuers do that bind to the DID of the proof; under HAIP there must be a `jwk`."""
    mine = own("key")

    def check(cnf: Any, keys: tuple[PublicKey, ...], **settings: Any) -> PublicKey | None:
        credential = test_sd_jwt_vc.signed({**test_sd_jwt_vc.PAYLOAD, "cnf": cnf})
        return test_sd_jwt_vc.check(credential, verifier=SdJwtVcVerifier(**settings), holder_keys=keys).holder_key

    assert check({"kid": HOLDER.did_url}, (PLAIN, HOLDER)) == HOLDER
    assert check({"kid": mine.did_url}, (PLAIN, mine)) == mine
    assert check({"kid": mine.did_url}, ()) == mine
    assert check({"kid": HOLDER.did_url}, ()) is None
    # The key itself goes before its name.
    assert check({"kid": "did:web:other.example#1", "jwk": dict(PLAIN.jwk)}, (PLAIN,)) == PLAIN
    for kid, keys in (
        (HOLDER.did_url, (PLAIN,)),
        (mine.did_url, (PLAIN,)),
        (f"{WEB}#key-2", (HOLDER,)),
        ("did:key:z", (HOLDER,)),
    ):
        with pytest.raises(InvalidCredential, match="cnf"):
            check({"kid": kid}, keys)
    with pytest.raises(InvalidCredential, match="must have jwk"):
        check({"kid": HOLDER.did_url}, (HOLDER,), haip=True)


def test_verifiers_without_did_methods() -> None:
    """The Wallet knows its own DID all the same."""
    (credential,) = CASES["ldp_vc"].make([HOLDER], ("did:web",))
    verifier = LdpVcVerifier(contexts=linked_credentials.CONTEXTS, did_methods={"key": DID_METHODS["key"]})
    assert linked_credentials.check(credential, verifier, holder_keys=(HOLDER,)).holder_key == HOLDER


def test_copies_for_several_keys_of_one_did() -> None:
    """Which of the keys a copy is for is not said, so each is for one that has none yet."""
    keys = tuple(named(f"{WEB}#key-{i}") for i in range(3))
    did_key = test_wallet_w3c.DID
    holder = test_wallet_w3c.wallet(JWT_VC_JSON, did_key)
    server = test_wallet_w3c.issuing(JWT_VC_JSON, "did:key")
    session = run(run(Offer.parse(by_value(offer())).open(holder), server).redeem(), server)
    encoder = JwtVcEncoder(signer=ISSUER_KEY, issuer=did_key, binding="did", new_ids=True)

    def received(bound: Sequence[PublicKey], asked: tuple[PublicKey, ...] = keys) -> Issued:
        made = w3c_credentials.issue(encoder, keys=bound, now=NOW)
        arguments: dict[str, Any] = {"session": session, "configuration_id": "pid", "now": NOW, "notification_id": None}
        issued = Received(credentials=made, holder_keys=asked, **arguments).verify({})
        assert isinstance(issued, Issued)
        return issued

    assert [each.holder_key for each in received(keys).credentials] == list(keys)
    assert [each.holder_key for each in received((*keys[:2], PLAIN), (PLAIN, *keys)).credentials] == [*keys[:2], PLAIN]
    for bound, asked in (((keys[0], PLAIN, PLAIN), (PLAIN, *keys)), (keys, keys[:2])):
        with pytest.raises(InvalidCredential, match="two are bound to one"):
            received(bound, asked)


def test_a_did_with_several_keys_and_the_key_beside_it() -> None:
    """Credentials come in any order (OID4VCI 8.3): which of the DID's keys one is for, `cnf` says."""
    first, second = named(f"{WEB}#key-1"), named(f"{WEB}#key-2")
    for keys in ((first, second), (second, first)):
        for claims in ({"cnf": {"jwk": dict(second.jwk)}}, {"cnf": {"kid": second.did_url}}):
            assert holder_key(claims, [WEB], keys, methods=DID_METHODS) == second
    with pytest.raises(Malformed, match="two keys"):
        holder_key({"cnf": {"jwk": dict(PLAIN.jwk)}}, [WEB], (first, second, PLAIN), methods=DID_METHODS)
    with pytest.raises(Malformed, match="two keys"):
        holder_key({"cnf": {"jwk": dict(PLAIN.jwk), "kid": WEB}}, [], (first, PLAIN), methods=DID_METHODS)
