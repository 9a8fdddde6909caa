"""Load: whole issuances at the reference server over TLS, from a process of their own, by as many wallets at once as wanted."""
