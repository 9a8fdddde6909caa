"""A wallet at the command line, over httpx. See README.md."""
