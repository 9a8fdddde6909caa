"""What a Wallet must do whatever an issuer is like: rules that all its requests are held against."""

from oid4vci.testing.conduct.conduct import Conduct
from oid4vci.testing.conduct.every import CONDUCT

__all__ = ("CONDUCT", "Conduct")
