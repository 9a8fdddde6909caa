"""What the wallets of the examples share: keys and who vouches for them, how credentials are ordered, kept and waited for."""
