"""The database of the OAuth server, in SQLite: its own tables, and one more for the records of the library.

Codes and tokens are kept as SHA-256. Whatever one answer stands on is stored in one transaction, or not at all.
"""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

from attrs import asdict, astuple, field, frozen
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from werkzeug.security import check_password_hash, generate_password_hash

from examples import sqlite_store
from examples.token_table import TOKEN
from oid4vci.records import Change, Key, Record, Records

__all__ = ("AuthorizationCode", "Client", "Database", "Token")

CODE: Final = "code"

TABLES = (
    "create table if not exists client (client_id text primary key, redirect_uri text not null, method text not null)",
    "create table if not exists user (username text primary key, password_hash text not null)",
    "create table if not exists authorization_code (digest text primary key, client_id text not null, data text not null)",
    # The last two columns are what the library adds.
    "create table if not exists token (digest text primary key, client_id text not null, subject text not null,"
    " expires_at integer not null, jkt text, granted text not null)",
    sqlite_store.TABLE,
)


@frozen
class Client(ClientMixin):
    """A client, as Authlib wants to ask it. Each has one way to authenticate: `none` or `attest_jwt_client_auth`."""

    client_id: str
    redirect_uri: str
    token_endpoint_auth_method: str

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.token_endpoint_auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type != "refresh_token"

    def get_allowed_scope(self, scope: str | None) -> str:
        return scope or ""


@frozen(kw_only=True)
class AuthorizationCode(AuthorizationCodeMixin):
    """An authorization code of Authlib's. The last three are what the library adds: the key it is bound to, what was granted."""

    code: str = field(repr=False)
    client_id: str
    subject: str
    redirect_uri: str | None
    scope: str
    code_challenge: str | None
    code_challenge_method: str | None
    expires_at: int
    jkt: str | None
    configuration_ids: list[str]
    details: list[dict[str, Any]]

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@frozen(kw_only=True)
class Token:
    """A row of the token table."""

    access_token: str = field(repr=False)
    client_id: str
    subject: str
    expires_at: int
    jkt: str | None
    configuration_ids: Sequence[str]
    details: Sequence[dict[str, Any]]
    note: Any


class Database:
    """All tables, over one connection that threads share."""

    def __init__(self, path: str | Path) -> None:
        self._lock = Lock()
        self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        for table in TABLES:
            self._connection.execute(table)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    # --- what the library asks for ---------------------------------------------------------------------------------------

    def load(self, keys: Sequence[Key]) -> Records:
        """The records of these keys that exist. Those of the kind `TOKEN` are rows of the token table."""
        with self._lock:
            found = dict(sqlite_store.load(self._connection, keys))
        return found | {key: record for key in keys if key.kind == TOKEN and (record := self._token(key)) is not None}

    def _token(self, key: Key) -> Record | None:
        row = self._row("select client_id, subject, jkt, granted, expires_at from token where digest = ?", key.digest)
        if row is None:
            return None
        client_id, subject, jkt, granted, expires_at = row
        return Record(key, {"client_id": client_id, "subject": subject, "jkt": jkt, **json.loads(granted)}, expires_at)

    def commit(self, changes: Sequence[Change]) -> bool:
        """Store changes of the library: all, or nothing and return False."""
        return self._transaction(changes)

    def _transaction(self, changes: Sequence[Change], *statements: tuple[str, tuple[Any, ...]]) -> bool:
        """Changes of the library, and statements of which each must touch a row: all, or nothing and return False."""
        with self._lock, self._connection as connection:
            connection.execute("begin immediate")
            done = sqlite_store.apply(connection, changes)
            done = done and all(connection.execute(sql, values).rowcount == 1 for sql, values in statements)
            if not done:
                connection.execute("rollback")
            return done

    # --- tokens and codes ------------------------------------------------------------------------------------------------

    def save_token(self, token: Token, changes: Sequence[Change], code: AuthorizationCode | None) -> bool:
        """Store a token, the changes of the request it answers, and that `code` is used up: all, or nothing and return False.

        Of two requests with one code, pre-authorized or not, the second finds that something has changed.
        """
        granted = {"configuration_ids": list(token.configuration_ids), "details": list(token.details), "note": token.note}
        digest = Key.of(TOKEN, token.access_token).digest
        values = (digest, token.client_id, token.subject, token.expires_at, token.jkt, json.dumps(granted))
        statements: list[tuple[str, tuple[Any, ...]]] = [("insert into token values (?, ?, ?, ?, ?, ?)", values)]
        if code is not None:
            statements.append(("delete from authorization_code where digest = ?", (Key.of(CODE, code.code).digest,)))
        return self._transaction(changes, *statements)

    def revoke_token(self, access_token: str) -> None:
        """End a token."""
        self._transaction((), ("delete from token where digest = ?", (Key.of(TOKEN, access_token).digest,)))

    def save_code(self, code: AuthorizationCode) -> None:
        """Store a new authorization code."""
        data = {name: value for name, value in asdict(code).items() if name != "code"}
        values = (Key.of(CODE, code.code).digest, code.client_id, json.dumps(data))
        self._transaction((), ("insert into authorization_code values (?, ?, ?)", values))

    def code(self, code: str, client_id: str, *, now: int) -> AuthorizationCode | None:
        """The authorization code of a client, if it has not expired."""
        sql = "select data from authorization_code where digest = ? and client_id = ?"
        row = self._row(sql, Key.of(CODE, code).digest, client_id)
        found = None if row is None else AuthorizationCode(code=code, **json.loads(row[0]))
        return None if found is None or found.expires_at <= now else found

    def purge(self, *, now: int) -> None:
        """Delete what has expired: to be called now and then."""
        codes = "authorization_code where json_extract(data, '$.expires_at')"
        expired = ("token where expires_at", "oid4vci where expires_at", codes)
        with self._lock:
            for rows in expired:
                self._connection.execute(f"delete from {rows} <= ?", (now,))  # noqa: S608

    # --- clients and users -----------------------------------------------------------------------------------------------

    def add_client(self, client: Client) -> None:
        """Register a client."""
        self._transaction((), ("insert or replace into client values (?, ?, ?)", astuple(client)))

    def client(self, client_id: str) -> Client | None:
        """The client of this name."""
        row = self._row("select * from client where client_id = ?", client_id)
        return None if row is None else Client(*row)

    def add_user(self, username: str, password: str) -> None:
        """Make an account."""
        self._transaction((), ("insert or replace into user values (?, ?)", (username, generate_password_hash(password))))

    def user(self, username: str, password: str) -> str | None:
        """The name of the user, if the password is right."""
        row = self._row("select password_hash from user where username = ?", username)
        return username if row is not None and check_password_hash(row[0], password) else None

    def _row(self, sql: str, *values: Any) -> Any:
        with self._lock:
            return self._connection.execute(sql, values).fetchone()
