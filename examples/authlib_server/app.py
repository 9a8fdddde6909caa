"""The Flask application: Authlib's endpoints, those of the Credential Issuer, and the page on which a person agrees."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import flask
from attrs import frozen
from authlib.oauth2 import OAuth2Error

from examples.adapters.endpoints import Endpoints
from examples.adapters.flask_adapter import answer, serve
from examples.authlib_server.database import Database
from examples.authlib_server.server import TOKEN_LIFETIME, Rooms, WalletServer
from examples.authlib_server.tokens import IssuerHost
from examples.membership import club_metadata, new_club
from examples.token_table import TableTokens
from oid4vci.issuer import Issuer
from oid4vci.keys import LocalSigner
from oid4vci.metadata import AuthorizationServerMetadata
from oid4vci.oauth.client_attestation import METHOD, ClientAttestation
from oid4vci.oauth.dpop import Dpop, DpopNonces
from oid4vci.oauth.pre_authorized import GRANT_TYPE, PreAuthorizedCodes
from oid4vci.offers import CredentialOffer
from oid4vci.sealed import SealingKeys
from oid4vci.secret import new_secret

__all__ = ("Club", "new_club_server")

MAX_BODY: Final = 1 << 20
PAGE: Final = """<!doctype html>
<title>Log in</title>
<h1>{{ client }} asks for {{ asked }}</h1>
<form method="post">
<input id="username" name="username" placeholder="name">
<input id="password" name="password" type="password" placeholder="password">
<button id="approve" name="decision" value="approve">Agree</button>
<button id="deny" name="decision" value="deny">Refuse</button>
</form>
"""


@frozen
class Club:
    """The application, and what makes offers for it."""

    application: flask.Flask
    issuer: Issuer
    server: WalletServer

    def offer(
        self, subject: str, configuration_ids: Sequence[str], *, tx_code: str | None = None, note: Any = None
    ) -> CredentialOffer:
        """An offer with a pre-authorized code for `subject`; `tx_code` goes to the person another way."""
        rooms, database = self.server.rooms, self.server.database
        made = rooms.codes.new(subject, configuration_ids, now=rooms.clock(), new_secret=new_secret, tx_code=tx_code, note=note)
        if not database.commit(made.changes):
            raise RuntimeError("the same random number came up twice")
        return self.issuer.offer(configuration_ids, pre_authorized_code=made.grant)


def server_metadata(rooms: Rooms) -> AuthorizationServerMetadata:
    """What the server publishes (RFC 8414)."""
    attestation = rooms.attestation
    return AuthorizationServerMetadata.build(
        issuer=rooms.identifier,
        authorization_endpoint=f"{rooms.identifier}/authorize",
        token_endpoint=rooms.token_endpoint,
        challenge_endpoint=None if attestation is None else f"{rooms.identifier}/challenge",
        response_types_supported=("code",),
        grant_types_supported=("authorization_code", GRANT_TYPE),
        token_endpoint_auth_methods_supported=("none",) if attestation is None else (METHOD, "none"),
        client_attestation_signing_alg_values_supported=None if attestation is None else attestation.algorithms,
        client_attestation_pop_signing_alg_values_supported=None if attestation is None else attestation.pop_algorithms,
        code_challenge_methods_supported=("S256",),
        dpop_signing_alg_values_supported=rooms.dpop.algorithms,
        authorization_details_types_supported=("openid_credential",),
        authorization_response_iss_parameter_supported=True,
    )


def new_club_server(
    identifier: str,
    database: Database,
    *,
    keys: SealingKeys,
    signer: LocalSigner,
    attestation: ClientAttestation | None,
    clock: Callable[[], int],
) -> Club:
    """The authorization server and the Credential Issuer `identifier`, an https URL without path.

    `keys` seal and authenticate what the library hands out, `signer` signs credentials, `attestation` says whose client
    attestations count. `clock` gives the seconds since the epoch.
    """
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["OAUTH2_TOKEN_EXPIRES_IN"] = {"authorization_code": TOKEN_LIFETIME, GRANT_TYPE: TOKEN_LIFETIME}
    rooms = Rooms(
        identifier=identifier,
        token_endpoint=f"{identifier}/token",
        issuer=club_metadata(identifier),
        codes=PreAuthorizedCodes(keys),
        dpop=Dpop(nonces=DpopNonces(keys)),
        attestation=attestation,
        clock=clock,
    )
    server = WalletServer(app, database, rooms)
    issuer = new_club(rooms.issuer, TableTokens(), keys=keys, signer=signer, dpop=rooms.dpop)
    host, metadata = IssuerHost(database), server_metadata(rooms).to_json()

    @app.get("/.well-known/oauth-authorization-server")
    def authorization_server() -> dict[str, Any]:
        return metadata

    @app.post("/token")
    def token() -> flask.Response:
        return server.create_token_response()

    @app.post("/challenge")
    def challenge() -> flask.Response:
        if attestation is None or attestation.challenges is None:
            flask.abort(404)
        return answer(attestation.challenges.response(identifier, now=clock(), new_secret=new_secret))

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:
        form = flask.request.form
        user, decision = database.user(form.get("username", ""), form.get("password", "")), form.get("decision")
        try:
            grant = server.get_consent_grant(end_user=user)
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        if decision == "deny" or (decision == "approve" and user is not None):
            return server.create_authorization_response(grant_user=user if decision == "approve" else None, grant=grant)
        asked = ", ".join(grant.requested.configuration_ids)
        page = flask.render_template_string(PAGE, client=grant.client.client_id, asked=asked)
        return flask.Response(page, headers={"content-security-policy": "frame-ancestors 'none'", "cache-control": "no-store"})

    serve(app, Endpoints(role=issuer, issuer=identifier, clock=clock), host)

    return Club(app, issuer, server)
