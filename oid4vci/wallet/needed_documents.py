"""What a check cannot go on without is fetched, and the check made again (OID4VCI 13.5)."""

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from oid4vci._document import https_url
from oid4vci._json import Malformed
from oid4vci.errors import InvalidCredential, TryLater
from oid4vci.formats.credential_format import NeededDocument
from oid4vci.http import Response
from oid4vci.wallet.exchange import Exchange, get

__all__ = ("MAX_DOCUMENTS", "Documents", "with_documents")

T = TypeVar("T")
Documents: TypeAlias = Mapping[str, bytes]

# One issuer's keys and the type metadata of one Credential, which may extend others.
MAX_DOCUMENTS = 16


def with_documents(
    check: Callable[[Documents], T | NeededDocument],
    documents: Documents,
    failure: Callable[[str], InvalidCredential] = InvalidCredential,
    *,
    left: int = MAX_DOCUMENTS,
) -> T | Exchange[T]:
    """What `check` makes of the documents, bodies by URL; an exchange, as long as it needs further ones.

    Documents were allowed by whoever needs them; `left` of them may be fetched. Raises what `failure` makes of a message for one
    that cannot be fetched, or one too many, `TryLater` with the `exchange` to go on with, and whatever `check` raises.
    """
    needed = check(documents)
    if not isinstance(needed, NeededDocument):
        return needed
    url = needed.url
    if url in documents or left < 1:
        raise failure("too many documents are needed to verify a credential")
    try:
        https_url().check(url)
    except Malformed as error:
        raise failure(str(error.within("the URL of a needed document"))) from None

    def read(response: Response) -> T | Exchange[T]:
        if response.status != 200 and not needed.optional:
            raise Malformed(f"a needed document was not delivered: status {response.status}")
        return with_documents(
            check, {**documents, url: response.body if response.status == 200 else b""}, failure, left=left - 1
        )

    def go_on(error: TryLater | Malformed) -> T | Exchange[T]:
        if needed.optional:
            return with_documents(check, {**documents, url: b""}, failure, left=left - 1)
        if isinstance(error, TryLater):
            # What is to be checked is here only: whoever takes the step again gets another one, or none.
            error.exchange = exchange
        raise error

    exchange = Exchange(get(url, accept=", ".join(needed.media_types) or "*/*"), read, failure, go_on)
    return exchange
