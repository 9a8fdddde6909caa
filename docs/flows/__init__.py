"""The flows of the protocol, run when the documentation is built, and drawn: `directive` is the Sphinx extension."""
