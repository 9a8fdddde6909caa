"""The reference server's credentials of every format, and their status, over TLS, as a wallet at the command line takes them."""

import json
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from attrs import evolve

from examples.reference_server import demo
from examples.reference_server.encoders import datasets
from examples.reference_server.settings import read_settings
from examples.reference_server.signing import demo_keys
from examples.reference_server.statuses import Statuses
from examples.wallet_cli.__main__ import main
from oid4vci.errors import StatusUnknown
from oid4vci.formats import CREDENTIAL_FORMATS, VerifiedCredential
from oid4vci.memory import MemoryStore
from oid4vci.metadata import CredentialConfiguration
from oid4vci.status_list import StatusChecker
from oid4vci.status_list.token import StatusListToken
from oid4vci.trust import Trust
from oid4vci.x509 import Anchors
from tests.running_server import RunningServer, running_server

SUFFIXES = {
    "identity_x5c": ".sd-jwt",
    "membership_jwt_vc_issuer": ".sd-jwt",
    "driving_licence_mdoc": ".mdoc",
    "degree_jwt": ".jwt",
    "degree_ldp": ".json",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("formats"), config={"status_list_size": 10_000}) as server:
        yield server


@pytest.fixture
def anchors(server: RunningServer, tmp_path: Path) -> Path:
    (tmp_path / "anchors.pem").write_bytes(server.demo_authority())
    return tmp_path / "anchors.pem"


def take(server: RunningServer, anchors: Path, folder: Path, *configuration_ids: str, copies: int = 2) -> int:
    made = server.offer(*configuration_ids)
    arguments = [made["offer_uri"], "--save", str(folder), "--trust", str(anchors), "--ca", str(server.authority), "--yes"]
    return main([*arguments, "--copies", str(copies)])


def verified(server: RunningServer, anchors: Path, path: Path, configuration_id: str, now: int) -> VerifiedCredential:
    """A credential that the wallet kept, verified once more from its file."""
    configuration = demo.CONFIGURATIONS[configuration_id]["metadata"]
    text = path.read_text()
    with server.client() as client:
        keys = client.get("/.well-known/jwt-vc-issuer").content
    outcome = (
        CREDENTIAL_FORMATS[configuration["format"]]
        .verifier()
        .verify(
            json.loads(text) if path.suffix == ".json" else text,
            configuration=CredentialConfiguration.read(configuration),
            trust=Trust.of(server.issuer, anchors=Anchors.from_pem(anchors.read_bytes())),
            holder_keys=[],
            documents={f"{server.issuer}/.well-known/jwt-vc-issuer": keys},
            now=now,
        )
    )
    assert isinstance(outcome, VerifiedCredential)
    return outcome


@pytest.mark.spec("VCI-A.1-01")
def test_a_wallet_takes_a_credential_of_every_format(
    server: RunningServer, anchors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert set(SUFFIXES) == set(demo.CONFIGURATIONS)
    assert take(server, anchors, tmp_path / "wallet", *SUFFIXES) == 0
    output = capsys.readouterr().out
    assert f"Done: {2 * len(SUFFIXES)} credentials." in output
    assert '  Date of birth: "1992-02-29"' in output
    assert '  Portrait: "259 bytes"' in output
    assert '  Degree: "Bachelor of Examples"' in output
    for configuration_id, suffix in SUFFIXES.items():
        kept = sorted(path.name for path in (tmp_path / "wallet").glob(f"{configuration_id}-*"))
        assert kept == sorted(
            name for i in (1, 2) for name in (f"{configuration_id}-{i}.key.pem", f"{configuration_id}-{i}{suffix}")
        )


@pytest.mark.spec("HAIP-6.1-11")
@pytest.mark.parametrize("configuration_id", ["identity_x5c", "driving_licence_mdoc", "degree_jwt"])
def test_a_revoked_credential_is_known_as_such(
    server: RunningServer, anchors: Path, tmp_path: Path, configuration_id: str
) -> None:
    now = int(time.time())
    assert take(server, anchors, tmp_path / "wallet", configuration_id, copies=5) == 0
    files = sorted((tmp_path / "wallet").glob(f"{configuration_id}-*{SUFFIXES[configuration_id]}"))
    credentials = [verified(server, anchors, path, configuration_id, now) for path in files]
    references = [dict(each.status or {})["status_list"] for each in credentials]
    assert {each["uri"] for each in references} == {f"{server.issuer}/status-lists/1"}
    indices = [each["idx"] for each in references]
    steps = {after - before for before, after in pairwise(indices)}
    assert len(set(indices)) == 5
    assert len(steps) > 1

    trust = Trust.of(server.issuer, anchors=Anchors.from_pem(anchors.read_bytes()))
    with server.client() as client:
        assert client.post("/admin/status", json={"idx": indices[0], "status": 1}).status_code == 204
        for media_type in ("application/statuslist+jwt", "application/statuslist+cwt"):
            answer = client.get("/status-lists/1", headers={"accept": media_type})
            assert answer.status_code == 200
            assert answer.headers["content-type"] == media_type
            documents = {f"{server.issuer}/status-lists/1": answer.content}
            checker = StatusChecker(haip=True)
            statuses = [checker.check(each, trust=trust, documents=documents, now=now) for each in credentials]
            assert [getattr(status, "value", None) for status in statuses] == [1, 0, 0, 0, 0]
        with pytest.raises(StatusUnknown):
            checker.check(credentials[0], trust=trust, documents={f"{server.issuer}/status-lists/1": b"no list"}, now=now)


@pytest.mark.parametrize(
    "members",
    [
        {},
        [],
        {"idx": "1", "status": 1},
        {"idx": True, "status": 1},
        {"idx": 1, "status": True},
        {"idx": 1, "status": 1.0},
        {"idx": 1, "status": [1]},
        {"idx": 1, "status": 2},
        {"idx": 10**9, "status": 1},
        {"idx": -1, "status": 1},
    ],
)
def test_a_status_that_cannot_be_set(server: RunningServer, members: object) -> None:
    with server.client() as client:
        answer = client.post("/admin/status", json=members)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_what_is_revoked_stays_so(server: RunningServer, anchors: Path) -> None:
    uri, trust = f"{server.issuer}/status-lists/1", Trust.of(server.issuer, anchors=Anchors.from_pem(anchors.read_bytes()))
    with server.client() as client:
        documents = {uri: client.get("/status-lists/1").content}
        listed = StatusChecker().token(uri, issuer=server.issuer, trust=trust, documents=documents, now=int(time.time()))
        assert isinstance(listed, StatusListToken)
        # Indices are drawn by lot: any may be one that was revoked before.
        index = next(i for i in range(listed.statuses.size) if listed.statuses.get(i) == 0)
        answers = [client.post("/admin/status", json={"idx": index, "status": status}) for status in (0, 1, 1, 0)]
        assert [(answer.status_code, answer.text[:60]) for answer in answers[:3]] == [(204, "")] * 3
        assert answers[3].status_code == 400
        assert client.post("/admin/status", content=b"{", headers={"content-type": "application/json"}).status_code == 400


def test_a_list_that_was_made_shorter_is_not_given_more_indices(tmp_path: Path) -> None:
    store, key = MemoryStore(), demo_keys("https://issuer.example").issuer
    lists = [Statuses.of("https://issuer.example/status-lists/1", size, key) for size in (2_000, 1_000, 3_000)]
    for each in lists[:2]:
        each.begin(store)
    with pytest.raises(ValueError, match="status_list_size"):
        lists[2].begin(store)


@pytest.mark.parametrize(
    "value",
    [{"full-date": "1992-02-30"}, {"tdate": "2026-01-01T00:00:00"}, {"tdate": "2026-01-01T00:00:00.5Z"}, {"bytes": "?"}],
)
def test_data_elements_that_are_none_stop_the_server_with_their_name(value: dict[str, str]) -> None:
    claims = {"org.iso.18013.5.1": {"given_name": "Ada", "codes": [value]}}
    settings = evolve(read_settings(None), subjects={"ada": {"driving_licence_mdoc": claims}})
    with pytest.raises(ValueError, match=r"^subjects\.ada\.driving_licence_mdoc: "):
        datasets(settings)
