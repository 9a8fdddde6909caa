"""What the person is asked in the middle of an issuance."""

from examples.wallet_cli.terminal import Person, plain
from oid4vci.wallet import Opened, ProofChoice

__all__ = ("agree_to_levels", "ask_for_tx_code")


def ask_for_tx_code(opened: Opened, person: Person) -> str | None:
    """The transaction code; None if the offer demands none, and without a terminal."""
    if opened.tx_code is None:
        return None
    hints, where = opened.tx_code, plain(opened.token_endpoint or "")
    if hints.description:
        person.tell(f"The issuer says of the code: {plain(hints.description)}")
    kind = "digits" if hints.input_mode == "numeric" else "characters"
    length = "" if hints.length is None else f"{hints.length} "
    # Where the code goes is for the person to see before it is entered (OID4VCI 13.6.2).
    return person.answer(f"Transaction code, {length}{kind}, to be sent to {where}")


def agree_to_levels(choice: ProofChoice, person: Person) -> None:
    """Ask before the wallet attests that its keys are of some level. Raises `ValueError` for a no."""
    required = choice.key_attestations_required
    if required is None:
        return
    said = {"keys": required.key_storage, "logins": required.user_authentication}
    levels = " and ".join(f"{what} of level {plain(values[0])}" for what, values in said.items() if values)
    if levels and not (person.yes or person.agrees(f"Attest to the issuer that the wallet has {levels}?")):
        raise ValueError("the issuer wants keys that are attested, and these are not")
