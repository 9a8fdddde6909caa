"""What a probe of an issuer is given: how to reach it, and as whom."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import field, frozen

from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.trust import Trust

__all__ = ("OfferRequest", "Offered", "ProbeClient", "Supplies")

Grant: TypeAlias = Literal["authorization_code", "pre-authorized_code"]


@frozen
class OfferRequest:
    """A Credential Offer that the probe needs, a fresh one each time."""

    configuration_ids: tuple[str, ...]
    grant: Grant = "pre-authorized_code"
    tx_code: bool = False
    by_reference: bool = False


@frozen
class Offered:
    """What the issuer made: the URI of the offer, and the Transaction Code if it has one."""

    offer_uri: str = field(repr=False)
    tx_code: str | None = field(default=None, repr=False)


@frozen
class ProbeClient:
    """A client of the authorization server, and how it authenticates: at most one of the two ways.

    - `client_id`: None for an anonymous client.
    - `signer`: its registered key, for `private_key_jwt`. Its `key_id` is the `kid`.
    - `attest`: for `attest_jwt_client_auth`: gets the public JWK of an instance, and gives a client attestation (a JWT) for it.
    """

    client_id: str | None = "oid4vci-probe"
    signer: LocalSigner | None = None
    attest: Callable[[Mapping[str, str]], str] | None = field(default=None, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.signer is not None and self.attest is not None:
            raise ValueError("a client authenticates in one way")
        if self.client_id is None and (self.signer is not None or self.attest is not None):
            raise ValueError("a client that authenticates needs a client_id")


@frozen(kw_only=True)
class Supplies:
    """Everything that a probe may use. What is not given is not looked at.

    - `issuer`: the Credential Issuer Identifier.
    - `send`: sends a request and gives the answer; it must not follow redirects.
    - `now`: the time, in seconds since the epoch.
    - `new_offer`: makes an offer, or returns None where it cannot make such a one.
    - `approve`, `deny`: visit the URL of an authorization request in place of a person, agree or refuse, and return the URL to
      which the browser is sent (it begins with `redirect_uri`); or the URL that was visited, where the server showed an error.
    - `redirect_uri`: that of the client. `client`: as whom the probe asks. `other_client`: another one, who has no business with
      the codes of the first.
    - `dpop`: whether tokens are bound to a key.
    - `attest_keys`: gets public JWKs and a `c_nonce`, and gives a key attestation (a JWT) that the issuer trusts.
    - `trust`: whom to believe about the credentials.
    - `wait`: makes the given number of seconds pass, for deferred credentials and for what expires; `patience` is the longest that
      is waited at a time.
    - `configuration_ids`: which configurations to look at, None: all. The first that can be had serves the checks that need any.
    - `haip`: whether the rules of HAIP 1.0 hold as well.
    - `over_http`: whether `send` goes over a network, so that there must be what a server adds to each response.
    """

    issuer: str
    send: Callable[[Request], Response] = field(repr=False)
    now: Callable[[], int] = field(repr=False)
    new_offer: Callable[[OfferRequest], Offered | None] | None = field(default=None, repr=False)
    approve: Callable[[str], str] | None = field(default=None, repr=False)
    deny: Callable[[str], str] | None = field(default=None, repr=False)
    redirect_uri: str = "http://127.0.0.1/callback"
    client: ProbeClient = field(factory=ProbeClient)
    other_client: ProbeClient | None = None
    dpop: bool = True
    attest_keys: Callable[[Sequence[Mapping[str, str]], str | None], str] | None = field(default=None, repr=False)
    trust: Trust | None = field(default=None, repr=False)
    wait: Callable[[int], None] | None = field(default=None, repr=False)
    patience: int = 120
    configuration_ids: tuple[str, ...] | None = None
    haip: bool = False
    over_http: bool = False
