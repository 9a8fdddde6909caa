"""server.json of the reference server for each kind of proof, and attesters whom it believes."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from examples.reference_server import demo
from oid4vci.http import Request, Response
from oid4vci.keys import Signer
from oid4vci.proofs.key_attestation import HIGH, MODERATE
from oid4vci.proofs.key_attester import key_attestation_signing_input
from oid4vci.unsigned_jwt import UnsignedJwt, signed
from oid4vci.wallet import Order
from tests.interop.parties import Party
from tests.private_keys import in_pem
from tests.test_x509 import pem

PROVIDER, STRANGER = Party("https://provider.example"), Party("https://provider.example")
LEVELS: Mapping[str, Any] = {"key_storage": [HIGH], "user_authentication": [HIGH, MODERATE]}


def terms(*algorithms: str, attested: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a configuration says of a proof type."""
    supported: dict[str, Any] = {"proof_signing_alg_values_supported": list(algorithms or ("ES256",))}
    return supported if attested is None else {**supported, "key_attestations_required": dict(attested)}


def configuration(of: str, types: Mapping[str, Any], methods: Sequence[str] = ("jwk",), **metadata: Any) -> dict[str, Any]:
    """The demonstration's configuration of that name, for keys that are proved and named in other ways."""
    like = demo.CONFIGURATIONS[of]
    changed = {"proof_types_supported": dict(types), "cryptographic_binding_methods_supported": list(methods)}
    return {**like, "metadata": {**like["metadata"], "scope": f"{of}_proved", **changed, **metadata}}


def members(configurations: Mapping[str, Mapping[str, Any]], datasets: Mapping[str, str], **others: Any) -> dict[str, Any]:
    """server.json with these configurations, for Ada; `datasets`: by configuration, which of her datasets it is for."""
    claims = {name: demo.SUBJECTS["ada"][dataset] for name, dataset in datasets.items()}
    users = {"ada": demo.USERS["ada"]}
    return {"configurations": dict(configurations), "subjects": {"ada": claims}, "users": users, **others}


def believing(folder: Path, party: Party = PROVIDER, **others: Any) -> dict[str, Any]:
    """`key_attestation`, for attesters under the authority of a party."""
    (folder / "providers.pem").write_bytes(pem(party.authority))
    return {"anchors_file": str(folder / "providers.pem"), "require_x5c": True, **others}


def attested(order: Order, *keys: Signer, by: Party = PROVIDER, **claims: Any) -> str:
    """A key attestation for that order."""
    given: dict[str, Any] = {"key_storage": [HIGH], "user_authentication": [MODERATE], "lifetime": 300, **claims}
    data = key_attestation_signing_input(
        by.signer,
        x5c=[by.leaf],
        issuer=by.identifier,
        attested_keys=[key.public_jwk for key in keys],
        now=int(time.time()),
        nonce=order.c_nonce,
        **given,
    )
    (attestation,) = signed([UnsignedJwt(by.signer, data)], [])
    return attestation


def overlooking(send: Callable[[Request], Response], change: Callable[[dict[str, Any]], None]) -> Callable[[Request], Response]:
    """A wallet's network, for one that does not see what the issuer wants: it gets configurations that are changed."""

    def sent(request: Request) -> Response:
        response = send(request)
        if "/.well-known/openid-credential-issuer" not in request.url:
            return response
        metadata = response.json()
        for each in metadata["credential_configurations_supported"].values():
            change(each)
        return Response.of_json(200, metadata)

    return sent


def attester_files(folder: Path, party: Party = PROVIDER) -> list[str]:
    """Options of the wallet at the command line, by which a party attests its keys."""
    key, chain = folder / "attester.key.pem", folder / "attester.pem"
    key.write_bytes(in_pem(party.key))
    chain.write_bytes(pem(party.leaf))
    return ["--key-attestation-key", str(key), "--key-attestation-chain", str(chain)]
