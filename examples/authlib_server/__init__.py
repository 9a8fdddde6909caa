"""An OAuth server made with Authlib and Flask, and a Credential Issuer beside it. See README.md."""
