"""Issuers that take proofs of any type, key attestations made by hand, and what other libraries read in a Wallet's proofs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OKPKey
from jwcrypto import jwk as jwcrypto_jwk  # type: ignore[import-untyped]
from jwcrypto import jws as jwcrypto_jws

from oid4vci import _json
from oid4vci.drive import run
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner, RemoteSigner, Signer
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.wallet import Order, Proofs
from tests.issuance import jws
from tests.scripted_server import CREDENTIAL, HOLDER_KEYS, METADATA_URL, NOW, Server, credential_for, metadata, ok, session

ATTESTER = LocalSigner.generate("attester")
OKP = LocalSigner.generate("okp", "EdDSA")
SIGNERS = {signer.key_id: signer for signer in (*HOLDER_KEYS, OKP)}
HIGH, BASIC = "iso_18045_high", "iso_18045_basic"


def remote(signer: LocalSigner) -> RemoteSigner:
    """The same key, elsewhere."""
    return RemoteSigner(signer.key_id, signer.algorithm, signer.public_jwk)


def signatures(proofs: Proofs) -> list[bytes]:
    """What the devices of the holder give."""
    return [SIGNERS[each.key_id].sign(each.data) for each in proofs.to_sign]


def taken(*algorithms: Any, attested: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What metadata say of a proof type; `attested` is what it requires of key attestations."""
    supported = {"proof_signing_alg_values_supported": list(algorithms or ("ES256",))}
    return supported if attested is None else {**supported, "key_attestations_required": dict(attested)}


def server(
    types: Mapping[str, Any] | None,
    methods: Sequence[str] | None = ("jwk",),
    *answers: Response | Callable[[Request], Response],
    leave_out: Sequence[str] = (),
) -> Server:
    """An issuer that takes proofs of these types for keys named by these methods; `answers` are those to Credential Requests."""
    published = {name: value for name, value in metadata().items() if name not in leave_out}
    pid = published["credential_configurations_supported"]["pid"]
    pid |= {"proof_types_supported": types, "cryptographic_binding_methods_supported": methods and list(methods)}
    published["credential_configurations_supported"]["pid"] = {k: v for k, v in pid.items() if v is not None}
    made = Server({METADATA_URL: ok(published)})
    if answers:
        made.answers[CREDENTIAL] = list(answers)
    return made


def ordered(issuer: Server, **settings: Any) -> Order:
    """An order of a Credential from it."""
    begun = session(issuer, **settings).order("pid")
    return begun if isinstance(begun, Order) else run(begun, issuer)


def credentials_for(*signers: Signer) -> Callable[[Request], Response]:
    """A Credential for each of these keys."""
    answer = {"credentials": [{"credential": credential_for(dict(signer.public_jwk))} for signer in signers]}
    return lambda _: ok(answer)


def sent(issuer: Server) -> list[dict[str, Any]]:
    """The `proofs` of each Credential Request. None has other members than it must."""
    bodies = [request.json_object() for request in issuer.to(CREDENTIAL)]
    assert all(body.keys() == {"credential_configuration_id", "proofs"} for body in bodies)
    return [body["proofs"] for body in bodies]


def attestation(
    *signers: Signer | HolderKey,
    nonce: str | None = "nonce-1",
    header: Mapping[str, Any] | None = None,
    claims: Mapping[str, Any] | None = None,
    attester: LocalSigner = ATTESTER,
) -> str:
    """A key attestation for these keys; members that are None are left out (OID4VCI D.1)."""
    keys = [each.signer if isinstance(each, HolderKey) else each for each in signers]
    made: dict[str, Any] = {
        "iat": NOW,
        "exp": NOW + 300,
        "nonce": nonce,
        "key_storage": [HIGH],
        "user_authentication": [HIGH],
        "attested_keys": [dict(key.public_jwk) for key in keys],
    }
    parts = ({"typ": "key-attestation+jwt", "alg": attester.algorithm, **(header or {})}, {**made, **(claims or {})})
    present = [{name: value for name, value in part.items() if value is not None} for part in parts]
    return jws(present[0], present[1], attester)


class _Registry(joserfc_jws.JWSRegistry):
    """Headers in which a certificate or a key attestation stands."""

    max_header_length = 16_384


def read(token: str, signer: Signer) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWT that two other libraries verify with this key."""
    jwk: dict[str, Any] = dict(signer.public_jwk)
    algorithm = signer.algorithm
    key: Any = OKPKey.import_key(jwk) if jwk["kty"] == "OKP" else ECKey.import_key(jwk)
    found = joserfc_jws.deserialize_compact(token, key, registry=_Registry(algorithms=[algorithm], strict_check_header=False))
    other = jwcrypto_jws.JWS()
    other.allowed_algs = [algorithm]
    other.deserialize(token)
    other.verify(jwcrypto_jwk.JWK(**jwk))
    assert other.payload == found.payload
    claims = _json.loads(found.payload)
    assert isinstance(claims, dict)
    return dict(found.headers()), claims
