"""Status lists of `@sd-jwt/jwt-status-list` are read here, and ours there; its SD-JWT VC library checks our credentials by them."""

import random
import time
from typing import Any

import pytest

from oid4vci import _json
from oid4vci.formats.credential_format import VerifiedCredential
from oid4vci.formats.sd_jwt_vc import SdJwtVcEncoder
from oid4vci.metadata import SdJwtVcConfiguration
from oid4vci.secret import new_secret
from oid4vci.status_list import JWT, Status, StatusChecker, StatusList, StatusListIndices, StatusListSigner
from oid4vci.trust import Trust
from tests.interop.node import Node
from tests.interop.parties import Party

pytestmark = pytest.mark.interop

ISSUER = "https://issuer.example"
URI = f"{ISSUER}/statuslists/1"
METADATA_URL = f"{ISSUER}/.well-known/jwt-vc-issuer"
PARTY = Party(ISSUER)
PUBLISHED = _json.dump_bytes({"issuer": ISSUER, "jwks": {"keys": [{**PARTY.signer.public_jwk, "kid": "issuer"}]}})
RANDOM = random.Random(20)


def values(bits: int, size: int = 256) -> list[int]:
    return [RANDOM.randrange(1 << bits) for _ in range(size)]


def status_of(jwt: bytes, index: int, now: int) -> Status:
    credential = VerifiedCredential("dc+sd-jwt", "", {}, issuer=ISSUER, status={"status_list": {"idx": index, "uri": URI}})
    trust, documents = Trust.of(ISSUER, anchors=PARTY.anchors), {URI: jwt, METADATA_URL: PUBLISHED}
    status = StatusChecker().check(credential, trust=trust, documents=documents, now=now)
    assert isinstance(status, Status)
    return status


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_their_tokens_are_believed(node: Node, bits: int) -> None:
    statuses, now = values(bits), int(time.time())
    payload = {"iss": ISSUER, "sub": URI, "iat": now, "exp": now + 3600, "ttl": 600}
    given = {"statuses": statuses, "bits": bits, "payload": payload, "jwk": PARTY.private_jwk}
    jwt = node.run("status_list.mjs", {"make": given})["make"]["jwt"].encode()
    found = [status_of(jwt, index, now) for index in range(len(statuses))]
    assert [each.value for each in found] == statuses
    assert {each.valid_until for each in found} == {now + 600}


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("certified", [True, False])
def test_they_believe_our_tokens(node: Node, bits: int, certified: bool) -> None:
    statuses, now = values(bits), int(time.time())
    made = StatusList.of(len(statuses), bits=bits, statuses=dict(enumerate(statuses)))
    signing = StatusListSigner(signer=PARTY.signer, x5c=(PARTY.leaf,) if certified else (), kid="issuer", include_jwk=True)
    jwt = signing.draft(made, uri=URI, now=now).finish().tokens[JWT]
    answer = node.run("status_list.mjs", {"read": {"jwt": jwt.decode(), "jwk": dict(PARTY.signer.public_jwk)}})["read"]
    assert answer["statuses"] == statuses
    assert answer["payload"]["sub"] == URI
    assert answer["payload"]["ttl"] == 43_200
    assert ("x5c" in answer["header"]) == certified
    assert status_of(jwt, 7, now).value == statuses[7]


def test_they_inflate_our_lists(node: Node) -> None:
    lists = [(bits, values(bits, size)) for bits in (1, 2, 4, 8) for size in (8, 1000)]
    made = [StatusList.of(len(each), bits=bits, statuses=dict(enumerate(each))).to_json() for bits, each in lists]
    assert node.run("status_list.mjs", {"lists": made})["lists"] == [each for _, each in lists]


def test_they_refuse_a_credential_that_was_revoked(node: Node) -> None:
    """Issued with indices from a draw; then one of the three is revoked."""
    now = int(time.time())
    configuration: Any = SdJwtVcConfiguration(vct="urn:diploma")
    indices = StatusListIndices(uri=URI, expires_at=now + 10**8, size=10_000)
    allocated = indices.draw(3, now=now, new_secret=new_secret).verify({})
    credentials = [
        SdJwtVcEncoder(signer=PARTY.signer)
        .draft({**copy}, configuration=configuration, issuer=ISSUER, holder_keys=(), now=now, new_secret=new_secret)
        .finish()[0]
        for copy in allocated.copies
    ]
    revoked = StatusList.of(indices.size, statuses={allocated.values[1]: 1})
    token = StatusListSigner(signer=PARTY.signer).draft(revoked, uri=URI, now=now).finish().tokens[JWT]
    given = {"credentials": credentials, "tokens": {URI: token.decode()}, "jwk": dict(PARTY.signer.public_jwk)}
    outcomes = node.run("status_list.mjs", {"check": given})["check"]
    assert [each.get("ok", False) for each in outcomes] == [True, False, True]
    assert outcomes[1]["error"] == "Status is not valid"
