"""Programs that use the library: a server, a wallet, stores. They are not part of the package."""
