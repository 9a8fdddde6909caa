"""The walk: what outside test suites look for, line by line, over HTTPS at the reference server and at the wallet server.

`python -m tests.conformance_walk` prints each line and whether it holds.
"""
