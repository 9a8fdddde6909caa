"""The linter on credentials: what issuers of this library make has no findings, and each fault is told by itself."""

import json
from typing import Any

import pytest

from oid4vci.errors import InvalidCredential
from oid4vci.formats.jwt_vc import JwtVcEncoder
from oid4vci.formats.sd_jwt_vc import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.formats.vc_jwt import VcJwtEncoder
from oid4vci.formats.vc_sd_jwt import VcSdJwtEncoder
from oid4vci.keys import LocalSigner, thumbprint
from oid4vci.lint import inspect
from oid4vci.x509 import encode_x5c
from tests import mdocs, test_sd_jwt_vc, w3c_credentials
from tests.linting import checked, said
from tests.mdocs import MDL, NAMESPACE, forge, tdate
from tests.test_sd_jwt import digest, disclosure
from tests.test_sd_jwt_vc import CERTIFIED, NAMED_LEAF
from tests.test_x509 import NOW, ROOT, SUB
from tests.w3c_credentials import HOLDERS, ISSUER, V1, V2, signed

DAY = 86_400
SD_JWT = "VCI-A.3.4-01"
MDOC_NOW = mdocs.NOW
JWK = dict(HOLDERS[0].jwk)
PID: dict[str, Any] = {"iss": ISSUER, "vct": "urn:eudi:pid:1", "iat": NOW, "exp": NOW + DAY, "cnf": {"jwk": JWK}}


def issued(format_: str) -> str:
    if format_ == "dc+sd-jwt":
        encoder = SdJwtVcEncoder(signer=CERTIFIED, x5c=(NAMED_LEAF, SUB), disclosable=EVERY_CLAIM)
        return test_sd_jwt_vc.issue(encoder, {"given_name": "Erika", "age": 42})[0]
    if format_ == "mso_mdoc":
        return mdocs.issue()
    encoders: dict[str, Any] = {
        "jwt_vc_json": JwtVcEncoder(signer=w3c_credentials.SIGNER, format="jwt_vc_json"),
        "vc+jwt": VcJwtEncoder(signer=w3c_credentials.SIGNER),
        "vc+sd-jwt": VcSdJwtEncoder(signer=w3c_credentials.SIGNER),
    }
    return w3c_credentials.issue(encoders[format_])[0]


@pytest.mark.parametrize("format_", ["dc+sd-jwt", "mso_mdoc", "jwt_vc_json", "vc+jwt", "vc+sd-jwt"])
def test_what_this_library_issues_has_no_findings(format_: str) -> None:
    now = MDOC_NOW if format_ == "mso_mdoc" else NOW
    credential = issued(format_)
    report = checked(credential, now=now)
    assert (report.kind, report.findings) == (format_, ())
    assert checked(credential, now=now + 3_650 * DAY).errors == 0
    assert "lies in the past" in [each.message for each in checked(credential, now=now + 3_650 * DAY).findings]
    haip = checked(credential, now=now, profile="haip")
    assert said(haip) == []
    assert said(haip, "warning") == ([] if format_ in ("dc+sd-jwt", "mso_mdoc") else [("", "HAIP-4-02")])


def sd_jwt(claims: Any = PID, *disclosures: str, **header: Any) -> str:
    return signed(claims, *(disclosures or ("",)), **{"typ": "dc+sd-jwt", **header})


DISCLOSURE = disclosure("given_name", "Erika")


@pytest.mark.parametrize(
    ("credential", "path", "requirement"),
    [
        (sd_jwt(typ="vc+sd-jwt"), "header", SD_JWT),
        (sd_jwt(typ=None), "header", SD_JWT),
        (sd_jwt(alg="none"), "header", None),
        (sd_jwt(alg="HS256"), "header", None),
        (sd_jwt(alg=None), "header", None),
        (sd_jwt(x5c="a"), "x5c", None),
        (sd_jwt(x5c=["AAAA"]), "x5c[0]", None),
        (sd_jwt().rstrip("~"), "", SD_JWT),
        (sd_jwt() + "a.b.c", "", SD_JWT),
        (sd_jwt({**PID, "vct": 1}), "vct", SD_JWT),
        (sd_jwt({name: value for name, value in PID.items() if name != "vct"}), "vct", SD_JWT),
        (sd_jwt({**PID, "aka_vcts": []}), "aka_vcts", SD_JWT),
        (sd_jwt({**PID, "vct#integrity": 7}), "vct#integrity", None),
        (sd_jwt({name: value for name, value in PID.items() if name != "iss"}), "iss", None),
        (sd_jwt({**PID, "sub": 1}), "sub", None),
        (sd_jwt({**PID, "exp": "soon"}), "exp", None),
        (sd_jwt({**PID, "exp": True}), "exp", None),
        (sd_jwt({**PID, "exp": NOW}), "exp", None),
        (sd_jwt({**PID, "cnf": {}}), "cnf", None),
        (sd_jwt({**PID, "cnf": {"jwk": JWK, "jku": "https://a.example"}}), "cnf", None),
        (sd_jwt({**PID, "cnf": {"jwk": {**JWK, "d": "AA"}}}), "cnf.jwk", None),
        (sd_jwt({**PID, "status": {}}), "status", None),
        (sd_jwt({**PID, "status": {"status_list": 1}}), "status.status_list", None),
        (sd_jwt({**PID, "status": {"status_list": {"idx": -1, "uri": "https://a.example"}}}), "status.status_list.idx", None),
        (sd_jwt({**PID, "status": {"status_list": {"idx": 1, "uri": "a"}}}), "status.status_list.uri", None),
        (sd_jwt(PID, DISCLOSURE), "", SD_JWT),
        (sd_jwt({**PID, "_sd": [digest(DISCLOSURE)]}, DISCLOSURE, DISCLOSURE), "", SD_JWT),
        (sd_jwt({**PID, "_sd": [digest(disclosure("nbf", NOW))]}, disclosure("nbf", NOW)), "", SD_JWT),
        (sd_jwt({**PID, "_sd_alg": "md5"}), "_sd_alg", SD_JWT),
        (sd_jwt(b"[]"), "", SD_JWT),
    ],
)
def test_a_fault_of_an_sd_jwt_vc(credential: str, path: str, requirement: str | None) -> None:
    assert checked(sd_jwt(), now=NOW).findings == ()
    assert said(checked(credential, kind="dc+sd-jwt", now=NOW)) == [(path, requirement)]


@pytest.mark.parametrize(
    ("claims", "name", "message"),
    [
        ({"exp": NOW - 60}, "exp", "lies in the past"),
        ({"nbf": NOW + 61}, "nbf", "lies in the future"),
        ({"iat": NOW + 61}, "iat", "lies in the future"),
    ],
)
def test_times_are_doubtful_and_no_fault(claims: dict[str, Any], name: str, message: str) -> None:
    base = {key: value for key, value in PID.items() if key != "iat"}
    (found,) = checked(sd_jwt({**base, **claims}), now=NOW).findings
    assert (found.path, found.message, found.severity) == (name, message, "warning")


def test_times_within_the_leeway() -> None:
    assert checked(sd_jwt({**PID, "iat": NOW + 60, "exp": NOW + 61}), now=NOW).findings == ()
    assert checked(sd_jwt({**PID, "iat": NOW - DAY, "exp": NOW - 59}), now=NOW).findings == ()


def chained(*chain: bytes, **claims: Any) -> str:
    payload = {**PID, **claims}
    return signed(payload, "", signer=CERTIFIED, typ="dc+sd-jwt", x5c=encode_x5c(chain))


def test_certificates() -> None:
    def found(*chain: bytes, severity: str = "error", profile: Any = None, **more: Any) -> list[tuple[str, str | None]]:
        return said(checked(chained(*chain), now=NOW, profile=profile, **more), severity)

    assert found(NAMED_LEAF, SUB) == found(NAMED_LEAF, SUB, severity="warning") == found(NAMED_LEAF, SUB, profile="haip") == []
    # A self-signed certificate proves nothing; HAIP forbids it.
    assert found(NAMED_LEAF, SUB, ROOT) == []
    assert found(NAMED_LEAF, SUB, ROOT, severity="warning") == [("x5c[2]", None)]
    assert found(NAMED_LEAF, SUB, ROOT, profile="haip") == [("x5c[2]", "HAIP-6.1.1-03")]
    # Nor does it name the issuer.
    assert found(ROOT, severity="warning") == [("x5c[0]", None), ("x5c[0]", None)]
    assert found(ROOT, profile="haip") == [("x5c[0]", "HAIP-6.1.1-04")]
    late = checked(chained(NAMED_LEAF), now=NOW + 3_650 * DAY)
    assert ("x5c[0]", None) in said(late, "warning")


def test_a_certificate_that_names_another_issuer() -> None:
    report = checked(chained(NAMED_LEAF, iss="https://other.example"), now=NOW)
    assert [str(finding) for finding in report.findings] == ["warning: x5c[0]: does not name iss (SD-JWT VC)"]


def test_a_certificate_for_another_kind_of_key() -> None:
    other = LocalSigner.generate("other", "ES384")
    credential = signed(PID, "", signer=other, typ="dc+sd-jwt", x5c=encode_x5c([NAMED_LEAF]))
    assert said(checked(credential, now=NOW)) == [("x5c[0]", None)]


@pytest.mark.parametrize(
    ("credential", "found", "severity"),
    [
        (sd_jwt(), ("header", "HAIP-6.1.1-02"), "error"),
        (chained(NAMED_LEAF, cnf={"kid": "did:web:a.example#1"}), ("cnf.jwk", "HAIP-6.1-06"), "error"),
        (chained(NAMED_LEAF, status={"other": {}}), ("status.status_list", "HAIP-6.1-07"), "error"),
        (
            signed(
                {name: value for name, value in PID.items() if name != "exp"},
                "",
                signer=CERTIFIED,
                typ="dc+sd-jwt",
                x5c=encode_x5c([NAMED_LEAF]),
            ),
            ("exp", "HAIP-6.1-03"),
            "warning",
        ),
    ],
)
def test_haip_for_sd_jwt_vcs(credential: str, found: tuple[str, str], severity: str) -> None:
    assert checked(credential, now=NOW).findings == ()
    assert said(checked(credential, now=NOW, profile="haip"), severity) == [found]


# --- mdoc -------------------------------------------------------------------------------------------------------------------


def changed(**members: Any) -> Any:
    return lambda mso: {**mso, **members}


def times(**changes: int) -> Any:
    def change(mso: Any) -> None:
        mso["validityInfo"] |= {name: tdate(value) for name, value in changes.items()}

    return change


@pytest.mark.parametrize(
    ("credential", "path", "requirement"),
    [
        ("!!!", "", "VCI-A.2.4-01"),
        ("oA", "nameSpaces", "VCI-A.2.4-01"),
        (forge(header={1: -65535}), "", None),
        (forge(unprotected={}), "issuerAuth", None),
        (forge(unprotected={33: [b"a"]}), "x5chain", None),
        (forge(unprotected={33: b"a"}), "x5chain[0]", None),
        (forge(mso=changed(version="2.0")), "version", None),
        (forge(mso=changed(digestAlgorithm="MD5")), "digestAlgorithm", None),
        (forge(mso=changed(deviceKeyInfo={})), "deviceKeyInfo.deviceKey", None),
        (forge(mso=times(validUntil=MDOC_NOW - 100)), "validityInfo", None),
        (forge(mso=times(signed=MDOC_NOW - 200 * DAY)), "validityInfo.signed", None),
        (forge(mso=changed(status={})), "status", None),
        (forge(mso=changed(status={"status_list": {"idx": "1", "uri": "https://a.example"}})), "status.status_list.idx", None),
        (forge(mso=lambda mso: mso["valueDigests"].pop(NAMESPACE) and None), "nameSpaces", None),
        (forge(items=lambda spaces: spaces[NAMESPACE].pop(0) and None), "nameSpaces", None),
    ],
)
def test_a_fault_of_an_mdoc(credential: str, path: str, requirement: str | None) -> None:
    assert checked(forge(), now=MDOC_NOW).findings == ()
    assert said(checked(credential, kind="mso_mdoc", now=MDOC_NOW)) == [(path, requirement)]


def test_padding_of_an_mdoc() -> None:
    padded = forge()
    padded += "=" * (-len(padded) % 4)
    found = said(checked(padded if padded.endswith("=") else f"{padded}====", now=MDOC_NOW))
    assert found == [("", "VCI-2-01")]


def test_haip_for_mdocs() -> None:
    other = forge(mso=changed(status={"own": {}}))
    assert said(checked(other, now=MDOC_NOW)) == []
    assert said(checked(other, now=MDOC_NOW, profile="haip")) == [("status", "HAIP-5.3.1-03")]
    listed = forge(mso=changed(status={"status_list": {"idx": 1, "uri": "https://a.example"}}))
    assert said(checked(listed, now=MDOC_NOW, profile="haip")) == []


# --- W3C --------------------------------------------------------------------------------------------------------------------

VC1: dict[str, Any] = {
    "@context": [V1],
    "type": ["VerifiableCredential"],
    "issuer": ISSUER,
    "issuanceDate": "2020-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:1"},
}
VC2: dict[str, Any] = {"@context": [V2], "type": ["VerifiableCredential"], "issuer": ISSUER, "credentialSubject": {"a": 1}}


def vc1(**members: Any) -> str:
    return signed({"vc": {**VC1, **members}})


@pytest.mark.parametrize(
    ("credential", "path"),
    [
        (vc1(type=["Other"]), "vc.type"),
        (vc1(credentialSubject={}), "vc.credentialSubject"),
        (vc1(issuer="nobody"), "vc.issuer"),
        (vc1(issuanceDate="yesterday"), "vc.issuanceDate"),
        (vc1(credentialStatus={}), "vc.credentialStatus.type"),
        (signed({"vc": VC1, "iss": "https://other.example"}), "iss"),
        (signed({"vc": VC1, "vp": {}}), "vp"),
        (signed({"vc": []}), "vc"),
        (signed({"vc": VC1}, typ="vc+jwt"), "header"),
        (signed({"vc": VC1}, alg="none"), "header"),
        (signed({"vc": VC1, "status": 1}), "status"),
    ],
)
def test_a_fault_of_a_jwt_vc(credential: str, path: str) -> None:
    assert checked(vc1(), now=NOW).findings == ()
    assert [found for found, _ in said(checked(credential, kind="jwt_vc_json", now=NOW))] == [path]


@pytest.mark.parametrize(
    ("claims", "header", "path"),
    [
        ({**VC2, "vc": {}}, {}, "vc"),
        ({**VC2, "type": []}, {}, "type"),
        ({**VC2, "@context": [V1]}, {}, "@context"),
        ({**VC2, "iss": "https://other.example"}, {}, "iss"),
        ({**VC2, "validFrom": "2020"}, {}, "validFrom"),
        (VC2, {"cty": "vp"}, "header"),
        (VC2, {"typ": "JWT"}, "header"),
    ],
)
def test_a_fault_of_a_vc_jwt(claims: Any, header: Any, path: str) -> None:
    for kind, disclosures in (("vc+jwt", ()), ("vc+sd-jwt", ("",))):
        assert checked(signed(VC2, *disclosures, typ=kind), now=NOW).findings == ()
        credential = signed(claims, *disclosures, **{"typ": kind, **header})
        assert [found for found, _ in said(checked(credential, kind=kind, now=NOW))] == [path]


def test_a_data_integrity_credential() -> None:
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-rdfc-2022",
        "verificationMethod": "did:example:1#1",
        "proofPurpose": "assertionMethod",
        "proofValue": "z3",
    }
    good = {**VC2, "proof": proof}
    assert checked(good, now=NOW).findings == ()
    for members, path in (
        ({"proof": 1}, "proof"),
        ({"proof": {**proof, "proofPurpose": "authentication"}}, "proof.proofPurpose"),
        ({"proof": {**proof, "proofValue": "!"}}, "proof.proofValue"),
        ({"issuer": 1}, "issuer"),
    ):
        assert [found for found, _ in said(checked({**good, **members}, now=NOW))] == [path]
    unknown = checked({**good, "proof": {**proof, "cryptosuite": "new-2030"}}, now=NOW)
    assert (said(unknown), said(unknown, "warning")) == ([], [("proof", None)])


# --- taken apart ------------------------------------------------------------------------------------------------------------


def test_an_sd_jwt_vc_taken_apart() -> None:
    credential = issued("dc+sd-jwt")
    seen = inspect(credential)
    assert (seen.format, seen.types, seen.algorithm) == ("dc+sd-jwt", (test_sd_jwt_vc.VCT,), "ES256")
    assert seen.claims["given_name"] == "Erika"
    assert sorted(seen.disclosed) == [("age",), ("given_name",)]
    assert thumbprint(test_sd_jwt_vc.HOLDERS[0].jwk) in str(seen.holder)
    assert [each.self_signed for each in seen.certificates] == [False, False]
    whole = seen.withheld
    jwt, first, *rest = credential.split("~")
    less = inspect("~".join((jwt, *rest)))
    assert first
    assert (len(less.disclosed), less.withheld) == (1, whole + 1)


def test_an_mdoc_taken_apart() -> None:
    seen = inspect(issued("mso_mdoc"))
    assert (seen.types, seen.algorithm, seen.issuer) == ((MDL,), "ES256", None)
    assert seen.claims[NAMESPACE]["birth_date"] == "1990-02-28"
    assert seen.claims[NAMESPACE]["portrait"] == "_9j_4A"
    assert (NAMESPACE, "family_name") in seen.disclosed
    assert seen.issued_at is not None
    assert thumbprint(mdocs.HOLDER.jwk) in str(seen.holder)
    json.dumps(seen.claims)


def test_w3c_credentials_taken_apart() -> None:
    seen = inspect(signed({"vc": VC1, "exp": NOW + DAY}))
    assert (seen.types, seen.issuer, seen.expires_at) == (("VerifiableCredential",), ISSUER, NOW + DAY)
    assert seen.holder == "the subject did:example:1"
    two = inspect(
        signed({**VC2, "cnf": {"jwk": JWK}, "status": {"status_list": {"idx": 1, "uri": "https://a.example"}}}, typ="vc+jwt")
    )
    assert (two.format, two.status) == ("vc+jwt", {"status_list": {"idx": 1, "uri": "https://a.example"}})
    assert thumbprint(JWK) in str(two.holder)


@pytest.mark.parametrize("text", ["", "{}", "a~b", "oA", json.dumps(VC2 | {"issuer": 1}), "a.b.c"])
def test_what_cannot_be_taken_apart(text: str) -> None:
    with pytest.raises(InvalidCredential):
        inspect(text)
