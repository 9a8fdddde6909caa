"""The library's records in Django's database: read, and changed within a transaction that stores other things as well."""

from collections.abc import Sequence

from django.db import transaction

from examples.django_oauth_toolkit.models import LibraryRecord
from oid4vci.records import Change, Insert, Key, Record, Records

__all__ = ("Conflict", "apply", "commit", "load", "purge")


class Conflict(Exception):
    """What the answer stands on has changed since it was read. The transaction must be rolled back: run the request again."""


def load(keys: Sequence[Key]) -> Records:
    """The records of these keys that exist."""
    found = {}
    for key in keys:
        row = LibraryRecord.objects.filter(kind=key.kind, digest=key.digest).first()
        if row is not None:
            found[key] = Record(key, row.data, row.expires_at, row.version)
    return found


def apply(changes: Sequence[Change]) -> None:
    """Apply changes in a transaction that the caller has begun. Raises `Conflict`."""
    for change in changes:
        if not _apply(change):
            raise Conflict


def _apply(change: Change) -> bool:
    if isinstance(change, Insert):
        record = change.record
        values = {"version": record.version, "expires_at": record.expires_at, "data": dict(record.data)}
        _, created = LibraryRecord.objects.get_or_create(kind=record.key.kind, digest=record.key.digest, defaults=values)
        return bool(created)
    before, after = change.before, change.after
    rows = LibraryRecord.objects.filter(kind=before.key.kind, digest=before.key.digest, version=before.version)
    if after is None:
        return bool(rows.delete()[0] == 1)
    return bool(rows.update(version=after.version, expires_at=after.expires_at, data=dict(after.data)) == 1)


def commit(changes: Sequence[Change]) -> bool:
    """Store changes in a transaction of their own: all, or nothing and return False."""
    try:
        with transaction.atomic():
            apply(changes)
    except Conflict:
        return False
    return True


def purge(*, now: int) -> None:
    """Delete what has expired: to be called now and then, like the toolkit's `cleartokens`."""
    LibraryRecord.objects.filter(expires_at__lte=now).delete()
