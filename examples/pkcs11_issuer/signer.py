"""Signing with keys that stay in a PKCS#11 token: an HSM, or software that behaves like one.

Rule 1: one thread calls the token, and whoever asks waits for it. python-pkcs11 initialises the library as one that is not called
by several threads at once (`C_Initialize` without arguments), so a session for each thread would not do either.
Rule 2: what may pass (a token that is gone, a call that hangs) is `TemporarilyUnavailable`; what will not is `TokenError`.
Rule 3: a signature leaves only if it verifies with the public key: neither a fault in the token nor a key that was mistaken for
another gets out.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import pkcs11

from examples.pkcs11_issuer import token_keys
from examples.pkcs11_issuer.token_keys import KeyName, TokenError, TokenKey
from oid4vci.errors import TemporarilyUnavailable
from oid4vci.keys import ALGORITHMS, RemoteSigner, SigningInput, public_key

__all__ = ("Pkcs11Signer", "read_pin")

T = TypeVar("T")
log = logging.getLogger(__name__)
_WRONG: Final = (
    pkcs11.PinIncorrect,
    pkcs11.PinLocked,
    pkcs11.PinExpired,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.UserPinNotInitialized,
)
"""What must not be tried again: a token locks itself after a few wrong PINs."""
_UNABLE: Final = (
    pkcs11.MechanismInvalid,
    pkcs11.MechanismParamInvalid,
    pkcs11.KeyTypeInconsistent,
    pkcs11.AttributeTypeInvalid,
    pkcs11.AttributeValueInvalid,
    pkcs11.TemplateInconsistent,
)
"""What a token cannot do, now or later."""


def read_pin(file: Path | None, variable: str = "PKCS11_PIN") -> str:
    """The PIN in a file that nobody else may read, or in an environment variable. Raises `TokenError`."""
    if file is None:
        pin = os.environ.get(variable, "")
    elif file.stat().st_mode & 0o077:
        raise TokenError(f"{file} can be read by others than its owner: chmod 600")
    else:
        pin = file.read_text(encoding="utf-8").rstrip("\r\n")
    if not pin:
        raise TokenError(f"there is no PIN: it is taken from a file, or from the environment variable {variable}")
    return pin


_ONE_AT_A_TIME: Final = threading.Lock()
"""Also if there are several signers."""


class Pkcs11Signer:
    """The keys of one token, and `sign` for the host of an issuer. Safe to use from several threads.

    - `module`: the PKCS#11 library of the token, a file.
    - `token_label`: which token, `pin`: its user's PIN.
    - `timeout`: seconds after which a request is given up, those in which it waits for others included.

    Raises `TokenError` if it cannot be opened.
    """

    def __init__(self, module: str | Path, token_label: str, pin: str, *, timeout: float = 10) -> None:
        self._module, self._token_label, self._pin, self.timeout = str(module), token_label, pin, timeout
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pkcs11")
        self._signers: dict[str, tuple[RemoteSigner, KeyName]] = {}
        # These are the thread's own.
        self._session: Any = None
        self._keys: dict[KeyName, TokenKey] = {}
        self._refused: str | None = None
        try:
            self._run(lambda session: None)
        except (TemporarilyUnavailable, RuntimeError, OSError):
            self.close()
            raise TokenError(f"the token {token_label} cannot be opened with {module}") from None
        except TokenError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Take no more work. What is being signed is not waited for."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # --- keys ------------------------------------------------------------------------------------------------------------

    def generate(self, label: str, algorithm: str = "ES256") -> RemoteSigner:
        """A new key in the token, which cannot be taken out of it. Raises `TokenError`, `TemporarilyUnavailable`."""

        def create(session: Any) -> None:
            with session.token.open(rw=True) as writing:
                token_keys.generate(writing, label, algorithm)

        # An RSA key takes a token its time, and nobody waits for it at the other end.
        self._run(create, limited=False)
        return self.signer(label, algorithm)

    def signer(
        self,
        label: str | None = None,
        algorithm: str | None = None,
        *,
        object_id: bytes | None = None,
        key_id: str | None = None,
    ) -> RemoteSigner:
        """The key with a label, an id in the token, or both. `algorithm` is by default the one that goes with the key; `key_id`,
        under which it is published, is by default the label, else the id in hexadecimal.

        Raises `TokenError` if the token has no such key, or it does not go with the algorithm; `TemporarilyUnavailable`.
        """

        name = KeyName(label, object_id)

        def read(session: Any) -> dict[str, str]:
            self._key(session, name)
            return token_keys.public_jwk(session, name)

        jwk = self._run(read)
        fitting = [name for name in token_keys.ALGORITHMS if ALGORITHMS[name].goes_with(public_key(jwk).jwk)]
        if algorithm not in (None, *fitting):
            raise TokenError(f"the key with {name} is not for {algorithm}, but for {', '.join(fitting)}")
        signer = RemoteSigner(key_id or label or (object_id or b"").hex(), algorithm or fitting[0], jwk)
        self._signers[signer.key_id] = signer, name
        return signer

    # --- signing ---------------------------------------------------------------------------------------------------------

    def sign(self, inputs: Sequence[SigningInput], /) -> list[bytes]:
        """Raw JWS signatures, in the same order: `Host.sign`. Raises `TemporarilyUnavailable`, `TokenError`."""
        known = [self._known(each) for each in inputs]

        def signed(session: Any) -> list[bytes]:
            keys = [self._key(session, name) for _, name in known]
            return [key.sign(each.algorithm, each.data) for key, each in zip(keys, inputs, strict=True)]

        made = self._run(signed)
        if not all(_verifies(*each) for each in zip([signer for signer, _ in known], inputs, made, strict=True)):
            log.error("the token has made a signature that does not verify")
            raise TemporarilyUnavailable("the signature was wrong")
        return made

    def _known(self, wanted: SigningInput) -> tuple[RemoteSigner, KeyName]:
        known = self._signers.get(wanted.key_id)
        if known is None or known[0].algorithm != wanted.algorithm:
            raise TokenError(f"{wanted.key_id} is not a key of this token that signs by {wanted.algorithm}")
        return known

    # --- the session -----------------------------------------------------------------------------------------------------

    def _run(self, work: Callable[[Any], T], *, limited: bool = True) -> T:
        """Do something in the thread of the token, at most twice: the session may turn out to be lost."""

        def attempt() -> T:
            with _ONE_AT_A_TIME:
                try:
                    return work(self._opened())
                except _UNABLE:
                    raise
                except pkcs11.PKCS11Error as error:
                    log.warning("the session is lost", extra={"error": type(error).__name__})
                    # It is not closed: its number may be another's by now.
                    self._session = None
                    return work(self._opened())

        try:
            doing = self._thread.submit(attempt)
        except RuntimeError:
            raise TokenError("the signer is closed") from None
        try:
            return doing.result(self.timeout if limited else None)
        except TimeoutError:
            doing.cancel()
            log.error("the token does not answer")
            raise TemporarilyUnavailable("the keys cannot be used now") from None
        except _UNABLE as error:
            raise TokenError(f"the token cannot do this: {type(error).__name__}") from None
        except pkcs11.PKCS11Error as error:
            # Neither its text nor its arguments: they may hold what was called with.
            log.error("the token fails", extra={"error": type(error).__name__})
            raise TemporarilyUnavailable("the keys cannot be used now") from None

    def _opened(self) -> Any:
        """The session, a new one if there is none."""
        if self._session is None:
            if self._refused is not None:
                raise TokenError(self._refused)
            token, self._keys = pkcs11.lib(self._module).get_token(token_label=self._token_label), {}
            try:
                self._session = token.open(user_pin=self._pin)
            except pkcs11.UserAlreadyLoggedIn:
                # The login is that of the whole process.
                self._session = token.open()
            except _WRONG as error:
                self._refused = f"the token {self._token_label} refuses the PIN: {type(error).__name__}"
                raise TokenError(self._refused) from None
        return self._session

    def _key(self, session: Any, name: KeyName) -> TokenKey:
        if name not in self._keys:
            self._keys[name] = token_keys.find(session, name)
        return self._keys[name]


def _verifies(signer: RemoteSigner, wanted: SigningInput, signature: bytes) -> bool:
    return ALGORITHMS[signer.algorithm].verifies(public_key(signer.public_jwk).key, wanted.data, signature)
