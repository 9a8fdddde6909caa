"""A Sphinx extension: `{flow} NAME` runs a flow when the documentation is built, draws its messages, and lists them as text."""

from docs.flows.directive import setup

__all__ = ("setup",)
