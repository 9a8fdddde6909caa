"""A Sphinx extension: what is public is in the reference, or the build says what is missing, with signatures that can be read."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import oid4vci

__all__ = ("missing", "readable", "setup")


def missing(described: set[str]) -> list[str]:
    """The public names of which none of these full names is the description."""
    homes = {name: home for home, names in vars(oid4vci)["_HOMES"].items() for name in names.split()}
    return [name for name in oid4vci.__all__ if not {f"oid4vci.{name}", f"{homes[name]}.{name}"} & described]


def check(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of public names that no page describes."""
    for name in missing(set(env.domains["py"].data["objects"])):
        logging.getLogger(__name__).warning("the reference does not have oid4vci.%s", name, location="reference")


def tidy(app: Sphinx, doctree: nodes.document) -> None:
    """Every class is an object: take away the lines that say nothing else."""
    for paragraph in list(doctree.findall(nodes.paragraph)):
        if paragraph.astext() == "Bases: object":
            paragraph.parent.remove(paragraph)


# Defaults that are made for each object, and those that have no name in Python: what they are is in the words below.
_NAMELESS = re.compile(r" = (?:NOTHING|\{[^{}]*<[^{}]*\}|\w+\(\w+=<(?:[^()]|\(\))*\)|<[^<>]*(?:<[^<>]*>)?[^<>]*>)(?=[,)])")


def readable(signature: str) -> str:
    """A signature with `...` for each default that could not stand in a program."""
    return _NAMELESS.sub(" = ...", signature)


def sign(app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None) -> Any:
    """Make signatures readable, and warn of those that are not."""
    if signature is None:
        return None
    shown = readable(signature)
    if "<" in shown or "NOTHING" in shown:
        logging.getLogger(__name__).warning("the signature of %s has a default that nobody can read", name)
    return shown, returns


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("env-check-consistency", check)
    app.connect("doctree-read", tidy)
    app.connect("autodoc-process-signature", sign)
    return {"version": "1", "parallel_read_safe": True}
