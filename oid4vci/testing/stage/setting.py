"""What an issuer of a scenario is like before anything about it is wrong."""

from typing import Literal, TypeAlias

from attrs import frozen

__all__ = ("Format", "Grant", "Setting")

Grant: TypeAlias = Literal["pre-authorized_code", "authorization_code"]
Format: TypeAlias = Literal["dc+sd-jwt", "mso_mdoc"]


@frozen(kw_only=True)
class Setting:
    """A good issuer with its Authorization Server.

    - `grant`, `format`: None for the first that the Wallet has.
    - `by_reference`: whether the offer is fetched; `tx_code`: whether there is a Transaction Code.
    - `offer_grants`: whether the offer says which grants there are.
    - `slash`: whether the issuer's identifier ends in `/`.
    - `servers`: whether the Authorization Server is the issuer itself, or one of several that the metadata name.
    - `anonymous`: whether a pre-authorized code may be redeemed by who does not say its name.
    - `scope`: whether the Credential can be asked for by a scope value.
    - `identifiers`: whether Token Responses name credential identifiers.
    - `dpop`: whether DPoP is known, and whether the servers want nonces in proofs.
    - `batch_size`: how many Credentials one request can get.
    - `c_nonces`: whether there is a Nonce Endpoint.
    - `key_attestations`: whether keys must be attested; `proof_type`: the only one that is taken.
    - `encryption`: what must be encrypted, if anything can be.
    - `deferrals`: how often the Wallet is told to come again, after `interval` seconds.
    - `signed_metadata`: whether who asks for signed metadata gets them; `jwt_vc_issuer`: whether the key that signs is found by
      `kid` in the issuer's published keys, instead of a certificate.
    - `refuses`: whether the End-User says no.
    """

    grant: Grant | None = None
    format: Format | None = None
    by_reference: bool = False
    tx_code: bool = False
    offer_grants: bool = True
    slash: bool = False
    servers: Literal["own", "several"] = "own"
    anonymous: bool = False
    scope: bool = True
    identifiers: bool = False
    dpop: Literal["off", "on", "nonces"] = "nonces"
    batch_size: int = 3
    c_nonces: bool = True
    key_attestations: bool = False
    proof_type: Literal["jwt", "attestation"] = "jwt"
    encryption: Literal["requests", "responses"] | None = None
    deferrals: int = 0
    interval: int = 2
    signed_metadata: bool = False
    jwt_vc_issuer: bool = False
    refuses: bool = False
