"""Signing with keys that stay in a token: of SoftHSM, in all the ways in which it can go well or wrong."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from pkcs11 import Attribute, KeyType, ObjectClass

from examples.pkcs11_issuer import token_keys
from examples.pkcs11_issuer.signer import Pkcs11Signer, read_pin
from examples.pkcs11_issuer.token_keys import KeyName, TokenError, TokenKey
from oid4vci import keys
from oid4vci._jose import compact, signing_input
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.keys import RemoteSigner, SigningInput, public_key, published_jwks
from tests.documents import ROOT, blocks
from tests.softhsm import PIN, SoftHsm

pytestmark = pytest.mark.servers
ALGORITHMS = ("ES256", "ES384", "ES512", "EdDSA", "PS256")


@pytest.fixture(scope="module")
def signer(softhsm: SoftHsm) -> Iterator[Pkcs11Signer]:
    with Pkcs11Signer(softhsm.module, "issuer", PIN, timeout=30) as opened:
        yield opened


@pytest.fixture(scope="module")
def key(signer: Pkcs11Signer) -> RemoteSigner:
    return signer.generate("signing")


def wanted(key: RemoteSigner, *data: bytes) -> list[SigningInput]:
    return [SigningInput(key.key_id, key.algorithm, each) for each in data]


def _verified(key: RemoteSigner, data: bytes, signature: bytes) -> bool:
    return keys.ALGORITHMS[key.algorithm].verifies(public_key(key.public_jwk).key, data, signature)


def as_session(softhsm: SoftHsm, **settings: Any) -> Any:
    """A session of the test's own; the signer has logged in."""
    return pkcs11.lib(softhsm.module).get_token(token_label="issuer").open(**settings)


# --- keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm(signer: Pkcs11Signer, softhsm: SoftHsm, algorithm: str) -> None:
    key = signer.generate(f"key-{algorithm}", algorithm)
    assert (key.key_id, key.algorithm) == (f"key-{algorithm}", algorithm)
    again = signer.signer(f"key-{algorithm}", algorithm)
    assert again == key
    data = signing_input({"alg": algorithm, "kid": key.key_id}, b"the payload")
    (signature,) = signer.sign(wanted(key, data))
    # By another library, with what is published.
    published = KeySet.import_key_set(published_jwks([key]))  # type: ignore[arg-type]
    assert jws.deserialize_compact(compact(data, signature), published, algorithms=[algorithm]).payload == b"the payload"
    with as_session(softhsm) as session:
        private = token_keys._only(session, KeyName(key.key_id), ObjectClass.PRIVATE_KEY)
        assert (private[Attribute.EXTRACTABLE], private[Attribute.SENSITIVE]) == (False, True)
        assert private[Attribute.NEVER_EXTRACTABLE]
        with pytest.raises(pkcs11.AttributeSensitive):
            _ = private[Attribute.PRIVATE_EXPONENT if algorithm == "PS256" else Attribute.VALUE]


def test_a_key_by_its_id(signer: Pkcs11Signer, softhsm: SoftHsm) -> None:
    """Labels need not be unique in a token."""
    for number in (1, 2):
        with as_session(softhsm, rw=True) as session:
            parameters = session.create_domain_parameters(
                KeyType.EC, {Attribute.EC_PARAMS: token_keys.ALGORITHMS["ES256"].ec_params}, local=True
            )
            template = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
            parameters.generate_keypair(store=True, label="twin", id=bytes((9, number)), private_template=template)
    with pytest.raises(TokenError, match="2 private keys with the label twin"):
        signer.signer("twin")
    first, second = (signer.signer("twin", object_id=bytes((9, number)), key_id=f"twin-{number}") for number in (1, 2))
    assert first.public_jwk != second.public_jwk
    by_id = signer.signer(object_id=b"\x09\x02")
    assert (by_id.key_id, by_id.public_jwk) == ("0902", second.public_jwk)
    for each in (first, second, by_id):
        assert len(signer.sign(wanted(each, b"data"))[0]) == 64


def test_keys_that_are_not_as_they_must_be(signer: Pkcs11Signer, softhsm: SoftHsm, key: RemoteSigner) -> None:
    with pytest.raises(TokenError, match="no private key with the label nothing"):
        signer.signer("nothing")
    with pytest.raises(TokenError, match="label signing already"):
        signer.generate("signing")
    with pytest.raises(TokenError, match="not for ES384, but for ES256"):
        signer.signer("signing", "ES384")
    with pytest.raises(TokenError, match="HS256 is none of"):
        signer.generate("symmetric", "HS256")
    with pytest.raises(ValueError, match="label or its id"):
        signer.signer()
    with as_session(softhsm, rw=True) as session:
        parameters = session.create_domain_parameters(
            KeyType.EC, {Attribute.EC_PARAMS: token_keys.ALGORITHMS["ES256"].ec_params}, local=True
        )
        parameters.generate_keypair(store=True, label="loose", private_template={Attribute.EXTRACTABLE: True})
    with pytest.raises(TokenError, match="can be taken out"):
        signer.signer("loose")


@pytest.mark.parametrize("size", [32, 65, 97, 133])
def test_a_point_is_read_however_the_token_writes_it(size: int) -> None:
    point = bytes((0x04,)) + bytes(range(1, size))
    wrapped = bytes((0x04, size)) + point if size < 128 else bytes((0x04, 0x81, size)) + point
    assert token_keys._unwrapped(wrapped, size) == token_keys._unwrapped(point, size) == point
    for wrong in (point[:-1], wrapped + b"\0", b""):
        with pytest.raises(TokenError, match="not known"):
            token_keys._unwrapped(wrong, size)


# --- signing ------------------------------------------------------------------------------------------------------------------


def test_ten_threads_at_once(signer: Pkcs11Signer, key: RemoteSigner) -> None:
    """In batches: each gets the signatures over its own data, in their order."""
    other = signer.generate("signing-too", "EdDSA")

    def batch(number: int) -> bool:
        chosen = (key, other) if number % 2 else (other, key)
        inputs = [*wanted(chosen[0], b"%d" % number, b"%d again" % number), *wanted(chosen[1], b"%d more" % number)]
        made = signer.sign(inputs)
        signers = {each.key_id: each for each in chosen}
        return all(_verified(signers[each.key_id], each.data, signature) for each, signature in zip(inputs, made, strict=True))

    with ThreadPoolExecutor(10) as threads:
        assert list(threads.map(batch, range(100))) == [True] * 100


def test_nothing_to_sign(signer: Pkcs11Signer) -> None:
    assert signer.sign([]) == []


def test_what_it_has_no_key_for(signer: Pkcs11Signer, key: RemoteSigner) -> None:
    for wrong in (SigningInput("another", "ES256", b""), SigningInput(key.key_id, "ES384", b"")):
        with pytest.raises(TokenError, match="is not a key of this token"):
            signer.sign([*wanted(key, b"good"), wrong])


def test_a_signature_that_does_not_verify_does_not_leave(
    signer: Pkcs11Signer, key: RemoteSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = signer.generate("mistaken")
    sign = TokenKey.sign
    signature = signer.sign(wanted(other, b"data"))[0]
    for wrong in (bytes(64), signature, b""):
        monkeypatch.setattr(TokenKey, "sign", lambda *_, wrong=wrong: wrong)
        with pytest.raises(TemporarilyUnavailable):
            signer.sign(wanted(key, b"data"))
    monkeypatch.setattr(TokenKey, "sign", sign)
    assert _verified(key, b"data", signer.sign(wanted(key, b"data"))[0])


# What python-pkcs11 leaves behind in a session that is lost, it cannot clean up.
LOST = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


# --- tokens that fail -----------------------------------------------------------------------------------------------------------


@LOST
def test_a_token_that_was_away_for_a_moment(signer: Pkcs11Signer, softhsm: SoftHsm, key: RemoteSigner) -> None:
    """All sessions and the login are gone."""
    signer.sign(wanted(key, b"data"))
    pkcs11.lib(softhsm.module).reinitialize()
    with ThreadPoolExecutor(10) as threads:
        made = threads.map(lambda n: (n, signer.sign(wanted(key, b"%d" % n))[0]), range(20))
        assert all(_verified(key, b"%d" % n, signature) for n, signature in made)
    pkcs11.lib(softhsm.module).finalize()
    assert _verified(key, b"data", signer.sign(wanted(key, b"data"))[0])


@LOST
def test_a_token_that_is_gone_and_comes_back(
    signer: Pkcs11Signer, softhsm: SoftHsm, key: RemoteSigner, caplog: pytest.LogCaptureFixture
) -> None:
    aside = softhsm.folder / "aside"
    softhsm.tokens.rename(aside)
    softhsm.tokens.mkdir()
    try:
        pkcs11.lib(softhsm.module).reinitialize()
        with pytest.raises(TemporarilyUnavailable):
            signer.sign(wanted(key, b"data"))
    finally:
        softhsm.tokens.rmdir()
        aside.rename(softhsm.tokens)
        pkcs11.lib(softhsm.module).reinitialize()
    assert _verified(key, b"data", signer.sign(wanted(key, b"data"))[0])
    assert "the token fails" in caplog.text
    assert PIN not in caplog.text + repr([record.__dict__ for record in caplog.records])


def test_a_token_that_hangs(softhsm: SoftHsm, key: RemoteSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on, sign = threading.Event(), TokenKey.sign

    def hanging(self: TokenKey, algorithm: str, data: bytes) -> bytes:
        if data == b"hang":
            assert go_on.wait(20)
        return sign(self, algorithm, data)

    monkeypatch.setattr(TokenKey, "sign", hanging)
    with Pkcs11Signer(softhsm.module, "issuer", PIN, timeout=30) as signer:
        signer.signer(key.key_id)
        signer.timeout = 0.5
        try:
            start = time.monotonic()
            with pytest.raises(TemporarilyUnavailable):
                signer.sign(wanted(key, b"hang"))
            assert time.monotonic() - start < 10
            # Nobody waits for longer, nor is what was given up done later.
            for _ in range(2):
                with pytest.raises(TemporarilyUnavailable):
                    signer.sign(wanted(key, b"data"))
        finally:
            go_on.set()
        signer.timeout = 30
        assert _verified(key, b"data", signer.sign(wanted(key, b"data"))[0])


def test_a_signer_that_is_closed(softhsm: SoftHsm, key: RemoteSigner) -> None:
    with Pkcs11Signer(softhsm.module, "issuer", PIN) as signer:
        signer.signer(key.key_id)
    with pytest.raises(TokenError, match="closed"):
        signer.sign(wanted(key, b"data"))


def test_what_a_token_cannot_do(signer: Pkcs11Signer, key: RemoteSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    def unable(*_: Any) -> bytes:
        raise pkcs11.MechanismInvalid

    monkeypatch.setattr(TokenKey, "sign", unable)
    with pytest.raises(TokenError, match="MechanismInvalid"):
        signer.sign(wanted(key, b"data"))


# --- settings ------------------------------------------------------------------------------------------------------------------


def test_a_wrong_pin_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token locks itself after a few."""
    pins: list[str | None] = []

    class Fake:
        def get_token(self, **_: str) -> "Fake":
            return self

        def open(self, user_pin: str | None = None) -> Any:
            pins.append(user_pin)
            if user_pin == "changed since":
                raise pkcs11.PinIncorrect
            return self

    monkeypatch.setattr(pkcs11, "lib", lambda _: Fake())
    with pytest.raises(TokenError, match=r"^the token issuer refuses the PIN: PinIncorrect$"):
        Pkcs11Signer("module", "issuer", "changed since")
    assert pins == ["changed since"]
    with Pkcs11Signer("module", "issuer", "good") as signer:
        signer._pin = "changed since"
        signer._session = None
        for _ in range(3):
            with pytest.raises(TokenError, match="refuses the PIN"):
                signer._run(lambda session: None)
    assert pins.count("changed since") == 2


def test_a_wrong_pin_is_not_shown(softhsm: SoftHsm) -> None:
    """In a process of its own: in this one somebody has logged in."""
    script = (
        "import pkcs11, sys\n"
        "from examples.pkcs11_issuer.signer import Pkcs11Signer\n"
        "from examples.pkcs11_issuer.token_keys import TokenError\n"
        "try: Pkcs11Signer(sys.argv[1], 'issuer', 'not-the-pin')\n"
        "except TokenError as error: print(error)\n"
    )
    environment = {**os.environ, "SOFTHSM2_CONF": str(softhsm.configuration), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, softhsm.module]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, timeout=30)
    assert done.stdout.splitlines()[0] == "the token issuer refuses the PIN: PinIncorrect"
    assert "not-the-pin" not in done.stdout + done.stderr


def test_a_token_that_there_is_not(softhsm: SoftHsm, tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="the token other cannot be opened"):
        Pkcs11Signer(softhsm.module, "other", PIN)
    for module in (tmp_path / "nothing.so", ROOT / "README.md"):
        with pytest.raises(TokenError, match="the token issuer cannot be opened"):
            Pkcs11Signer(module, "issuer", PIN)


def test_the_pin(softhsm: SoftHsm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_pin(softhsm.pin_file()) == PIN
    monkeypatch.setenv("PKCS11_PIN", "1234")
    assert read_pin(None) == "1234"
    monkeypatch.delenv("PKCS11_PIN")
    with pytest.raises(TokenError, match="there is no PIN"):
        read_pin(None)
    open_to_all = tmp_path / "pin"
    open_to_all.write_text(PIN)
    open_to_all.chmod(0o644)
    with pytest.raises(TokenError, match="chmod 600") as raised:
        read_pin(open_to_all)
    assert PIN not in str(raised.value)


def test_the_pin_is_not_shown(signer: Pkcs11Signer, key: RemoteSigner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    signer.sign(wanted(key, b"data"))
    assert PIN not in repr(signer) + str(signer) + repr(key) + caplog.text


def test_the_extra_is_named_where_it_is_missing() -> None:
    script = "import sys; sys.modules['pkcs11'] = None; import examples.pkcs11_issuer.signer"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "pip install 'oid4vci[kms]'" in done.stderr


def test_the_code_of_the_page_about_kms_runs(softhsm: SoftHsm) -> None:
    (block,) = blocks(ROOT / "docs" / "how-to" / "kms.md", "py")
    namespace: dict[str, Any] = {"module": softhsm.module, "pin": PIN}
    exec(block.compiled(), namespace)  # noqa: S102
    assert len(namespace["signature"]) == 64
