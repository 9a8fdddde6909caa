"""The names that the specifications register, letter by letter (OID4VCI G, HAIP 5.3.2, A)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from oid4vci.formats.sd_jwt_vc import SD_JWT_VC
from oid4vci.keys import LocalSigner
from oid4vci.metadata import (
    AuthorizationServerMetadata,
    ClientMetadata,
    CredentialDisplay,
    credential_issuer_metadata_url,
)
from oid4vci.oauth.pre_authorized import GRANT_TYPE
from oid4vci.offers import (
    AuthorizationCodeGrant,
    CredentialOffer,
    Grants,
    PreAuthorizedCodeGrant,
    TxCode,
    read_offer_uri,
)
from tests.issuance import IDENTIFIER


@pytest.mark.spec("VCI-G-01")
def test_parameters_and_members() -> None:
    assert GRANT_TYPE == "urn:ietf:params:oauth:grant-type:pre-authorized_code"
    grants = Grants(
        authorization_code=AuthorizationCodeGrant(issuer_state="s"),
        pre_authorized_code=PreAuthorizedCodeGrant(pre_authorized_code="c", tx_code=TxCode()),
    )
    offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("a",), grants=grants).to_json()
    assert offer["grants"]["authorization_code"] == {"issuer_state": "s"}
    assert offer["grants"][GRANT_TYPE] == {"pre-authorized_code": "c", "tx_code": {}}
    server = AuthorizationServerMetadata(
        issuer=IDENTIFIER,
        token_endpoint=f"{IDENTIFIER}/token",
        grant_types_supported=(GRANT_TYPE,),
        pre_authorized_grant_anonymous_access_supported=True,
    )
    assert server.to_json()["pre-authorized_grant_anonymous_access_supported"] is True
    client = ClientMetadata.from_json({"credential_offer_endpoint": "https://wallet.example/offer"})
    assert client.credential_offer_endpoint == "https://wallet.example/offer"


@pytest.mark.spec("VCI-G-02")
def test_the_well_known_suffix() -> None:
    assert credential_issuer_metadata_url("https://a.example/b") == "https://a.example/.well-known/openid-credential-issuer/b"


@pytest.mark.spec("VCI-G-04", "HAIP-A-01")
@pytest.mark.parametrize("scheme", ["openid-credential-offer", "haip-vci"])
def test_the_schemes_of_offers(scheme: str) -> None:
    offer = CredentialOffer(credential_issuer=IDENTIFIER, credential_configuration_ids=("a",))
    assert offer.uri().startswith("openid-credential-offer://?credential_offer=")
    uri = offer.uri(f"{scheme}://")
    assert uri.startswith(f"{scheme}://?credential_offer=")
    assert read_offer_uri(uri) == offer


@pytest.mark.spec("HAIP-5.3.2-01")
def test_the_identifier_of_sd_jwt_vcs() -> None:
    assert SD_JWT_VC.identifier == "dc+sd-jwt"


@pytest.mark.spec("HAIP-4.1-09")
@pytest.mark.parametrize("uri", ["https://issuer.example/logo.svg", "data:image/png;base64,iVBORw0KGgo="])
def test_images_by_either_kind_of_uri(uri: str) -> None:
    shown = CredentialDisplay.from_json({"name": "Membership", "logo": {"uri": uri}})
    assert shown.logo is not None
    assert shown.logo.uri == uri


@pytest.mark.spec("HAIP-10.2-01")
def test_keys_of_a_size_that_no_longer_holds() -> None:
    with pytest.raises(ValueError, match="not supported"):
        LocalSigner("k", "PS256", rsa.generate_private_key(65537, 1024))  # noqa: S505
