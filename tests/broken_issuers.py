"""What makes an issuer break one rule: changes of what it answers, and of what it refuses."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from attrs import evolve, frozen

from oid4vci._json import Malformed
from oid4vci.http import Request, Response
from oid4vci.testing import Offered, OfferRequest, ScriptedWallet

Send = Callable[[Request], Response]
Breaking = Callable[[ScriptedWallet], ScriptedWallet]

ISSUER_METADATA, SERVER_METADATA = "/openid-credential-issuer", "/oauth-authorization-server"


def between(change: Callable[[Request, Send], Response]) -> Breaking:
    """Something stands between the wallet and the issuer."""

    def broken(wallet: ScriptedWallet) -> ScriptedWallet:
        return evolve(wallet, send=lambda request: change(request, wallet.send))

    return broken


def members_of(response: Response) -> Any:
    try:
        return response.json()
    except Malformed:
        return None


def answering(path: str, change: Callable[[Response], Response], *, fine: bool = True) -> Breaking:
    """Answers of an endpoint are changed, with `fine` only the successful ones. A path that ends in `/` stands for all beneath."""

    def look(request: Request, send: Send) -> Response:
        response = send(request)
        there = path in request.path if path.endswith("/") else request.path.endswith(path)
        return change(response) if there and (response.status < 300 or not fine) else response

    return between(look)


def saying(path: str, change: Callable[[dict[str, Any]], object]) -> Breaking:
    """The JSON that an endpoint answers is changed in place."""

    def edited(response: Response) -> Response:
        members = members_of(response)
        if not isinstance(members, dict):
            return response
        change(members)
        return evolve(response, body=json.dumps(members).encode())

    return answering(path, edited)


def setting(path: str, **members: Any) -> Breaking:
    """Members are others, or missing where they are None."""

    def change(said: dict[str, Any]) -> None:
        said.update(members)
        for name in [name for name, value in members.items() if value is None]:
            said.pop(name)

    return saying(path, change)


def field(path: str, name: str, value: str | None, *, fine: bool = True) -> Breaking:
    """A header field is another, or missing."""

    def change(response: Response) -> Response:
        pairs = [pair for pair in response.headers.pairs if pair[0] != name]
        return evolve(response, headers=[*pairs, *([] if value is None else [(name, value)])])

    return answering(path, change, fine=fine)


def status(path: str, number: int) -> Breaking:
    return answering(path, lambda response: evolve(response, status=number))


def error(code: str, number: int = 400) -> Response:
    return Response.of_json(number, {"error": code})


def refusing(path: str, when: Callable[[Request], bool], *, code: str = "invalid_request", number: int = 400) -> Breaking:
    """It is pickier than it may be."""

    def look(request: Request, send: Send) -> Response:
        return error(code, number) if request.path.endswith(path) and when(request) else send(request)

    return between(look)


def misnaming(path: str) -> Breaking:
    """Every refusal has a code that nobody knows."""

    def change(response: Response) -> Response:
        return error("something_went_wrong", response.status) if 400 <= response.status < 500 else response

    return answering(path, change, fine=False)


def proof_of(request: Request) -> dict[str, Any]:
    """The claims of its DPoP proof; nothing if it has none that can be read."""
    try:
        payload = request.headers.all("dpop")[0].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def agreeing(path: str, number: int, members: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Breaking:
    """It refuses nothing. Only what lacks a nonce of its own is asked for once more."""

    def look(request: Request, send: Send) -> Response:
        response = send(request)
        if not request.path.endswith(path) or response.status < 400:
            return response
        asked = "dpop-nonce" in response.headers and "use_dpop_nonce" in str(
            (response.body, response.headers.all("www-authenticate"))
        )
        if asked and "nonce" not in proof_of(request) and "dpop" in request.headers:
            return response
        return evolve(Response.of_json(number, dict(members)), headers={**_JSON, **(headers or {})})

    return between(look)


_JSON = {"content-type": "application/json", "cache-control": "no-store"}

TOKEN = {"access_token": "t" * 43, "token_type": "DPoP", "expires_in": 60}
AGREEING = {
    "/token": agreeing("/token", 200, TOKEN),
    "/bearer": agreeing("/token", 200, {**TOKEN, "token_type": "Bearer"}),
    "/par": agreeing("/par", 201, {"request_uri": "urn:example:" + "a" * 30, "expires_in": 60}),
    "/credential": agreeing("/credential", 200, {"credentials": [{"credential": "x"}]}),
    "/deferred_credential": agreeing("/deferred_credential", 200, {"credentials": [{"credential": "x"}]}),
    "/notification": agreeing("/notification", 204, {}),
    "/nonce": agreeing("/nonce", 200, {"c_nonce": "x" * 30}),
}


def leading_on(redirect_uri: str) -> Breaking:
    """The authorization endpoint never stops: whatever it should refuse goes to the redirect URI with a code."""

    def look(request: Request, send: Send) -> Response:
        response = send(request)
        if not request.path.endswith("/authorize") or response.status < 400:
            return response
        wanted = dict(parse_qsl(request.query)).get("redirect_uri", redirect_uri)
        return Response(302, {"location": f"{wanted}?code={'c' * 43}"})

    return between(look)


# --- offers and people ------------------------------------------------------------------------------------------------------------


def offering(change: Callable[[Offered], Offered]) -> Breaking:
    def broken(wallet: ScriptedWallet) -> ScriptedWallet:
        make = wallet.new_offer
        assert make is not None

        def changed(asked: OfferRequest) -> Offered | None:
            offered = make(asked)
            return None if offered is None else change(offered)

        return evolve(wallet, new_offer=changed)

    return broken


def always_the_same(wallet: ScriptedWallet) -> ScriptedWallet:
    """Every offer is the first of its kind."""
    make = wallet.new_offer
    assert make is not None
    made: dict[OfferRequest, Offered | None] = {}

    def kept(asked: OfferRequest) -> Offered | None:
        if asked not in made:
            made[asked] = make(asked)
        return made[asked]

    return evolve(wallet, new_offer=kept)


def telling(offered: Offered) -> Offered:
    """The offer has its Transaction Code in it."""
    offer = json.loads(dict(parse_qsl(urlsplit(offered.offer_uri).query))["credential_offer"])
    for grant in offer["grants"].values():
        grant["tx_code"] = {"description": offered.tx_code}
    return evolve(offered, offer_uri="openid-credential-offer://?" + urlencode({"credential_offer": json.dumps(offer)}))


def coming_back(**changes: str | None) -> Breaking:
    """The browser brings other parameters."""

    def changed(url: str) -> str:
        at = urlsplit(url)
        pairs = {**dict(parse_qsl(at.query)), **changes}
        kept = [(name, value) for name, value in pairs.items() if value is not None]
        return at._replace(query=urlencode(kept)).geturl()

    def broken(wallet: ScriptedWallet) -> ScriptedWallet:
        approve, deny = wallet.approve, wallet.deny
        assert approve is not None
        assert deny is not None
        return evolve(wallet, approve=lambda url: changed(approve(url)), deny=lambda url: changed(deny(url)))

    return broken


# --- credentials ------------------------------------------------------------------------------------------------------------------


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


@frozen
class SdJwt:
    """An SD-JWT whose parts can be others. Its signature is then none, which is looked at elsewhere."""

    header: dict[str, Any]
    payload: dict[str, Any]
    signature: str
    disclosures: list[str]

    @classmethod
    def of(cls, text: str) -> "SdJwt":
        jwt, *disclosures, _ = text.split("~")
        header, payload, signature = jwt.split(".")
        return cls(unb64(header), unb64(payload), signature, disclosures)

    def __str__(self) -> str:
        jwt = ".".join((*(b64(json.dumps(each).encode()) for each in (self.header, self.payload)), self.signature))
        return "~".join((jwt, *self.disclosures, ""))

    def resalted(self) -> "SdJwt":
        """Every disclosure at the top has the same salt."""
        made, digests = [], {}
        for text in self.disclosures:
            salt_and_more = unb64(text)
            changed = b64(json.dumps(["same", *salt_and_more[1:]]).encode())
            digests[b64(hashlib.sha256(text.encode()).digest())] = b64(hashlib.sha256(changed.encode()).digest())
            made.append(changed)
        text = json.dumps(self.payload)
        for before, after in digests.items():
            text = text.replace(before, after)
        return evolve(self, payload=json.loads(text), disclosures=made)


def issuing(change: Callable[[int, str], str], path: str = "/credential") -> Breaking:
    """Each credential of an answer is another, by its place."""

    def edited(members: dict[str, Any]) -> None:
        for number, entry in enumerate(members.get("credentials", ())):
            if isinstance(entry["credential"], str):
                entry["credential"] = change(number, entry["credential"])

    return saying(path, edited)


def sd_jwts(change: Callable[[int, SdJwt], object]) -> Breaking:
    """Each SD-JWT is changed in place, or replaced."""

    def edited(number: int, text: str) -> str:
        if "~" not in text:
            return text
        made = SdJwt.of(text)
        changed = change(number, made)
        return str(changed if isinstance(changed, SdJwt) else made)

    return issuing(edited)


def somebody_elses(wallet: ScriptedWallet) -> ScriptedWallet:
    """Whoever asks for one gets what somebody else has got before, of the same format."""
    seen: dict[bool, str] = {}

    def kept(number: int, text: str) -> str:
        return seen.setdefault("~" in text, text)

    issuing(kept)(wallet).probe(only={"credential_is_issued"})
    return issuing(kept)(wallet)


def exact_clocks(wallet: ScriptedWallet) -> ScriptedWallet:
    """DPoP proofs must be of this very moment."""

    def odd(request: Request) -> bool:
        return bool(abs(proof_of(request).get("iat", 0) - wallet.now()) > 5)

    return refusing("/credential", odd, code="invalid_dpop_proof", number=401)(wallet)


def all_alike(members: dict[str, Any]) -> None:
    """A batch has one credential, again and again."""
    entries = members.get("credentials", [])
    for entry in entries:
        entry["credential"] = entries[0]["credential"]


def one_more(members: dict[str, Any]) -> None:
    """There are more credentials than keys."""
    members["credentials"] = [*members.get("credentials", []), {"credential": "x"}, {"credential": "y"}]


def tired_after(number: int) -> Breaking:
    """A token serves for so many requests."""
    uses: dict[str, int] = {}

    def often(request: Request) -> bool:
        given = str(request.headers.all("authorization"))
        uses[given] = uses.get(given, 0) + 1
        return uses[given] > number

    return refusing("/credential", often, code="invalid_token", number=401)


def refreshing_once() -> Breaking:
    """A refresh token is gone as soon as it was used."""
    used: set[bytes] = set()

    def again(request: Request) -> bool:
        token = request.body.partition(b"refresh_token=")[2].partition(b"&")[0]
        if not token or token in used:
            return bool(token)
        # The first time it is asked for a nonce.
        if "nonce" in proof_of(request):
            used.add(token)
        return False

    return refusing("/token", again, code="invalid_grant")
