"""Access tokens, and what is asked for with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from oid4vci.http import Response
from oid4vci.keys import LocalSigner
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.testing.probes.code_flow import asking
from oid4vci.testing.probes.expectations import demand, json_object, need, no_store, status
from oid4vci.testing.probes.instance import Authentication, Instance, Proofs, as_it_is, good
from oid4vci.testing.probes.jwts import Jwt, key_proof
from oid4vci.testing.probes.peer import MadeOffer, Peer
from oid4vci.testing.probes.sealing import JWT, ResponseKey, required, sealed
from oid4vci.testing.probes.target import Target

__all__ = ("Session", "begin", "redeem", "session", "token_response")

MAX_POLLS = 3


def redeem(
    peer: Peer,
    made: MadeOffer,
    *,
    instance: Instance | None = None,
    proofs: Proofs = good,
    client: Callable[[Authentication], Authentication] = as_it_is,
    method: str = "POST",
    content_type: str | None = "application/x-www-form-urlencoded",
    more: Sequence[tuple[str, str]] = (),
    retry: bool = True,
    **changes: str | None,
) -> Response:
    """The answer to the Token Request with the pre-authorized code of an offer. `code` stands for `pre-authorized_code`."""
    code = changes.pop("code", made.code)
    parameters = {"grant_type": PRE_AUTHORIZED_CODE, "pre-authorized_code": code, "tx_code": made.offered.tx_code, **changes}
    return (instance or peer.instance()).post_form(
        peer.server_endpoint("token_endpoint"),
        parameters,
        proofs=proofs,
        client=client,
        method=method,
        content_type=content_type,
        more=more,
        retry=retry,
    )


def token_response(response: Response, *, bound: bool, what: str = "a Token Request") -> dict[str, Any]:
    """A successful Token Response (RFC 6749 5.1)."""
    status(response, 200, what=what)
    members = json_object(response, what=what)
    no_store(response, what=what)
    access_token, token_type = members.get("access_token"), members.get("token_type")
    demand(isinstance(access_token, str) and access_token, f"{what}: there is no access_token")
    wanted = "dpop" if bound else "bearer"
    demand(isinstance(token_type, str) and token_type.lower() == wanted, f"{what}: token_type is not {wanted}")
    return members


@frozen
class Session:
    """An access token for a configuration."""

    peer: Peer
    instance: Instance
    target: Target
    members: Mapping[str, Any] = field(repr=False)

    @property
    def access_token(self) -> str:
        """The token."""
        return str(self.members["access_token"])

    @property
    def identifiers(self) -> Sequence[str]:
        """The `credential_identifiers` that came for the configuration; none if there are none."""
        given = self.members.get("authorization_details")
        for each in given if isinstance(given, list) else ():
            if isinstance(each, dict) and each.get("credential_configuration_id") == self.target.configuration_id:
                identifiers = each.get("credential_identifiers")
                return [str(one) for one in identifiers] if isinstance(identifiers, list) else []
        return []

    @property
    def wanted(self) -> dict[str, Any]:
        """The member that names the credential (OID4VCI 8.2)."""
        if self.identifiers:
            return {"credential_identifier": self.identifiers[0]}
        return {"credential_configuration_id": self.target.configuration_id}

    def proof(self, holder: LocalSigner, nonce: str | None, *others: LocalSigner) -> Jwt:
        """A `jwt` proof that is right. With a key attestation where one is asked for, for `others` too."""
        target, supplies = self.target, self.peer.supplies
        proof = key_proof(
            holder,
            audience=supplies.issuer,
            now=self.peer.now,
            nonce=nonce,
            client_id=self.instance.client.client_id,
            kid=target.kid(holder),
        )
        if not target.attested:
            return proof
        return proof.changed(header={"key_attestation": self.attestation((holder, *others), nonce)})

    def attestation(self, holders: Sequence[LocalSigner], nonce: str | None) -> str:
        """A key attestation that is right. Raises `CheckSkipped` if there is nobody to make it."""
        attest = self.peer.supplies.attest_keys
        need(attest, "nothing was given that attests keys")
        return attest([key.public_jwk for key in holders], nonce) if attest is not None else ""

    def proofs(self, *holders: LocalSigner, nonce: str | None = None) -> dict[str, Any]:
        """The member `proofs` for these keys, with a nonce that is new unless one is given; nothing where no key is asked for."""
        if self.target.proof_type is None:
            return {}
        fresh = nonce if nonce is not None else self.peer.nonce()
        if self.target.proof_type == "attestation":
            return {"proofs": {"attestation": [self.attestation(holders, fresh)]}}
        if self.target.attested:
            return {"proofs": {"jwt": [str(self.proof(holders[0], fresh, *holders[1:]))]}}
        return {"proofs": {"jwt": [str(self.proof(holder, fresh)) for holder in holders]}}

    def body(self, *holders: LocalSigner, nonce: str | None = None, **members: Any) -> dict[str, Any]:
        """The members of a Credential Request that is right; those that are None are left out."""
        keys = holders or (self.target.holder(),)
        made = {**self.wanted, **self.proofs(*keys, nonce=nonce), **members}
        return {name: value for name, value in made.items() if value is not None}

    def order(self, body: Mapping[str, Any] | bytes, *, plain: bool = False, **options: Any) -> Response:
        """The answer of the Credential Endpoint; the options are those of `Instance.post`."""
        return self.send(self.peer.endpoint("credential_endpoint"), body, plain=plain, **options)

    def send(
        self,
        url: str,
        body: Mapping[str, Any] | bytes,
        *,
        plain: bool = False,
        instance: Instance | None = None,
        **options: Any,
    ) -> Response:
        """The answer of an endpoint where messages can be encrypted. Where they must be, and not `plain` is said, they are: the
        answer is then what it says in the clear."""
        request, response = (False, False) if plain else required(self.peer)
        sender = instance or self.instance
        if not request and not response:
            return sender.post(url, self.access_token, body, **options)
        key = ResponseKey(self.peer) if response else None
        asked = {**key.asking(), **body} if key is not None and not isinstance(body, bytes) else body
        answer = sender.post(url, self.access_token, sealed(self.peer, asked), **{**options, "content_type": JWT})
        if key is None or answer.headers.all("content-type") != (JWT,):
            return answer
        members = key.opened(answer, 200, 202, what="an encrypted answer")
        return Response.of_json(answer.status, members)

    def accepted(self, response: Response, *, what: str = "a Credential Request") -> dict[str, Any]:
        """A Credential Response: at once, or promised for later."""
        status(response, 200, 202, what=what)
        return json_object(response, what=what)

    def credentials(self, *holders: LocalSigner) -> list[Any]:
        """The credentials for these keys, waited for if they come later. Raises `CheckSkipped` if they do not come in time."""
        members = self.accepted(self.order(self.body(*holders)))
        for _ in range(MAX_POLLS):
            if "transaction_id" not in members:
                break
            self.pause(members)
            polled = self.poll(members["transaction_id"])
            members = self.accepted(polled, what="a Deferred Credential Request")
        need("transaction_id" not in members, "the credentials come later than the probe waits for")
        entries = members.get("credentials")
        demand(isinstance(entries, list) and entries, "credentials must be an array that is not empty")
        assert isinstance(entries, list)
        demand(all(isinstance(each, dict) and "credential" in each for each in entries), "an element has no credential")
        return [each["credential"] for each in entries]

    def poll(self, transaction_id: Any, *, instance: Instance | None = None, **members: Any) -> Response:
        """The answer of the Deferred Credential Endpoint."""
        body = {"transaction_id": transaction_id, **members}
        return self.send(self.peer.endpoint("deferred_credential_endpoint"), body, instance=instance)

    def pause(self, members: Mapping[str, Any]) -> None:
        """Let the interval pass, if something was given that waits."""
        if self.peer.supplies.wait is not None:
            self.peer.pause(members.get("interval"))


def begin(peer: Peer, target: Target, *, instance: Instance | None = None) -> tuple[Instance, Response]:
    """A Token Request for a configuration, by whatever grant can be had, and its answer."""
    supplies = peer.supplies
    sender = instance or peer.instance()
    if supplies.new_offer is not None and PRE_AUTHORIZED_CODE in peer.grant_types:
        return sender, redeem(peer, peer.offer(target.configuration_id), instance=sender)
    need(supplies.approve, "nothing was given by which access tokens can be had: new_offer or approve")
    asked = asking(peer, target, instance=sender)
    return sender, asked.exchange(asked.code())


def session(peer: Peer, target: Target | None = None, *, instance: Instance | None = None) -> Session:
    """A new access token for a configuration."""
    wanted = target or peer.target
    sender, response = begin(peer, wanted, instance=instance)
    members = token_response(response, bound=sender.dpop is not None)
    return Session(peer, sender, wanted, members)
