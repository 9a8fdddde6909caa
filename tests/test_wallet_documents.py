"""Documents that a verifier would like to have, and does without."""

from collections.abc import Mapping
from typing import Any

import pytest
from attrs import define, evolve

from oid4vci.drive import run
from oid4vci.errors import InvalidCredential, TryLater
from oid4vci.formats.credential_format import NeededDocument, VerifiedCredential
from oid4vci.http import MAX_BODY, Response
from oid4vci.wallet import Issued, dump, load
from tests.scripted_server import HOLDER_KEYS, NOW, JwtFormat, Server, ok, session, wallet

EXTRA = "https://issuer.example/type"
ABSENT = [
    Response(404),
    Response(204),
    Response(302, {"location": "https://elsewhere.example/"}),
    Response(200, {}, b"x" * (MAX_BODY + 1)),
    Response(503),
    Response(429),
]


@define
class Curious(JwtFormat):
    """A format that wants a document first; what it got is among the claims."""

    optional: bool = True

    def verify(
        self, credential: Any, *, documents: Mapping[str, bytes], **arguments: Any
    ) -> VerifiedCredential | NeededDocument:
        if EXTRA not in documents:
            return NeededDocument(EXTRA, ("application/json",), self.optional)
        found = super().verify(credential, documents=documents, **arguments)
        assert isinstance(found, VerifiedCredential)
        return evolve(found, claims={"got": documents[EXTRA]})


def issued(answer: Response, **settings: Any) -> tuple[Issued, Server]:
    server = Server({EXTRA: answer})
    ours = session(server, formats={"dc+sd-jwt": Curious(**settings)})
    result = run(run(ours.order("pid"), server).prove(HOLDER_KEYS[:2], now=NOW).submit(), server)
    assert isinstance(result, Issued)
    return result, server


@pytest.mark.parametrize("answer", ABSENT)
def test_one_that_cannot_be_had_is_empty(answer: Response) -> None:
    result, server = issued(answer)
    assert [each.claims for each in result.credentials] == [{"got": b""}] * 2
    assert len(server.to(EXTRA)) == 1
    assert load(dump(result), wallet(formats={"dc+sd-jwt": Curious()})) == result


@pytest.mark.parametrize("answer", ABSENT)
def test_one_that_is_needed_ends_it(answer: Response) -> None:
    with pytest.raises((InvalidCredential, TryLater)):
        issued(answer, optional=False)


@pytest.mark.parametrize("optional", [False, True])
def test_one_that_is_there_is_used(optional: bool) -> None:
    result, _ = issued(ok({}), optional=optional)
    assert [each.claims for each in result.credentials] == [{"got": b"{}"}] * 2
