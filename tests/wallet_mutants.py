"""Ways to break one rule of conduct: what a Wallet sends is changed in one thing before it goes out."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from attrs import evolve, frozen

from oid4vci import _jose, _json
from oid4vci.http import Headers, Request, Response
from oid4vci.keys import LocalSigner
from oid4vci.testing import ScriptedIssuer, Stage
from oid4vci.testing.stage.recorded import sent_members
from tests.probed_wallet import Method, ProbedWallet, Send

Rewrite = Callable[[Stage, Request], Request]
STRANGER = LocalSigner.generate("stranger")


def resigned(text: str, *, signer: LocalSigner = STRANGER, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
    """The same JWT with other parameters and claims, by another key; what is None is left out."""
    jws = _jose.parse(text)
    head = {name: value for name, value in {**jws.header, **(header or {})}.items() if value is not None}
    said = {name: value for name, value in {**jws.claims(), **claims}.items() if value is not None}
    data = _jose.signing_input(head, _json.dump_bytes(said))
    return _jose.compact(data, signer.sign(data))


def with_header(name: str, value: str | Callable[[str], str]) -> Rewrite:
    """A header that is there gets another value."""

    def rewrite(stage: Stage, request: Request) -> Request:
        pairs = tuple(
            (each, (value if isinstance(value, str) else value(old)) if each == name else old)
            for each, old in request.headers.pairs
        )
        return evolve(request, headers=Headers(pairs))

    return rewrite


def and_header(name: str, value: str | Callable[[Stage], str]) -> Rewrite:
    """One more header."""

    def rewrite(stage: Stage, request: Request) -> Request:
        added = value if isinstance(value, str) else value(stage)
        return evolve(request, headers=Headers((*request.headers.pairs, (name, added))))

    return rewrite


def without_header(name: str) -> Rewrite:
    def rewrite(stage: Stage, request: Request) -> Request:
        return evolve(request, headers=Headers(tuple(each for each in request.headers.pairs if each[0] != name)))

    return rewrite


def with_form(**changes: Any) -> Rewrite:
    """Other form parameters; what is None is left out, a function gets the value that was there."""

    def rewrite(stage: Stage, request: Request) -> Request:
        before = dict(parse_qsl(request.body.decode()))
        after = {name.replace("__", "-"): new(before.get(name)) if callable(new) else new for name, new in changes.items()}
        kept = {name: value for name, value in {**before, **after}.items() if value is not None}
        return evolve(request, body=urlencode(kept).encode())

    return rewrite


def with_members(**changes: Any) -> Rewrite:
    """Other members of the JSON object, in the clear; what is None is left out, a function gets the value that was there."""

    def rewrite(stage: Stage, request: Request) -> Request:
        before = dict(sent_members(request, stage.good.encryption))
        after = {name: new(before.get(name)) if callable(new) else new for name, new in changes.items()}
        kept = {name: value for name, value in {**before, **after}.items() if value is not None}
        plain = with_header("content-type", "application/json")(stage, request)
        return evolve(plain, body=json.dumps(kept).encode())

    return rewrite


def with_proof(header: Mapping[str, Any] | None = None, **claims: Any) -> Rewrite:
    """Other parameters and claims of every `jwt` proof."""

    def changed(proofs: Mapping[str, Any]) -> Any:
        return {"jwt": [resigned(each, header=header, **claims) for each in proofs["jwt"]]}

    return with_members(proofs=changed)


def with_dpop(header: Mapping[str, Any] | None = None, **claims: Any) -> Rewrite:
    return with_header("dpop", lambda text: resigned(text, header=header, **claims))


def elsewhere(url: Callable[[str], str]) -> Rewrite:
    """Another URL."""
    return lambda stage, request: evolve(request, url=url(request.url))


def by(method: str) -> Rewrite:
    return lambda stage, request: evolve(request, method=method)


def both(*rewrites: Rewrite) -> Rewrite:
    def rewrite(stage: Stage, request: Request) -> Request:
        for each in rewrites:
            request = each(stage, request)
        return request

    return rewrite


@frozen
class Mutant:
    """A Wallet that breaks `rule` in these scenarios, by what `rewrite` makes of its requests to `endpoint`.

    `twice`: whether the first of the scenarios has to be played once more. `wallet` changes the Wallet itself, `network` what is
    between it and the issuer.
    """

    rule: str
    endpoint: str | None = None
    rewrite: Rewrite | None = None
    scenario: str = "sd-jwt-vc"
    twice: bool = False
    method: Method = "none"
    wallet: Mapping[str, Any] = {}
    network: Callable[[ScriptedIssuer], Send] | None = None
    subclass: type[ProbedWallet] = ProbedWallet

    def send(self, issuer: ScriptedIssuer) -> Send:
        """The network of this Wallet."""
        if self.network is not None:
            return self.network(issuer)

        def send(request: Request) -> Response:
            stage = issuer.stages[-1]
            here = stage.endpoint_of(request) == self.endpoint
            return issuer.send(self.rewrite(stage, request) if here and self.rewrite is not None else request)

        return send


def again(endpoint: str, count: int = 1) -> Callable[[ScriptedIssuer], Send]:
    """Each request to that endpoint is sent again, just as it was, before its first answer is given."""

    def network(issuer: ScriptedIssuer) -> Send:
        def send(request: Request) -> Response:
            response = issuer.send(request)
            if issuer.stages[-1].exchanges[-1].endpoint == endpoint and response.status < 400:
                for _ in range(count):
                    issuer.answer(request)
            return response

        return send

    return network


def deaf(error: str) -> Callable[[ScriptedIssuer], Send]:
    """What an answer with that error says is not heard: the Wallet is told that there is no such endpoint."""

    def network(issuer: ScriptedIssuer) -> Send:
        def send(request: Request) -> Response:
            response = issuer.send(request)
            return Response(404) if error.encode() in response.body else response

        return send

    return network
