"""Key proofs: validation for the issuer and making for the Wallet, each type in its own file."""
