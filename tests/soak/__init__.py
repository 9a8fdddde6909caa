"""A soak: very many exchanges with one issuer side, faults at every commit, and a ledger that must agree all the time."""
