"""Credential Offers, as JSON or as the URI that carries one (OID4VCI 4.1)."""

from oid4vci._json import Malformed
from oid4vci.lint.reading import read_object
from oid4vci.lint.recognition import OFFER
from oid4vci.lint.report import Notebook, Report
from oid4vci.metadata.unreadable import OFFER_MEMBERS, unreadable
from oid4vci.offers import PRE_AUTHORIZED_CODE, CredentialOffer, OfferReference, carried_by_uri

__all__ = ("lint_offer",)

_RULE = "OID4VCI 4.1.1"
_BY_REFERENCE = "the offer itself is at the URL in credential_offer_uri, and was not fetched"


def lint_offer(text: str) -> Report:
    """What is wrong with an offer. One by reference is not fetched."""
    notebook = Notebook()
    json: str | bytes = text
    if not text.startswith("{"):
        try:
            carried = carried_by_uri(text)
        except Malformed as malformed:
            requirement = "VCI-4.1-06" if malformed.path else "VCI-4.1-03"
            notebook.error(malformed.path, malformed.reason, "OID4VCI 4.1", requirement)
            return Report(OFFER, tuple(notebook.findings))
        if isinstance(carried, OfferReference):
            return Report(OFFER, (), (_BY_REFERENCE,))
        json = carried
    value = read_object(json, notebook, "VCI-4.1-02")
    if value is not None:
        notebook.findings += (unreadable(each, OFFER_MEMBERS) for each in CredentialOffer.faults(value))
        if "credentials" in value:
            notebook.warning("credentials", "is of a draft: it is credential_configuration_ids now", _RULE, "VCI-3.3.4-01")
        grants = value.get("grants")
        grant = grants.get(PRE_AUTHORIZED_CODE) if isinstance(grants, dict) else None
        if isinstance(grant, dict) and "user_pin_required" in grant:
            path = f"grants.{PRE_AUTHORIZED_CODE}.user_pin_required"
            notebook.warning(path, "is of a draft: it is tx_code now", _RULE, "VCI-4.1.1-23")
    return Report(OFFER, tuple(notebook.findings))
