"""SD-JWT VC, the format `dc+sd-jwt` (OID4VCI A.3, draft-ietf-oauth-sd-jwt-vc): encoder for issuers, verifier for Wallets.

What an SD-JWT is stands in `sd_jwt`, how one is made in `sd_jwt_template`, what a type says of its credentials in `type_metadata`.
"""

from typing import Final

from oid4vci.formats.credential_format import CredentialFormat
from oid4vci.formats.sd_jwt_vc_claims import FORMAT, SEMANTICS
from oid4vci.formats.sd_jwt_vc_encoder import EVERY_CLAIM, SdJwtVcEncoder
from oid4vci.formats.sd_jwt_vc_verifier import IF_PUBLISHED, REQUIRED, SdJwtVcVerifier
from oid4vci.metadata import SdJwtVcConfiguration

__all__ = ("EVERY_CLAIM", "FORMAT", "IF_PUBLISHED", "REQUIRED", "SD_JWT_VC", "SdJwtVcEncoder", "SdJwtVcVerifier")

SD_JWT_VC: Final = CredentialFormat(
    identifier=FORMAT,
    configuration_class=SdJwtVcConfiguration,
    encoder=SdJwtVcEncoder,
    verifier=SdJwtVcVerifier,
    semantics=SEMANTICS,
)
