"""The cryptosuites (VC Data Integrity 3): how a document and the options of a proof become the bytes that are signed.

`eddsa-rdfc-2022` and `eddsa-jcs-2022` (VC-DI-EDDSA 3.2, 3.3), `ecdsa-rdfc-2019` and `ecdsa-jcs-2019` (VC-DI-ECDSA 3.2, 3.3).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import field, frozen

from oid4vci import _jose
from oid4vci._jose import PublicKey
from oid4vci._json import Malformed, dumps
from oid4vci.data_integrity.contexts import Contexts
from oid4vci.data_integrity.rdf_canonicalization import MAX_WORK, canonical_n_quads

__all__ = ("CRYPTOSUITES", "Cryptosuite")

_MAX_HASHES: Final = 500


@frozen
class _Curve:
    """What goes with the curve of a key: the hash of the right strength, and the JWS algorithm whose raw signatures are meant."""

    hash: str
    algorithm: str


_ED25519: Final = {"Ed25519": _Curve("sha256", "EdDSA")}
_NIST: Final = {"P-256": _Curve("sha256", "ES256"), "P-384": _Curve("sha384", "ES384")}


@frozen
class Cryptosuite:
    """A cryptosuite by its name. `linked_data`: whether documents are canonicalised as RDF (RDFC-1.0), else as JSON (JCS)."""

    name: str
    linked_data: bool
    curves: Mapping[str, _Curve] = field(repr=False)

    def canonical(
        self, document: Mapping[str, Any], contexts: Contexts, *, crv: str, lossless: bool = True, max_work: int = MAX_WORK
    ) -> bytes:
        """Transformation: the canonical form of a document.

        `lossless`: whether terms of linked data without a definition, or without values, are refused, or else left out.
        `max_work`: see `canonical_n_quads`. Raises `Malformed`, `ImportError` without the extra `ldp`.
        """
        if self.linked_data:
            from oid4vci.data_integrity import json_ld, rdf

            quads = rdf.to_quads(json_ld.expand(document, contexts, lossless=lossless), lossless=lossless)
            return canonical_n_quads(quads, algorithm=self._curve(crv).hash, max_work=max_work).encode()
        from oid4vci.data_integrity import jcs

        return jcs.canonical(document)

    def canonical_copies(
        self, document: Mapping[str, Any], contexts: Contexts, copies: Sequence[Mapping[str, str]], *, crv: str
    ) -> list[bytes]:
        """The canonical forms of copies of a document, of linked data, that differ in IRIs alone.

        `copies`: which IRIs are others in each. Expansion, by far the most work, is done once. Raises `Malformed`.
        """
        from oid4vci.data_integrity import json_ld, rdf

        quads = rdf.to_quads(json_ld.expand(document, contexts))
        canonical = []
        for copy in copies:
            terms = {rdf.iri(one): rdf.iri(other) for one, other in copy.items()}
            renamed = [(terms.get(s, s), terms.get(p, p), terms.get(o, o), terms.get(g, g)) for s, p, o, g in quads]
            canonical.append(canonical_n_quads(renamed, algorithm=self._curve(crv).hash).encode())
        return canonical

    def hashed(self, canonical: bytes, *, crv: str) -> bytes:
        """Hashing, of one half."""
        return hashlib.new(self._curve(crv).hash, canonical).digest()

    def hash_data(self, unsecured: Mapping[str, Any], options: Mapping[str, Any], contexts: Contexts, *, crv: str) -> bytes:
        """The bytes that are signed: the hash of the proof's options, then that of the document.

        `unsecured`: the document as the proof covers it. `options`: the proof without `proofValue`. Raises `Malformed`.
        """
        return self.hash_options(unsecured, options, contexts, crv=crv) + self.hashed(
            self.canonical(unsecured, contexts, crv=crv), crv=crv
        )

    def hash_options(self, unsecured: Mapping[str, Any], options: Mapping[str, Any], contexts: Contexts, *, crv: str) -> bytes:
        """The first half of `hash_data`, which documents with the same `@context` share."""
        configuration = dict(options)
        if self.linked_data and "@context" in unsecured:
            # "Set proofConfig.@context to unsecuredDocument.@context" -- VC-DI-ECDSA 3.2.5, VC-DI-EDDSA 3.2.5
            configuration["@context"] = unsecured["@context"]
        # The copies of a batch, and all that an issuer signs in a day, have the same options.
        key = hashlib.sha256(f"{self.name} {crv} {dumps(configuration)}".encode(errors="surrogatepass")).digest()
        digest = contexts.hashes.get(key)
        if digest is None:
            digest = self.hashed(self.canonical(configuration, contexts, crv=crv), crv=crv)
            if len(contexts.hashes) >= _MAX_HASHES:
                contexts.hashes.clear()
            contexts.hashes[key] = digest
        return digest

    def verify(self, key: PublicKey, data: bytes, signature: bytes) -> None:
        """Raises `Malformed` unless `signature` over `data` is that of `key`, and the key is of a kind that goes with the suite."""
        algorithm = _jose.ALGORITHMS[self._curve(key.crv).algorithm]
        if not key.signs:
            raise Malformed("does not go with the alg of the key", "proof.cryptosuite")
        if not algorithm.verifies(key.key, data, signature):
            raise Malformed("does not verify", "proof.proofValue")

    def _curve(self, crv: str) -> _Curve:
        if crv not in self.curves:
            raise Malformed("does not go with the key", "proof.cryptosuite")
        return self.curves[crv]


CRYPTOSUITES: Final[Mapping[str, Cryptosuite]] = {
    suite.name: suite
    for suite in (
        Cryptosuite("eddsa-rdfc-2022", True, _ED25519),
        Cryptosuite("ecdsa-rdfc-2019", True, _NIST),
        Cryptosuite("eddsa-jcs-2022", False, _ED25519),
        Cryptosuite("ecdsa-jcs-2019", False, _NIST),
    )
}
