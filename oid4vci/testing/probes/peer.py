"""The issuer and its authorization server as the probe meets them: documents, offers, tokens."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl, urlsplit

from attrs import define, frozen

from oid4vci import _json
from oid4vci._json import Malformed
from oid4vci.http import Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.metadata.well_known import authorization_server_metadata_url, credential_issuer_metadata_url
from oid4vci.offers import PRE_AUTHORIZED_CODE
from oid4vci.testing.probes.expectations import demand, json_object, need, status
from oid4vci.testing.probes.instance import FORM, Instance
from oid4vci.testing.probes.supplies import Grant, Offered, OfferRequest, ProbeClient, Supplies
from oid4vci.testing.probes.target import Target, targets
from oid4vci.testing.report import Checks, CheckSkipped

__all__ = ("CHECKS", "MadeOffer", "Peer")

T = TypeVar("T")


@frozen
class MadeOffer:
    """An offer that the issuer made, read."""

    offered: Offered
    members: Mapping[str, Any]

    @property
    def code(self) -> str:
        """Its pre-authorized code."""
        code = self._grant(PRE_AUTHORIZED_CODE).get("pre-authorized_code")
        demand(isinstance(code, str) and code, "the offer has no pre-authorized_code")
        return str(code)

    @property
    def issuer_state(self) -> str | None:
        """What the authorization request is to carry."""
        state = self._grant("authorization_code").get("issuer_state")
        return state if isinstance(state, str) else None

    def _grant(self, name: str) -> Mapping[str, Any]:
        grants = self.members.get("grants")
        grant = grants.get(name) if isinstance(grants, dict) else None
        return grant if isinstance(grant, dict) else {}


@define
class Peer:
    """What checks look at. The documents are fetched once, everything else anew for each check."""

    supplies: Supplies
    _metadata: dict[str, Any] | None = None
    _server: dict[str, Any] | None = None

    @property
    def now(self) -> int:
        """Seconds since the epoch."""
        return self.supplies.now()

    def get(self, url: str, **headers: str) -> Response:
        """The answer to a GET. Underscores in names stand for hyphens."""
        return self.supplies.send(Request("GET", url, {name.replace("_", "-"): value for name, value in headers.items()}))

    def post(self, url: str, body: bytes = b"", *, method: str = "POST", **headers: str) -> Response:
        """The answer to a request without access token and without client."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.supplies.send(Request(method, url, fields, body))

    # --- documents -----------------------------------------------------------------------------------------------------------

    @property
    def metadata(self) -> dict[str, Any]:
        """The Credential Issuer Metadata."""
        if self._metadata is None:
            self._metadata = self._document(credential_issuer_metadata_url(self.supplies.issuer), "issuer metadata")
        return self._metadata

    @property
    def server_identifier(self) -> str:
        """The authorization server: the first that the metadata name, or the issuer itself."""
        servers = self.metadata.get("authorization_servers")
        first = servers[0] if isinstance(servers, list) and servers else self.supplies.issuer
        demand(isinstance(first, str), "authorization_servers must be an array of strings")
        return str(first)

    @property
    def server(self) -> dict[str, Any]:
        """The Authorization Server Metadata."""
        if self._server is None:
            self._server = self._document(authorization_server_metadata_url(self.server_identifier), "server metadata")
        return self._server

    def _document(self, url: str, what: str) -> dict[str, Any]:
        response = self.get(url, accept="application/json")
        status(response, 200, what=what)
        return json_object(response, what=what)

    def endpoint(self, name: str) -> str:
        """A URL of the issuer metadata. Raises `CheckSkipped` if there is none."""
        return _url(self.metadata, name)

    def server_endpoint(self, name: str) -> str:
        """A URL of the server metadata. Raises `CheckSkipped` if there is none."""
        return _url(self.server, name)

    @property
    def targets(self) -> Sequence[Target]:
        """The configurations that the probe can ask for."""
        supplies = self.supplies
        return targets(self.metadata, only=supplies.configuration_ids, attested=supplies.attest_keys is not None)

    @property
    def target(self) -> Target:
        """The configuration for checks that need any."""
        need(self.targets, "there is no configuration that the probe can prove keys for")
        return self.targets[0]

    def pause(self, seconds: object) -> None:
        """Let so much time pass, and a moment more. Raises `CheckSkipped` if it cannot, or that is too long."""
        wait, known = self.supplies.wait, isinstance(seconds, int | float) and not isinstance(seconds, bool)
        need(wait is not None, "nothing was given that waits")
        need(known and 0 < seconds <= self.supplies.patience, "that would be to wait for too long")  # type: ignore[operator]
        if wait is not None and isinstance(seconds, int | float):
            wait(int(seconds) + 1)

    # --- clients, offers, nonces ---------------------------------------------------------------------------------------------

    def instance(self, client: ProbeClient | None = None, *, dpop: bool | None = None) -> Instance:
        """A new instance of the client."""
        bound = self.supplies.dpop if dpop is None else dpop
        key = None
        if bound:
            algorithms = self.server.get("dpop_signing_alg_values_supported")
            known = isinstance(algorithms, list) and algorithms and "ES256" not in algorithms
            key = LocalSigner.generate("dpop", str(algorithms[0]) if known else "ES256")  # type: ignore[index]
        return Instance(self.supplies, client or self.supplies.client, self.server, key)

    def other_instance(self) -> Instance:
        """An instance of another client. Raises `CheckSkipped` if none was given."""
        need(self.supplies.other_client, "no other client was given")
        return self.instance(self.supplies.other_client)

    def offer(
        self,
        *configuration_ids: str,
        grant: Grant = "pre-authorized_code",
        tx_code: bool = False,
        by_reference: bool = False,
    ) -> MadeOffer:
        """A new offer. Raises `CheckSkipped` if there is nobody to make it."""
        make = self.supplies.new_offer
        if make is None:
            raise CheckSkipped("nothing was given that makes offers")
        ids = configuration_ids or (self.target.configuration_id,)
        offered = make(OfferRequest(ids, grant, tx_code, by_reference))
        if offered is None:
            raise CheckSkipped(f"no offer is made with {grant}{' and a Transaction Code' if tx_code else ''}")
        return MadeOffer(offered, self._read_offer(offered.offer_uri))

    def _read_offer(self, uri: str) -> dict[str, Any]:
        query = dict(parse_qsl(urlsplit(uri).query))
        both = ("credential_offer" in query) + ("credential_offer_uri" in query)
        demand(both == 1, "the URI must carry one of credential_offer and credential_offer_uri")
        if "credential_offer_uri" in query:
            response = self.get(query["credential_offer_uri"])
            status(response, 200, what="the offer by reference")
            return json_object(response, what="the offer by reference")
        value = _json.loads(query.get("credential_offer", ""))
        demand(isinstance(value, dict), "credential_offer must be a JSON object")
        members: dict[str, Any] = value
        return members

    def nonce(self) -> str | None:
        """A new `c_nonce`; None if the issuer has no Nonce Endpoint."""
        if "nonce_endpoint" not in self.metadata:
            return None
        response = self.post(self.endpoint("nonce_endpoint"), content_type=FORM)
        status(response, 200, what="a Nonce Request")
        nonce = json_object(response, what="a Nonce Request").get("c_nonce")
        demand(isinstance(nonce, str) and nonce, "the Nonce Response has no c_nonce")
        return str(nonce)

    @property
    def grant_types(self) -> Sequence[str]:
        """What the server says it takes; RFC 8414 has a default."""
        values = self.server.get("grant_types_supported", ["authorization_code", "implicit"])
        return [each for each in values if isinstance(each, str)] if isinstance(values, list) else []


def _url(members: Mapping[str, Any], name: str) -> str:
    need(name in members, f"there is no {name}")
    value = members[name]
    if not isinstance(value, str):
        raise Malformed("must be a string", name)
    return value


CHECKS: Final[Checks[Peer]] = Checks()
"""What a probe of an issuer looks at. The modules beside this one add to it."""
