"""What the claims of an SD-JWT VC mean, to issuers and to Wallets (draft-ietf-oauth-sd-jwt-vc, "JWT Claims Set")."""

from collections.abc import Mapping
from typing import Any, Final

from oid4vci._json import Malformed
from oid4vci.claims import ClaimsSemantics

__all__ = ("ALWAYS_DISCLOSED", "FORMAT", "NEVER_HIDDEN", "SEMANTICS", "check_other_types")

FORMAT: Final = "dc+sd-jwt"

# These, "including any of their sub-claims", must not be in disclosures ("Registered JWT Claims").
ALWAYS_DISCLOSED: Final = frozenset(("iss", "nbf", "exp", "cnf", "vct", "vct#integrity", "aka_vcts", "status"))
# What a Verifier needs to decide whether to believe a credential at all (RFC 9901 9.7).
NEVER_HIDDEN: Final = ALWAYS_DISCLOSED | {"aud"}
SEMANTICS: Final = ClaimsSemantics(always=frozenset((name,) for name in (*ALWAYS_DISCLOSED, "iat")))

MAX_TYPES = 100


def check_other_types(claims: Mapping[str, Any], vct: str) -> None:
    """Raise `Malformed` unless `aka_vcts`, if it is there, names further types besides `vct` ("Other Credential Types")."""
    if "aka_vcts" not in claims:
        return
    types = claims["aka_vcts"]
    if not isinstance(types, list | tuple) or not 1 <= len(types) <= MAX_TYPES:
        raise Malformed(f"must be an array of 1 to {MAX_TYPES} types", "aka_vcts")
    if not all(isinstance(each, str) and each for each in types):
        raise Malformed("must consist of strings that are not empty", "aka_vcts")
    if vct in types:
        raise Malformed("must not contain vct", "aka_vcts")
