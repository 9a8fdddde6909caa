"""The degree of `ldp_vc`, written by hand: its canonical forms are known beforehand, no context is read, no graph is searched.

Where the library and others expand JSON-LD and canonicalise whatever graph comes of it, this prints the eleven quads of this one
graph. Only which of its two blank nodes comes first has to be found out, as RDFC-1.0 4.6 does it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.benchmarks.by_hand import ECDSA, decode, der, encode, load_point, raw, sha256, unb64
from tests.benchmarks.parties import CURVE, IDENTIFIER

__all__ = ("CONTEXT", "CONTEXTS", "DAYS", "DEGREE", "SUBJECT", "TYPES", "floor_issue", "floor_verify")

DAYS = 365
V2, CONTEXT = "https://www.w3.org/ns/credentials/v2", "https://credentials.example/degree/v1"
CONTEXTS = [V2, CONTEXT]
TYPES = ["VerifiableCredential", "UniversityDegreeCredential"]
TERMS = "https://credentials.example/terms#"
DEGREE: dict[str, Any] = {
    "@context": {
        "@protected": True,
        **{name: f"{TERMS}{name}" for name in ("UniversityDegreeCredential", "BachelorDegree", "given_name", "family_name")},
        "degree": {"@id": f"{TERMS}degree", "@context": {"@protected": True, "title": f"{TERMS}title"}},
    }
}
SUBJECT = {"given_name": "Ada", "family_name": "Lovelace", "degree": {"type": "BachelorDegree", "title": "Mathematics"}}

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PLACES = {character: i for i, character in enumerate(_BASE58)}


def _base58(data: bytes) -> str:
    number, digits = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    # A byte of zero in front is a digit of its own: the number alone would forget it, and with it one signature in 256.
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + digits


def _unbase58(text: str, size: int) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + _PLACES[character]
    return number.to_bytes(size, "big")


def _did(jwk: Mapping[str, str]) -> str:
    x, y = unb64(jwk["x"].encode()), unb64(jwk["y"].encode())
    return "did:key:z" + _base58(b"\x80\x24" + bytes((2 + (y[-1] & 1),)) + x)


_RDF, _CREDENTIALS = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "https://www.w3.org/2018/credentials#"
_SECURITY = "https://w3id.org/security#"
_DATE = '"^^<http://www.w3.org/2001/XMLSchema#dateTime> .\n'


def _options(proof: Mapping[str, Any]) -> bytes:
    quads = (
        f'_:c14n0 <http://purl.org/dc/terms/created> "{proof["created"]}{_DATE}'
        f"_:c14n0 <{_RDF}type> <{_SECURITY}DataIntegrityProof> .\n"
        f'_:c14n0 <{_SECURITY}cryptosuite> "{proof["cryptosuite"]}"^^<{_SECURITY}cryptosuiteString> .\n'
        f"_:c14n0 <{_SECURITY}proofPurpose> <{_SECURITY}assertionMethod> .\n"
        f"_:c14n0 <{_SECURITY}verificationMethod> <{proof['verificationMethod']}> .\n"
    )
    return sha256(quads.encode()).digest()


def _quads(credential: Mapping[str, Any]) -> bytes:
    subject = credential["credentialSubject"]
    did, degree = f"<{subject['id']}>", subject["degree"]
    above = f"{did} <{TERMS}degree> "
    named = f'{did} <{TERMS}family_name> "{subject["family_name"]}" .\n{did} <{TERMS}given_name> "{subject["given_name"]}" .\n'
    of_degree = (f" <{_RDF}type> <{TERMS}{degree['type']}> .\n", f' <{TERMS}title> "{degree["title"]}" .\n')
    of_credential = (
        f" <{_RDF}type> <{TERMS}{credential['type'][1]}> .\n",
        f" <{_RDF}type> <{_CREDENTIALS}VerifiableCredential> .\n",
        f" <{_CREDENTIALS}credentialSubject> {did} .\n",
        f" <{_CREDENTIALS}issuer> <{credential['issuer']}> .\n",
        f' <{_CREDENTIALS}validFrom> "{credential["validFrom"]}{_DATE}',
        f' <{_CREDENTIALS}validUntil> "{credential["validUntil"]}{_DATE}',
    )
    degree_first = sha256("".join((above, "_:a .\n", *("_:a" + quad for quad in of_degree))).encode()).digest()
    credential_first = sha256("".join(["_:a" + quad for quad in of_credential]).encode()).digest()
    one, other = ("_:c14n0", "_:c14n1") if degree_first < credential_first else ("_:c14n1", "_:c14n0")
    parts = ["".join([one + quad for quad in of_degree]), "".join([other + quad for quad in of_credential])]
    if one > other:
        parts.reverse()
    return sha256("".join((above, one, " .\n", named, *parts)).encode()).digest()


def _json(document: Mapping[str, Any]) -> str:
    """JCS of what has neither numbers nor names beyond ASCII."""
    return encode({name: _sorted(document[name]) for name in sorted(document)})


def _sorted(value: Any) -> Any:
    return {name: _sorted(value[name]) for name in sorted(value)} if isinstance(value, dict) else value


def _hashes(credential: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    """What is signed. `credential` has no proof, `proof` no value."""
    if "rdfc" in proof["cryptosuite"]:
        return _options(proof) + _quads(credential)
    options = sha256(_json({**proof, "@context": CONTEXTS} if "@context" not in proof else proof).encode()).digest()
    return options + sha256(_json(credential).encode()).digest()


def floor_issue(
    jwks: Sequence[Mapping[str, str]],
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey,
    method: str,
    suite: str,
    valid: tuple[str, str],
) -> list[dict[str, Any]]:
    """A batch. `valid`: from and until, as they stand in the credential."""
    issued = []
    proof: dict[str, Any] = {
        "type": "DataIntegrityProof",
        "cryptosuite": suite,
        "created": valid[0],
        "verificationMethod": method,
        "proofPurpose": "assertionMethod",
    }
    if "jcs" in suite:
        proof["@context"] = CONTEXTS
    for holder in jwks:
        credential = {
            "@context": CONTEXTS,
            "type": TYPES,
            "credentialSubject": {"id": _did(holder), **SUBJECT},
            "issuer": IDENTIFIER,
            "validFrom": valid[0],
            "validUntil": valid[1],
        }
        data = _hashes(credential, proof)
        signature = key.sign(data) if isinstance(key, ed25519.Ed25519PrivateKey) else raw(key.sign(data, ECDSA))
        issued.append({**credential, "proof": {**proof, "proofValue": "z" + _base58(signature)}})
    return issued


def _published(document: bytes, method: str) -> ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey:
    found = next(each for each in decode(document.decode())["verificationMethod"] if each["id"] == method)
    text = found["publicKeyMultibase"][1:]
    if text.startswith("Dn"):
        return load_point(CURVE, _unbase58(text, 35)[2:])
    return ed25519.Ed25519PublicKey.from_public_bytes(_unbase58(text, 34)[2:])


def floor_verify(
    credentials: Sequence[Mapping[str, Any]], jwks: Sequence[Mapping[str, str]], document: bytes, now: str
) -> list[dict[str, Any]]:
    """The credentials of a batch; equal verification methods are read once. `now` is a time as it stands in credentials."""
    read, key, found = "", None, []
    for credential, holder in zip(credentials, jwks, strict=True):
        unsecured = dict(credential)
        proof = dict(unsecured.pop("proof"))
        signature = _unbase58(proof.pop("proofValue")[1:], 64)
        method = proof["verificationMethod"]
        if method != read:
            read, key = method, _published(document, method)
        if unsecured["issuer"] != IDENTIFIER or unsecured["validUntil"] < now or unsecured["@context"] != CONTEXTS:
            raise ValueError
        if unsecured["credentialSubject"]["id"] != _did(holder):
            raise ValueError
        data = _hashes(unsecured, proof)
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        elif key is not None:
            key.verify(der(signature), data, ECDSA)
        found.append(unsecured)
    return found
