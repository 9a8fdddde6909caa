"""The pre-authorized code grant (OID4VCI 3.5, 4.1.1, 6): made for an offer, redeemed at a token endpoint.

An existing OAuth server uses this room alone: `read` its parsed form, load the record, `verify`, mint a token of its own, and
commit the change that `redeem` gives.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci._json import b64url_encode
from oid4vci.errors import InvalidGrant, InvalidRequest
from oid4vci.http import Form
from oid4vci.oauth.authorization_details import AuthorizationDetail, read_authorization_details
from oid4vci.oauth.authorization_requests import scope_values
from oid4vci.oauth.grants import GRANT, OFFERED, REVOKED, RedeemableGrant, check_part_of_grant, granted_details, new_grant_data
from oid4vci.offers import PRE_AUTHORIZED_CODE, PreAuthorizedCodeGrant, TxCode
from oid4vci.records import Change, Insert, Key, Record, Records, Swap
from oid4vci.sealed import SealingKeys
from oid4vci.secret import NewSecret

__all__ = (
    "GRANT_TYPE",
    "PreAuthorized",
    "PreAuthorizedCall",
    "PreAuthorizedCodes",
    "new_tx_code",
)

GRANT_TYPE: Final = PRE_AUTHORIZED_CODE
MAX_CODE = 1024
MAX_TX_CODE = 256


def new_tx_code(length: int = 6, *, new_secret: NewSecret) -> str:
    """A numeric Transaction Code of `length` digits, each as likely as another."""
    if not 1 <= length <= 32:
        raise ValueError("a transaction code has 1 to 32 digits")
    return str(int.from_bytes(new_secret(32), "big") % 10**length).zfill(length)


@frozen
class PreAuthorized:
    """A new pre-authorized code. Commit `changes`, then put `grant` into a Credential Offer.

    The Transaction Code itself is not in here: it goes to the End-User another way (OID4VCI 4.1.1).
    """

    grant: PreAuthorizedCodeGrant
    key: Key
    changes: tuple[Change, ...]


@frozen
class PreAuthorizedCodes:
    """How pre-authorized codes are made and redeemed.

    `keys` guard the Transaction Codes, which are kept as HMACs. `lifetime` is in seconds ("MUST be short lived and single use" --
    OID4VCI 4.1.1). After `max_tx_code_attempts` wrong Transaction Codes the code is gone (OID4VCI 13.6.3).
    """

    keys: SealingKeys
    lifetime: int = 600
    max_tx_code_attempts: int = 5

    def __attrs_post_init__(self) -> None:
        if self.lifetime < 1 or self.max_tx_code_attempts < 1:
            raise ValueError("lifetime and max_tx_code_attempts must be positive")

    def new(
        self,
        subject: str,
        configuration_ids: Sequence[str],
        *,
        now: int,
        new_secret: NewSecret,
        tx_code: str | None = None,
        tx_code_description: str | None = None,
        datasets: Mapping[str, Sequence[str]] | None = None,
        credential_issuer: str | None = None,
        authorization_server: str | None = None,
        client_id: str | None = None,
        scopes: Mapping[str, Sequence[str]] | None = None,
        note: Any = None,
    ) -> PreAuthorized:
        """A code that lets a Wallet obtain the configurations for `subject`.

        `tx_code` is the value the End-User will be asked for. `datasets` maps configuration ids to the credential identifiers of
        the datasets to be had; without them one per configuration. `credential_issuer` binds the grant to one of several issuers
        of a server, `client_id` the code to one client. `scopes` maps scope values to the configurations they stand for, so that a
        Token Request can ask for some of the grant by `scope`. `note` is any JSON that comes back with the order.

        Raises `ValueError`.
        """
        if tx_code is not None and not 1 <= len(tx_code) <= MAX_TX_CODE:
            raise ValueError(f"a transaction code has 1 to {MAX_TX_CODE} characters")
        data = new_grant_data(
            GRANT_TYPE,
            subject,
            configuration_ids,
            datasets=datasets,
            credential_issuer=credential_issuer,
            client_id=client_id,
            note=note,
            scopes=scopes,
        )
        code = b64url_encode(new_secret(32))
        key = Key.of(GRANT, code)
        # Bound to its code, so that equal Transaction Codes do not look alike in the table.
        data["tx_code"] = None if tx_code is None else self.keys.mac(f"tx_code {key.digest}", tx_code)
        data["wrong_tx_codes"] = 0
        hints = None
        if tx_code is not None:
            numeric = tx_code.isascii() and tx_code.isdigit()
            hints = TxCode(input_mode="numeric" if numeric else "text", length=len(tx_code), description=tx_code_description)
        grant = PreAuthorizedCodeGrant(pre_authorized_code=code, tx_code=hints, authorization_server=authorization_server)
        return PreAuthorized(grant, key, (Insert(Record(key, data, now + self.lifetime)),))

    def read(self, form: Form, *, credential_issuers: Sequence[str], client_id: str | None) -> "PreAuthorizedCall":
        """Read a Token Request whose `grant_type` is `GRANT_TYPE`; nothing in it is believed yet.

        `client_id` is the client that the server has authenticated, or accepted by its name; None for an anonymous one. What the
        form says of it does not count.

        Raises `InvalidRequest`, `InvalidAuthorizationDetails`, `InvalidScope`.
        """
        code = form.get("pre-authorized_code")
        if code is None:
            raise InvalidRequest("pre-authorized_code is missing")
        tx_code = form.get("tx_code")
        if len(code) > MAX_CODE or len(tx_code or "") > MAX_TX_CODE:
            raise InvalidRequest("pre-authorized_code or tx_code is too long")
        details = read_authorization_details(form.get("authorization_details"), credential_issuers=credential_issuers)
        return PreAuthorizedCall(self, Key.of(GRANT, code), tx_code, details, client_id, scope_values(form.get("scope")))


@frozen
class PreAuthorizedCall:
    """A Token Request for a pre-authorized code: parsed, nothing believed."""

    codes: PreAuthorizedCodes
    key: Key
    tx_code: str | None = field(repr=False)
    details: tuple[AuthorizationDetail, ...]
    client_id: str | None
    scopes: tuple[str, ...] = ()

    @property
    def lookups(self) -> tuple[Key, ...]:
        """The records to load."""
        return (self.key,)

    def verify(self, records: Records, *, now: int) -> "RedeemableGrant":
        """The grant, if this request may redeem it. Nothing is consumed yet.

        Raises `InvalidGrant` (with a change to commit, if a wrong Transaction Code was counted), `InvalidRequest`,
        `InvalidAuthorizationDetails`.
        """
        grant = records.get(self.key)
        if grant is None or grant.data["grant_type"] != GRANT_TYPE or grant.expires_at <= now or grant.data["state"] != OFFERED:
            raise InvalidGrant("the pre-authorized code is wrong, used or expired")
        data = grant.data
        if data["client_id"] not in (None, self.client_id):
            raise InvalidGrant("the pre-authorized code is wrong, used or expired")
        self._check_tx_code(grant)
        check_part_of_grant(self.details, data)
        asked, details = self._asked(data)
        return RedeemableGrant(grant, asked, self.client_id, details)

    def _asked(self, data: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[AuthorizationDetail, ...]]:
        """The part of the grant that this request asks for, and its details; unknown scope values are ignored (OID4VCI 5.1.2)."""
        details = {detail.credential_configuration_id: detail for detail in self.details}
        by_scope = [each for scope in self.scopes for each in data["scopes"].get(scope, ())]
        asked = tuple(dict.fromkeys((*details, *by_scope))) or tuple(data["configuration_ids"])
        datasets = {each: identifiers for each, identifiers in data["datasets"].items() if each in asked}
        return asked, granted_details(self.details, asked, datasets)

    def _check_tx_code(self, grant: Record) -> None:
        expected = grant.data["tx_code"]
        if expected is None:
            if self.tx_code is not None:
                raise InvalidRequest("no transaction code is expected")
            return
        if self.tx_code is None:
            raise InvalidRequest("a transaction code is expected")
        if not self.codes.keys.check_mac(f"tx_code {self.key.digest}", self.tx_code, expected):
            wrong = grant.data["wrong_tx_codes"] + 1
            state = REVOKED if wrong >= self.codes.max_tx_code_attempts else OFFERED
            raise InvalidGrant(
                "the transaction code is wrong", changes=(Swap.update(grant, wrong_tx_codes=wrong, state=state),)
            )
