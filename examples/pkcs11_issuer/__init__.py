"""A Credential Issuer whose keys are in a PKCS#11 token. See README.md."""

try:
    import pkcs11  # noqa: F401
except ImportError:
    raise ImportError("python-pkcs11 is missing: pip install 'oid4vci[kms]'") from None
