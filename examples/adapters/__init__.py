"""Adapters for web frameworks: Flask, Django, Starlette and FastAPI, aiohttp. See README.md."""
