"""Certificate authorities as the signing process holds them: name, key, own certificate, partitions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from cryptography import x509

from pki.errors import IssuerAlteredError, IssuerOfflineError, UnknownIssuerError
from pki.hierarchy import Role, parse_issuer_name
from pki.keys.algorithms import algorithm_for
from pki.keys.identifiers import key_identifier, spki_of
from pki.keys.signer import Signer, SignerPublicKey
from pki.profiles.tbs import IssuerFacts, Validity, read_tbs, tbs_of


@dataclass(frozen=True)
class IssuingCa:
    """One generation of a CA."""

    facts: IssuerFacts
    spki: bytes = field(repr=False)
    key: Signer | None = field(repr=False)
    """None while its key is off line."""
    certificate: bytes | None = field(repr=False, default=None)
    """DER; None before a root has certified itself."""

    @property
    def name(self) -> str:
        """Its short name, part of its addresses."""
        return self.facts.name

    @property
    def shards(self) -> int:
        """Partitions of its CRL; 1: none."""
        return self.facts.shards

    @property
    def role(self) -> Role:
        """What it is there for."""
        return parse_issuer_name(self.name)[0]

    @property
    def generation(self) -> int:
        """1 for the first."""
        return parse_issuer_name(self.name)[1]

    @cached_property
    def serial(self) -> int | None:
        """The serial of its certificate, if it has one."""
        return read_tbs(tbs_of(self.certificate)).serial if self.certificate else None

    @property
    def signer(self) -> Signer:
        """Its key. Raises IssuerOfflineError."""
        if self.key is None:
            raise IssuerOfflineError(self.name)
        return self.key


class Issuers:
    """The CAs of an installation, every generation: the roots first, then what stands below."""

    def __init__(
        self, authorities: Iterable[IssuingCa], refused: Mapping[str, IssuerAlteredError] | None = None
    ) -> None:
        """`refused`: why rows of other CAs are not used, by name."""
        order = {role: rank for rank, role in enumerate(Role)}
        known = sorted(authorities, key=lambda ca: (order[ca.role], ca.generation))
        self._by_name = {authority.name: authority for authority in known}
        self.refused: Mapping[str, IssuerAlteredError] = dict(refused or {})

    def __iter__(self) -> Iterator[IssuingCa]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> IssuingCa:
        """By short name. Raises UnknownIssuerError, or IssuerAlteredError for one that is not used."""
        if name in self.refused:
            raise self.refused[name]
        try:
            return self._by_name[name]
        except KeyError as error:
            raise UnknownIssuerError(name) from error

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def generations(self, role: Role) -> list[IssuingCa]:
        """A role's CAs, the newest first."""
        return sorted((ca for ca in self if ca.role is role), key=lambda ca: -ca.generation)

    def current(self, role: Role) -> IssuingCa:
        """The newest certified generation: the one that issues.

        Raises UnknownIssuerError, or IssuerAlteredError where none of those there are is used.
        """
        for authority in self.generations(role):
            if authority.certificate is not None:
                return authority
        for name, error in self.refused.items():
            if name.startswith(f"{role.value}-g"):
                raise error
        raise UnknownIssuerError(role.value)


def uncertified_ca(
    name: str, signer: Signer, subject: bytes, validity: Validity, shards: int = 1
) -> IssuingCa:
    """A CA that has no certificate yet: a root on the day of its ceremony. `subject` is a DER Name."""
    spki = spki_of(signer.public_key)
    algorithm = algorithm_for(signer.public_key).identifier
    facts = IssuerFacts(name, subject, key_identifier(spki), validity, algorithm, shards)
    return IssuingCa(facts, spki, signer)


def certified_ca(name: str, signer: Signer | None, certificate: bytes, shards: int = 1) -> IssuingCa:
    """A CA by its DER certificate, whose key must be the signer's. Raises ValueError.

    Without a signer (its key is off line) it issues nothing.
    """
    fields = read_tbs(tbs_of(certificate))
    parsed = x509.load_der_x509_certificate(certificate)
    if signer is not None and fields.spki != spki_of(signer.public_key):
        raise ValueError(f"the key of CA {name} is not the one in its certificate")
    facts = IssuerFacts(
        name=name,
        subject=fields.subject,
        key_identifier=key_identifier(fields.spki),
        validity=Validity(parsed.not_valid_before_utc, parsed.not_valid_after_utc),
        signature_algorithm=_own_algorithm(parsed),
        shards=shards,
    )
    return IssuingCa(facts, fields.spki, signer, certificate)


def _own_algorithm(certificate: x509.Certificate) -> bytes:
    """What the CA signs with: decided by its own key, not by its issuer's."""
    key = certificate.public_key()
    if not isinstance(key, SignerPublicKey):
        raise ValueError("a CA's key is EC or RSA")  # noqa: TRY004 - a certificate's fault, not a caller's
    return algorithm_for(key).identifier
