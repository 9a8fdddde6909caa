"""Credential requests, beside what cryptography alone must do and beside a handler written by hand for one case.

    python -m tests.benchmarks.credential_endpoint [batch sizes]

One process, no HTTP, every check on. A request carries n `jwt` proofs (ES256) on one nonce; the answer n SD-JWT VCs of 20 claims,
10 of them disclosures, 4 of those inside a nested object. `floor` does the same work with almost no checks and everything tuned
for this one case: it is not a safe handler, only a measure. `library` is a whole exchange as `respond` runs it: token, grant,
nonce and proofs checked, claims issued, the nonce spent, with a store in memory. Its sealed nonce and token cost it an AES-GCM
each, which the floor does not do.
"""

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from oid4vci.authorization_server import AuthorizationServer
from oid4vci.drive import Draft, respond
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.http import Request
from oid4vci.issuer import CredentialOrder, Issuer
from oid4vci.keys import KeyReference, LocalSigner, ResolvedKeys, SigningInput
from oid4vci.memory import MemoryStore
from oid4vci.metadata import CredentialIssuerMetadata
from oid4vci.nonces import Nonces
from oid4vci.oauth.access_tokens import SealedAccessTokens
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.jwt_maker import JwtProofMaker
from oid4vci.proofs.proof_type import Intended
from oid4vci.records import Change
from oid4vci.sealed import SealingKeys
from tests.benchmarks.by_hand import CURVE, ECDSA, b64, decode, der, encode, load_point, raw, sha256, unb64
from tests.benchmarks.rounds import measure, table

IDENTIFIER = "https://issuer.example"
CONFIGURATION = "pid"
VCT = "https://issuer.example/vct/pid"
FLAT = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "birthdate": "1815-12-10",
    "email": "ada@example.org",
    "phone_number": "+44123456789",
    "nationalities": ["GB", "FR"],
}
ADDRESS = {"street_address": "12 St James's Square", "locality": "London", "postal_code": "SW1Y 4JH", "country": "GB"}
OPEN = {
    "issuing_authority": "GB",
    "issuing_country": "GB",
    "document_number": "A123456789",
    "date_of_issuance": "2026-01-01",
    "date_of_expiry": "2031-01-01",
    **{f"age_over_{age}": age < 60 for age in (12, 14, 16, 18, 21, 65)},
    "place_of_birth": {"country": "GB", "locality": "London"},
    "sex": 2,
}
CLAIMS = {**FLAT, "address": ADDRESS, **OPEN}
DISCLOSABLE = [*((name,) for name in FLAT), *(("address", name) for name in ADDRESS)]
ISSUER_KEY = ec.generate_private_key(CURVE)


class Requests:
    """An issuer, a token, and bodies of requests that it answers."""

    def __init__(self, size: int) -> None:
        self.now = int(time.time())
        keys = SealingKeys([os.urandom(32)])
        # A nonce that serves for the whole run; what spending it costs is paid into a store that forgets.
        self.nonces = Nonces(keys, lifetime=86_400)
        metadata = CredentialIssuerMetadata.from_json(
            {
                "credential_issuer": IDENTIFIER,
                "credential_endpoint": f"{IDENTIFIER}/credential",
                "nonce_endpoint": f"{IDENTIFIER}/nonce",
                **({"batch_credential_issuance": {"batch_size": size}} if size > 1 else {}),
                "credential_configurations_supported": {
                    CONFIGURATION: {
                        "format": "dc+sd-jwt",
                        "vct": VCT,
                        "cryptographic_binding_methods_supported": ["jwk"],
                        "proof_types_supported": {"jwt": {"proof_signing_alg_values_supported": ["ES256"]}},
                    }
                },
            }
        )
        self.encoder = SdJwtVcEncoder(
            signer=LocalSigner("issuer-1", "ES256", ISSUER_KEY), disclosable=DISCLOSABLE, lifetime=31_536_000
        )
        self.issuer = Issuer(metadata, SealedAccessTokens(keys), {CONFIGURATION: self.encoder}, self.nonces)
        server = AuthorizationServer.at(
            IDENTIFIER, access_tokens=SealedAccessTokens(keys), pre_authorized_codes=PreAuthorizedCodes(keys)
        )
        self.host = _Host()
        granted = server.pre_authorize("ada", [CONFIGURATION], now=self.now)
        self.host.commit(granted.changes)
        form = f"grant_type={GRANT_TYPE}&client_id=wallet&pre-authorized_code={granted.grant.pre_authorized_code}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = respond(server, Request("POST", "/token", headers, form.encode()), self.host, now=self.now).json()
        self.token = answer["access_token"]
        self.nonce = self.nonces.new(IDENTIFIER, now=self.now, new_secret=os.urandom)
        self.holders = [LocalSigner.generate(str(i)) for i in range(size)]
        intended = Intended(audience=IDENTIFIER, client_id="wallet", nonce=self.nonce, now=self.now)
        self.proofs = JwtProofMaker().draft([HolderKey(holder) for holder in self.holders], intended).finish()
        self.body = encode({"credential_configuration_id": CONFIGURATION, "proofs": {"jwt": self.proofs}}).encode()
        self.request = Request(
            "POST",
            "/credential",
            {"content-type": "application/json", "authorization": f"Bearer {self.token}"},
            self.body,
        )

    def library(self) -> bytes:
        """One exchange."""
        response = respond(self.issuer, self.request, self.host, now=self.now)
        if response.status != 200:
            raise RuntimeError(response.body)
        return response.body

    def floor(self) -> bytes:
        """The same by hand."""
        return _handle(self.body, self.nonce, self.now)

    def cryptography(self) -> Callable[[], None]:
        """Only keys, verifications and signatures."""
        work = []
        for holder, proof in zip(self.holders, self.proofs, strict=True):
            data = proof.rpartition(".")[0].encode()
            signature = der(holder.sign(data))
            jwk = holder.public_jwk
            work.append((b"\x04" + unb64(jwk["x"].encode()) + unb64(jwk["y"].encode()), signature, data))
        out = bytes(1500)

        def run() -> None:
            for point, signature, data in work:
                load_point(CURVE, point).verify(signature, data, ECDSA)
                ISSUER_KEY.sign(out, ECDSA)

        return run


class _Host(MemoryStore):
    """Issues to everybody, and forgets that a nonce was spent, so that one request can be measured many times."""

    def decide(self, order: Any, /) -> Draft:
        draft: Draft = order.issue(CLAIMS) if isinstance(order, CredentialOrder) else order.issue()
        return draft

    def commit(self, changes: Sequence[Change], /) -> bool:
        committed = super().commit(changes)
        for key in [key for key in self._rows if key.kind == "c_nonce"]:
            del self._rows[key]
        return committed

    def resolve(self, references: Sequence[KeyReference], /) -> ResolvedKeys:
        return {}

    def sign(self, inputs: Sequence[SigningInput], /) -> Sequence[bytes]:
        return []


# --- by hand --------------------------------------------------------------------------------------------------------------------

_HEADER = b64(encode({"alg": "ES256", "typ": "dc+sd-jwt", "kid": "issuer-1"}).encode())


def _disclose(members: Mapping[str, Any], salts: bytes, disclosures: list[bytes]) -> list[str]:
    digests = []
    for i, (name, value) in enumerate(members.items()):
        disclosure = b64(encode([b64(salts[16 * i : 16 * i + 16]).decode(), name, value]).encode())
        disclosures.append(disclosure)
        digests.append(b64(sha256(disclosure).digest()).decode())
    digests.sort()
    return digests


def _issue(jwk: Mapping[str, str], now: int) -> str:
    disclosures: list[bytes] = []
    salts = os.urandom(160)
    payload = {
        **OPEN,
        "_sd": _disclose(FLAT, salts, disclosures),
        "address": {"_sd": _disclose(ADDRESS, salts[96:], disclosures)},
        "_sd_alg": "sha-256",
        "iss": IDENTIFIER,
        "vct": VCT,
        "iat": now,
        "exp": now + 31_536_000,
        "cnf": {"jwk": jwk},
    }
    data = _HEADER + b"." + b64(encode(payload).encode())
    return b"~".join((data + b"." + b64(raw(ISSUER_KEY.sign(data, ECDSA))), *disclosures, b"")).decode()


def _handle(body: bytes, nonce: str, now: int) -> bytes:
    credentials = []
    for proof in decode(body.decode())["proofs"]["jwt"]:
        data, signature = proof.encode().rsplit(b".", 1)
        header_text, payload_text = data.split(b".")
        header = decode(unb64(header_text).decode())
        jwk = header["jwk"]
        key = load_point(CURVE, b"\x04" + unb64(jwk["x"].encode()) + unb64(jwk["y"].encode()))
        key.verify(der(unb64(signature)), data, ECDSA)
        payload = decode(unb64(payload_text).decode())
        if header["alg"] != "ES256" or header["typ"] != "openid4vci-proof+jwt" or payload["nonce"] != nonce:
            raise ValueError
        if payload["aud"] != IDENTIFIER or payload["iat"] > now + 60:
            raise ValueError
        credentials.append({"credential": _issue(jwk, now)})
    return encode({"credentials": credentials}).encode()


def main(sizes: Sequence[int]) -> None:
    """Print a table for each batch size."""
    for size in sizes:
        requests = Requests(size)
        cases = {"cryptography": requests.cryptography(), "floor": requests.floor, "library": requests.library}
        print(table(f"batch of {size}: credentials", measure(cases), ("cryptography", "floor"), per=size))


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1].split(",")] if len(sys.argv) > 1 else [1, 10, 100])
