"""An issuer and authorization server over real HTTP, on Starlette and uvicorn. See README.md."""
