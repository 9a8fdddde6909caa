"""The one place that draws randomness.

Every role takes `new_secret` as a field; this is its default. Tests pass their own.
"""

import secrets
from collections.abc import Callable
from typing import TypeAlias

__all__ = ("NewSecret", "new_secret")

NewSecret: TypeAlias = Callable[[int], bytes]
"""Gives that many unpredictable bytes."""


def new_secret(size: int) -> bytes:
    """`size` bytes from the operating system's generator."""
    return secrets.token_bytes(size)
