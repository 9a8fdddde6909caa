"""What an issuer takes as proofs, and how keys are named in them (OID4VCI 12.2.4, F)."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from oid4vci.dids import DID_METHODS, DidUrl
from oid4vci.metadata import AlgorithmIdentifier, CredentialConfiguration, KeyAttestationsRequired
from oid4vci.proofs.attested_keys import AttestedKeys
from oid4vci.proofs.holder_key import HolderKey
from oid4vci.proofs.proof_type import ProofMaker

__all__ = ("ProofChoice", "proof_choices")

# "a JWK ... by the value `jwk`, ... a COSE Key object by the value `cose_key`": either way the key itself -- OID4VCI 12.2.4
_PLAIN = frozenset(("jwk", "cose_key"))


@frozen(kw_only=True)
class ProofChoice:
    """A proof type that the issuer takes and the Wallet makes.

    - `type`: its identifier.
    - `algorithms`: the issuer's `proof_signing_alg_values_supported`.
    - `key_algorithms`: the JWS algorithms of keys that can sign such a proof; None if no key signs it, so that any will do.
    - `dids_only`: whether such proofs name keys by DID URLs and by nothing else.
    - `key_attestations_required`: what a key attestation must say, None if the issuer requires none.
    - `binding_methods`: the issuer's `cryptographic_binding_methods_supported`. `plain_keys` and `did_methods` say what of them
      there is: whether Credentials are bound to keys as they are, and to which kinds of DIDs.
    """

    type: str
    algorithms: tuple[AlgorithmIdentifier, ...]
    key_algorithms: tuple[str, ...] | None
    dids_only: bool = False
    key_attestations_required: KeyAttestationsRequired | None = None
    binding_methods: tuple[str, ...] = ("jwk",)

    @property
    def key_attestation_needed(self) -> bool:
        """Whether there is no such proof without a key attestation, whatever the issuer requires of it."""
        return self.key_algorithms is None or self.key_attestations_required is not None

    @property
    def plain_keys(self) -> bool:
        """Whether keys can be named by themselves."""
        return not _PLAIN.isdisjoint(self.binding_methods)

    @property
    def did_methods(self) -> tuple[str, ...]:
        """The DID methods by which keys can be named, such as `did:key`."""
        return tuple(method for method in self.binding_methods if method.startswith("did:"))

    def named(self, key: HolderKey) -> HolderKey:
        """The key, by a name that the issuer can bind a Credential to. Raises `ValueError` if it has none.

        A key without a name of its own is named by itself where both sides do that, else by the first DID that can be made of it.
        """
        if self.key_algorithms is None:
            # The key attestation has the key itself, and no other name of it.
            return HolderKey(key.signer)
        if key.did_url is not None:
            if f"did:{DidUrl.parse(key.did_url).method}" in self.did_methods:
                return key
        elif self.plain_keys and not (self.dids_only and self.did_methods):
            return key
        elif not key.x5c:
            for did_url in self._did_urls(key):
                return evolve(key, did_url=did_url)
        raise ValueError(f"the issuer binds Credentials to {', '.join(self.binding_methods)} only, not to {_name_of(key)}")

    def _did_urls(self, key: HolderKey) -> Iterator[str]:
        for name in self.did_methods:
            method = DID_METHODS.get(name.removeprefix("did:"))
            if method is None:
                continue
            try:
                yield method.verification_method(method.did(key.public_key))
            except ValueError:
                continue

    def check(self, keys: Sequence[HolderKey], attested: AttestedKeys | None) -> None:
        """Raises `ValueError` for a key that cannot sign such a proof, and for a key attestation that is missing or too weak.

        Whether it goes with the proof is for the maker to say.
        """
        if self.key_algorithms is not None:
            for key in keys:
                if key.signer.algorithm not in self.key_algorithms:
                    raise ValueError(f"the issuer accepts {', '.join(self.key_algorithms)}, not {key.signer.algorithm}")
        if self.key_attestation_needed and attested is None:
            raise ValueError(f"the issuer demands a key attestation{self._wanted}")
        if self.key_algorithms is not None and not keys:
            raise ValueError("a key must sign")
        if attested is not None:
            for (name, wanted), given in zip(self._levels, (attested.key_storage, attested.user_authentication), strict=True):
                if wanted is not None and set(wanted).isdisjoint(given):
                    raise ValueError(f"the issuer demands a key attestation{self._wanted}: this one has another {name}")

    @property
    def _levels(self) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
        """The levels that the issuer accepts (OID4VCI 12.2.4), None where any will do."""
        required = self.key_attestations_required
        names = ("key_storage", "user_authentication")
        return tuple((name, None if required is None else getattr(required, name)) for name in names)

    @property
    def _wanted(self) -> str:
        said = [f"{name} {' or '.join(levels)}" for name, levels in self._levels if levels is not None]
        return f" with {', '.join(said)}" if said else ""


def _name_of(key: HolderKey) -> str:
    if key.did_url is not None:
        return f"did:{DidUrl.parse(key.did_url).method}"
    return "certified keys" if key.x5c else "plain keys"


def proof_choices(configuration: CredentialConfiguration, makers: Mapping[str, ProofMaker]) -> tuple[ProofChoice, ...]:
    """Of the proof types that the issuer takes, those that can be made, in the order of `makers`."""
    types = configuration.proof_types_supported or {}
    methods = configuration.cryptographic_binding_methods_supported
    choices = []
    for name in makers:
        if name not in types:
            continue
        try:
            maker = makers[name]
        except ImportError:
            # Others may do. Where they do not, `Order.prove` asks again, and says what is missing.
            continue
        supported = types[name].proof_signing_alg_values_supported
        key_algorithms = tuple(maker.key_algorithms(supported)) if maker.signs else None
        if key_algorithms == ():
            continue
        choices.append(
            ProofChoice(
                type=name,
                algorithms=supported,
                key_algorithms=key_algorithms,
                dids_only=maker.dids_only,
                key_attestations_required=types[name].key_attestations_required,
                # Published metadata have proof types alone, against OID4VCI 12.2.4: then keys are what they are.
                binding_methods=("jwk",) if methods is None else methods,
            )
        )
    return tuple(choices)
