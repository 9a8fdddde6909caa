"""The wallet of wallet.mjs, and what it must say of the demonstration credentials that it took."""

from typing import Any

from attrs import frozen

from examples.reference_server import demo
from tests.interop.node import Node
from tests.running_server import RunningServer

COPIES = 3
BOTH = ("identity_x5c", "membership_jwt_vc_issuer")
RESOLUTIONS = {"identity_x5c": "x5c", "membership_jwt_vc_issuer": "jwt-vc-issuer"}


@frozen
class TypescriptWallet:
    """The wallet, which trusts the TLS authority of one server."""

    node: Node
    server: RunningServer

    def take(self, offer: dict[str, Any], **arguments: Any) -> dict[str, Any]:
        """What it printed of an offer. What is None is not said to it."""
        given = {
            "offer_uri": offer["offer_uri"],
            "copies": COPIES,
            "anchors": self.server.demo_authority().decode(),
            **arguments,
        }
        said = {name: value for name, value in given.items() if value is not None}
        printed: dict[str, Any] = self.node.run("wallet.mjs", said, authority=self.server.authority)
        return printed

    def check(self, result: dict[str, Any], *configuration_ids: str, subject: str = "ada") -> None:
        """It has a batch of each configuration, which has verified."""
        assert "error" not in result, result
        assert result["version"] == "V1"
        assert [each["configuration"] for each in result["issued"]] == list(configuration_ids)
        for each in result["issued"]:
            configuration, credentials = each["configuration"], each["credentials"]
            dataset = demo.SUBJECTS[subject][configuration]
            assert len(credentials) == COPIES
            # One credential for each proof key, and no key twice.
            assert sorted(credential["holder"] for credential in credentials) == sorted(each["holders"])
            assert len(set(each["holders"])) == COPIES
            for credential in credentials:
                assert (credential["typ"], credential["resolution"]) == ("dc+sd-jwt", RESOLUTIONS[configuration])
                assert credential["claims"]["iss"] == self.server.issuer
                assert credential["claims"]["vct"] == demo.CONFIGURATIONS[configuration]["metadata"]["vct"]
                assert {name: credential["claims"].get(name) for name in dataset} == dataset
                assert sorted(credential["disclosed"]) == sorted(dataset)


def error(result: dict[str, Any]) -> tuple[str, str | None]:
    """At which step it failed, and the code that the server gave."""
    return result["error"]["step"], result["error"]["code"]
