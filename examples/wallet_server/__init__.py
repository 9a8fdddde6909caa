"""A wallet as a small HTTPS service, which outside issuers and test suites drive."""
