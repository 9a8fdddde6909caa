"""A Credential Issuer alone, which trusts the JWTs of an authorization server that is somewhere else. See README.md."""
