"""Who offers what, before anything is spent on it."""

from examples.wallet_cli.terminal import Person, plain
from oid4vci.wallet import Opened

__all__ = ("introduce",)


def introduce(opened: Opened, person: Person, *, signed: bool, encrypted: bool) -> None:
    """Tell it. `signed`, `encrypted`: whether the person asked for signed metadata, and for encryption wherever it can be had."""
    metadata, tell = opened.metadata, person.tell
    names = [display.name for display in metadata.display or () if display.name]
    tell(f"Issuer: {plain(metadata.credential_issuer)}" + (f", which calls itself {plain(names[0])}" if names else ""))
    for name, configuration in opened.configurations.items():
        shown = configuration.credential_metadata
        title = shown.display[0].name if shown is not None and shown.display else name
        tell(f"Offered: {plain(title)} ({plain(name)}, {plain(configuration.format)})")
    if signed:
        by_whom = "not signed" if opened.signed_metadata is None else "signed by a certificate that is trusted"
        tell(f"Its metadata are {by_whom}.")
    if encrypted and metadata.credential_request_encryption is None:
        tell("This issuer takes no encrypted requests.")
