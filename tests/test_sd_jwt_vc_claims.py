"""The claims of SD-JWT VCs one by one, and what must not be selectively disclosable."""

import json
from typing import Any

import pytest

from oid4vci._json import b64url_decode
from oid4vci.errors import InvalidCredential
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder, SdJwtVcVerifier
from tests.test_sd_jwt import digest, disclosure
from tests.test_sd_jwt_vc import DAY, ENCODER, HOLDERS, ISSUER, PAYLOAD, SIGNER, check, issue, opened, signed
from tests.test_x509 import NOW

NAMES = ["iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"]
VALUES: dict[str, Any] = {
    "iss": ISSUER, "nbf": NOW, "exp": NOW + DAY, "cnf": PAYLOAD["cnf"], "vct": PAYLOAD["vct"], "vct#integrity": "sha256-x",
    "aka_vcts": ["urn:x"], "status": {"status_list": {"idx": 1, "uri": "https://status.example.com/1"}}, "aud": "https://verifier.example",
}  # fmt: skip


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in PAYLOAD.items() if name not in names}


# --- what must not be selectively disclosable -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES, "aud"])
def test_names_that_must_not_be_disclosures(name: str) -> None:
    """Otherwise as good as any: the value is what it would be if it stood there."""
    assert check(signed({**without(name), name: VALUES[name]}))
    text = disclosure("salt", name, VALUES[name])
    with pytest.raises(InvalidCredential):
        check(signed({**without(name), "_sd": [digest(text)]}, text), holder_keys=())


@pytest.mark.parametrize("name", ["cnf", "status"])
def test_nor_any_part_of_them(name: str) -> None:
    text = disclosure("salt", "more", 1)
    with pytest.raises(InvalidCredential, match="disclosable"):
        check(signed({**without(name), name: {**VALUES[name], "_sd": [digest(text)]}}, text))
    deeper = next(iter(VALUES[name]))
    inner = {deeper: {**VALUES[name][deeper], "_sd": [digest(text)]}}
    with pytest.raises(InvalidCredential, match="disclosable"):
        check(signed({**without(name), name: inner}, text))
    element = disclosure("salt", "urn:y")
    with pytest.raises(InvalidCredential):
        check(signed({**PAYLOAD, "aka_vcts": ["urn:x", {"...": digest(element)}]}, element))


def test_a_key_stays_where_decoys_are() -> None:
    cnf = {**PAYLOAD["cnf"], "_sd": [digest("nothing")]}
    verified = check(signed({**PAYLOAD, "cnf": cnf}))
    assert verified.holder_key == HOLDERS[0]
    assert verified.claims["cnf"] == PAYLOAD["cnf"]
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=EVERY_CLAIM, decoys=5))
    assert opened(credential)[1]["cnf"] == {"jwk": dict(HOLDERS[0].jwk)}
    assert check(credential).holder_key == HOLDERS[0]


@pytest.mark.parametrize("name", ["_sd", "...", "_sd_alg"])
def test_names_that_mean_digests(name: str) -> None:
    text = disclosure("salt", name, ["x"])
    holder: dict[str, Any] = {"_sd": [digest(text)]}
    for members in (holder, {"o": holder}):
        with pytest.raises(InvalidCredential, match="reserved"):
            check(signed({**PAYLOAD, **members}, text))
    if name != "_sd":
        for place in ({"o": {name: "x"}}, {"l": [{"y": {name: "x"}}]}):
            with pytest.raises(InvalidCredential):
                check(signed({**PAYLOAD, **place}))


def test_elements_keep_their_order() -> None:
    """What is disclosable of an array takes no other element's place."""
    array = ["zero", "one", {"two": 2}, None, ["four"], "five"]
    for hidden in ([1], [0, 3], [2, 4, 5], list(range(6))):
        paths = [("l", i) for i in hidden]
        verified = check(issue(SdJwtVcEncoder(signer=SIGNER, disclosable=paths), {"l": array})[0])
        assert verified.claims["l"] == array
        assert {one.path for one in verified.disclosures} == set(paths)
    # The holder withholds some: the others are still those that they were.
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, disclosable=[("l", None)]), {"l": array})
    jwt, *texts, _ = credential.split("~")
    contents = {text: json.loads(b64url_decode(text))[1] for text in texts}
    kept = [text for text in texts if contents[text] in ("one", None, "five")]
    verified = check("~".join((jwt, *kept, "")))
    assert verified.claims["l"] == ["one", None, "five"]
    assert {contents[one.text]: one.path for one in verified.disclosures} == {"one": ("l", 0), None: ("l", 1), "five": ("l", 2)}


def test_every_disclosure_is_led_to_once() -> None:
    text, other = disclosure("s", "b", 1), disclosure("t", "c", 2)
    good = {**PAYLOAD, "_sd": [digest(text)]}
    assert check(signed(good, text)).claims["b"] == 1
    inner = disclosure("s", "o", {"_sd": [digest(other)]})
    nested = {**PAYLOAD, "_sd": [digest(inner)]}
    assert check(signed(nested, inner, other)).claims["o"] == {"c": 2}
    for payload, texts in (
        (good, (text, other)),
        (good, (text, text)),
        (nested, (other,)),
        ({**PAYLOAD, "_sd": [digest(text)] * 2}, (text,)),
        ({**good, "o": {"_sd": [digest(text)]}}, (text,)),
        ({**good, "l": [{"...": digest(text)}]}, (text,)),
        ({**PAYLOAD, "l": [{"...": digest(text)}]}, (text,)),
        ({**good, "b": 2}, (text,)),
    ):
        with pytest.raises(InvalidCredential):
            check(signed(payload, *texts))


# --- claims one by one ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("aud", ["https://verifier.example", ["a", "b"], [], ""])
def test_audiences(aud: Any) -> None:
    """They are for Verifiers."""
    assert check(signed({**PAYLOAD, "aud": aud})).claims["aud"] == aud


@pytest.mark.parametrize("aud", [None, 1, {}, [1], [["a"]], True])
def test_audiences_that_are_none(aud: Any) -> None:
    with pytest.raises(InvalidCredential, match="aud"):
        check(signed({**PAYLOAD, "aud": aud}))


def test_single_audiences_may_be_disclosures() -> None:
    text = disclosure("s", "https://verifier.example")
    assert check(signed({**PAYLOAD, "aud": [{"...": digest(text)}]}, text)).claims["aud"] == ["https://verifier.example"]


@pytest.mark.parametrize("name", ["sub", "iat"])
def test_what_may_be_a_disclosure_is_checked_all_the_same(name: str) -> None:
    wrongs: tuple[Any, ...] = ([], {}, None, True)
    for wrong in wrongs:
        text = disclosure("s", name, wrong)
        with pytest.raises(InvalidCredential, match=name):
            check(signed({**without(name), "_sd": [digest(text)]}, text))


@pytest.mark.parametrize("name", ["nbf", "iat", "exp"])
def test_dates_are_numbers(name: str) -> None:
    for good in (NOW, NOW + 0.5):
        assert check(signed({**PAYLOAD, name: good, "exp": NOW + DAY if name != "exp" else good + 1}))
    wrongs: tuple[Any, ...] = ("1", None, True, [], {}, str(NOW))
    for wrong in wrongs:
        with pytest.raises(InvalidCredential, match=name):
            check(signed({**PAYLOAD, name: wrong}))


def test_a_credential_without_dates() -> None:
    verified = check(signed(without("iat", "exp")))
    assert verified.issued_at is None
    assert verified.expires_at is None


def test_a_credential_from_a_little_ahead() -> None:
    """`iat` is rounded and clocks differ; a day is too much for both."""
    assert check(signed({**PAYLOAD, "iat": NOW + DAY, "exp": NOW + 3 * DAY}))
    with pytest.raises(InvalidCredential, match="iat"):
        check(signed({**PAYLOAD, "iat": NOW + DAY + 1, "exp": NOW + 3 * DAY}))
    with pytest.raises(InvalidCredential, match="nbf"):
        check(signed({**PAYLOAD, "nbf": NOW + 1}), verifier=SdJwtVcVerifier(leeway=0))


@pytest.mark.parametrize("other", [{"jwe": "x"}, {"jku": "https://issuer.example.com/jwks"}, {"jwe": "x", "jku": "y"}])
def test_one_confirmation_method(other: dict[str, Any]) -> None:
    with pytest.raises(InvalidCredential, match="one key"):
        check(signed({**PAYLOAD, "cnf": {**PAYLOAD["cnf"], **other}}))


@pytest.mark.parametrize(
    "cnf", [{"jwe": "x"}, {"jku": "https://issuer.example.com/jwks"}, {"kid": "x"}, {"x5t#S256": "x"}, {"jkt": "x"}]
)
def test_bindings_that_are_no_keys(cnf: dict[str, Any]) -> None:
    credential = signed({**PAYLOAD, "cnf": cnf})
    with pytest.raises(InvalidCredential, match="must have jwk"):
        check(credential)
    assert check(credential, holder_keys=()).holder_key is None


def test_a_key_with_more_members_is_the_same_key() -> None:
    jwk = {**HOLDERS[1].jwk, "kid": "k", "alg": "ES256", "use": "sig"}
    assert check(signed({**PAYLOAD, "cnf": {"jwk": jwk, "kid": "k"}})).holder_key == HOLDERS[1]
    wrongs: tuple[Any, ...] = (
        {**jwk, "d": "AA"},
        {**jwk, "use": "enc"},
        {**jwk, "x": jwk["y"]},
        {**jwk, "crv": "P-384"},
        [],
        "x",
        None,
    )
    for wrong in wrongs:
        with pytest.raises(InvalidCredential, match="cnf"):
            check(signed({**PAYLOAD, "cnf": {"jwk": wrong}}))


@pytest.mark.parametrize("value", ["x", "", 1, None, [], "sha256", "sha256-", "md5 x"])
def test_integrity_of_the_type_is_integrity_metadata(value: Any) -> None:
    with pytest.raises(InvalidCredential, match="vct#integrity"):
        check(signed({**PAYLOAD, "vct#integrity": value}))
    for made in ({"claims": {"vct#integrity": value}}, {"copies": [{"vct#integrity": value}]}):
        with pytest.raises(ValueError, match="vct#integrity"):
            issue(SdJwtVcEncoder(signer=SIGNER), **made)


def test_nothing_is_hidden_in_a_credential_without_disclosable_claims() -> None:
    """ "the SD-JWT VC MUST NOT contain the `_sd` claim in the JWT body. It also MUST NOT have any Disclosures." """
    (credential,) = issue(SdJwtVcEncoder(signer=SIGNER, decoys=3))
    assert credential.count("~") == 1
    assert not {"_sd", "_sd_alg"} & opened(credential)[1].keys()
    assert not check(credential).disclosures
    assert check(issue(ENCODER, {"sex": 1})[0]).claims["sex"] == 1
