"""The parts of OAuth that OID4VCI adds to, each usable on its own by an existing server."""
