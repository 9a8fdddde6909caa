"""An OAuth server made with Django OAuth Toolkit, and a Credential Issuer beside it. See README.md."""
