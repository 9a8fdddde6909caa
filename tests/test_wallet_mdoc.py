"""The whole flow with mdocs: what the issuer's roles give for the keys of an order, a Wallet verifies, shows and keeps."""

from typing import Any

import pytest

from oid4vci.claims import ClaimsDescription
from oid4vci.drive import Draft, run
from oid4vci.errors import InvalidCredential, Untrusted
from oid4vci.issuer import CredentialOrder
from oid4vci.keys import LocalSigner, RemoteSigner
from oid4vci.metadata import CredentialMetadata
from oid4vci.records import Reply
from oid4vci.trust import Trust
from oid4vci.wallet import Issued, Offer, Session, Wallet, dump, load
from tests import mdocs
from tests.issuance import CLIENT, IDENTIFIER, NOW, Host, Issuance, issuance, issuer_metadata
from tests.mdocs import LICENCE, NAMESPACE

HOLDER_KEYS = [LocalSigner.generate(f"holder-{i}") for i in range(4)]
STATUS = "https://issuer.example/status-lists/1"
PORTRAIT = ClaimsDescription(path=(NAMESPACE, "portrait"), mandatory=True)


class LicenceHost(Host):
    """Issues everybody the same licence, with a status for each copy; the document signer's key is here."""

    def __init__(self) -> None:
        super().__init__()
        self.signer = mdocs.SIGNER

    def decide(self, order: Any, /) -> Draft | Reply:
        if not isinstance(order, CredentialOrder):
            return super().decide(order)
        copies = [{"status": {"status_list": {"idx": i, "uri": STATUS}}} for i in range(len(order.holder_keys))]
        return order.issue(LICENCE, copies=copies)


def issuing(**encoder: Any) -> Issuance:
    described = mdocs.configuration(scope="licence", credential_metadata=CredentialMetadata(claims=(PORTRAIT,)))
    metadata = issuer_metadata(credential_configurations_supported={"licence": described})
    return issuance(metadata=metadata, host=LicenceHost(), encoders={"licence": mdocs.encoder(**encoder)})


def session(issuer: Issuance, trust: Trust, claims: Any = None) -> Session:
    offer = issuer.issuer.offer(["licence"], pre_authorized_code=issuer.grant("licence").grant)
    opened = run(Offer(offer).open(Wallet(trust=trust, client_id=CLIENT)), issuer.send)
    return run(opened.redeem(claims=claims), issuer.send)


def received(issuer: Issuance, trust: Trust, claims: Any = None, keys: int = 3) -> Issued:
    order = run(session(issuer, trust, claims).order("licence"), issuer.send)
    result = run(order.prove(HOLDER_KEYS[:keys], now=NOW).submit(), issuer.send)
    assert isinstance(result, Issued)
    return result


TRUST = Trust.of(IDENTIFIER, anchors=mdocs.TRUST.anchors)


@pytest.mark.spec("VCI-A.2.4-01")
@pytest.mark.parametrize("remote", [False, True], ids=["a key in the process", "a key elsewhere"])
def test_a_wallet_gets_mdocs(remote: bool) -> None:
    signer = RemoteSigner("ds", "ES256", mdocs.SIGNER.public_jwk) if remote else mdocs.SIGNER
    result = received(issuing(signer=signer), TRUST)
    assert [each.claims for each in result.credentials] == [LICENCE] * 3
    assert [each.holder_key for each in result.credentials] == list(result.holder_keys)
    assert [dict(each.status or {})["status_list"]["idx"] for each in result.credentials] == [0, 1, 2]
    assert {each.issuer_certificate for each in result.credentials} == {mdocs.SIGNER_CERTIFICATE}
    assert result.missing_claims == ()
    shown = {claim.path: claim.values for claim in result.view().claims}
    assert shown[NAMESPACE, "portrait"] == (((NAMESPACE, "portrait"), LICENCE[NAMESPACE]["portrait"]),)
    # Dates and bytes are kept, since the credentials are.
    assert load(dump(result), result.session.wallet) == result


def test_a_wallet_asks_for_some_data_elements() -> None:
    wanted = ClaimsDescription(path=(NAMESPACE, "age_over_18"), mandatory=True)
    (credential,) = received(issuing(), TRUST, {"licence": [wanted]}, keys=1).credentials
    elements = credential.claims[NAMESPACE]
    assert elements["age_over_18"] is True
    # What makes a licence is there all the same, and nothing else.
    assert "birth_date" in elements
    assert credential.claims.keys() == {NAMESPACE}


def test_an_authority_that_is_not_trusted_signs_in_vain() -> None:
    with pytest.raises(Untrusted):
        received(issuing(), Trust.of(IDENTIFIER))
    other = mdocs.trust(mdocs.iaca(mdocs.name("other")))
    with pytest.raises(InvalidCredential, match="anchor"):
        received(issuing(), Trust.of(IDENTIFIER, anchors=other.anchors))
