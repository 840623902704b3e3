"""How the status of one issuer's certificates is asked: a table of `HOME/verifier.toml`, read strictly."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, unique
from typing import TypeAlias, TypeVar

from verifier.authentication.statuserrors import StatusSourceUnknownError
from verifier.status.addresses import Network, network
from verifier.status.places import Place, is_host, read_place

T = TypeVar("T")
TomlValue: TypeAlias = object

_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MEGABYTE = 1 << 20
_NO_HOSTS: frozenset[str] = frozenset()
_HOUR = 3600.0
_DAY = 24 * _HOUR


@unique
class Mode(Enum):
    """Where a status comes from."""

    OCSP = "ocsp"
    CRL = "crl"
    OCSP_THEN_CRL = "ocsp-then-crl"
    """CRLs where OCSP gives no status: who can keep OCSP away makes revocations as late as CRLs are."""


class SettingError(ValueError):
    """A setting is missing, unknown or out of bounds; `field` is its name."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


@dataclass(frozen=True)
class SourceSettings:
    """For the certificates of one issuer. Times are in seconds."""

    label: str
    """What metrics and logs call it."""
    mode: Mode
    hosts: frozenset[str] | None = frozenset()
    """Hosts that may be asked: `name` or `name:port`. None, which no file can say: any."""
    responder: Place | None = None
    """OCSP, instead of what the certificate's authorityInfoAccess names."""
    responder_certificates: tuple[str, ...] = ()
    """Files of the certificates that alone may sign answers (RFC 6960 §4.2.2.2 (1)).

    None: the CA's own, and those of its delegates.
    """
    crl: Place | None = None
    """Instead of what the certificate's cRLDistributionPoints names."""
    nonce: bool = True
    """A nonce is sent and must come back (RFC 9654). False: answers may be replayed while they are young."""
    nocheck: bool = True
    """A delegate's certificate must say that its status needn't be asked. False: its short life is enough."""
    max_age: float = 120.0
    """How old an OCSP answer's thisUpdate may be."""
    skew: float = 900.0
    """How far the source's clock may be ahead of ours, and nextUpdate behind."""
    budget: float = 3.0
    """How long a login waits for OCSP, or for a CRL that isn't there yet."""
    crl_budget: float = 60.0
    """How long fetching a CRL may take, whoever waits."""
    crl_refresh: float = _HOUR
    """After which a CRL is fetched again, though its nextUpdate be later."""
    crl_bytes: int = 32 * _MEGABYTE
    """How long a CRL may be."""
    places: int = 16
    """How many logins may ask at the same time."""
    failures: int = 5
    """In a row, after which nobody asks for a while."""
    pause: float = 30.0
    """For how long."""
    networks: tuple[Network, ...] = ()
    """Networks within which a source may lie though they aren't public."""


def read_settings(label: str, table: Mapping[str, TomlValue]) -> SourceSettings:
    """One table; `label` where it gives none. Raises SettingError."""
    reader = _Reader(dict(table))
    found = SourceSettings(
        label=reader.take("label", _label, label),
        mode=reader.need("mode", _mode),
        hosts=reader.take("hosts", _hosts, _NO_HOSTS),
        responder=reader.take("responder", _place, None),
        responder_certificates=reader.take("responder_certificates", _texts, ()),
        crl=reader.take("crl", _place, None),
        nonce=reader.take("nonce", _flag, default=True),
        nocheck=reader.take("nocheck", _flag, default=True),
        max_age=reader.take("max_age_seconds", _between(1, 7 * _DAY), 120.0),
        skew=reader.take("skew_seconds", _between(0, 900), 900.0),
        budget=reader.take("budget_seconds", _between(0.1, 30), 3.0),
        crl_budget=reader.take("crl_budget_seconds", _between(1, 600), 60.0),
        crl_refresh=reader.take("crl_refresh_seconds", _between(60, 7 * _DAY), _HOUR),
        crl_bytes=int(reader.take("crl_megabytes", _between(1, 256), 32.0) * _MEGABYTE),
        places=int(reader.take("concurrent", _between(1, 1000), 16.0)),
        failures=int(reader.take("failures", _between(1, 1000), 5.0)),
        pause=reader.take("pause_seconds", _between(1, _HOUR), 30.0),
        networks=reader.take("networks", _networks, ()),
    )
    reader.finish()
    return _consistent(found)


def _consistent(settings: SourceSettings) -> SourceSettings:
    """Somebody can be asked at all, and what stands there is used."""
    named = {place.authority for place in (settings.responder, settings.crl) if place is not None}
    hosts = (settings.hosts or frozenset()) | named
    if not hosts:
        raise SettingError("hosts", "one host at least must be allowed, or responder or crl given")
    if settings.mode is Mode.CRL and settings.responder is not None:
        raise SettingError("responder", "is not asked in mode crl")
    if settings.mode is Mode.OCSP and settings.crl is not None:
        raise SettingError("crl", "is not asked in mode ocsp")
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return SourceSettings(**{**values, "hosts": hosts})


class _Reader:
    """Takes what is known out of a table; what is left over is a mistake."""

    def __init__(self, table: dict[str, TomlValue]) -> None:
        self._table = table

    def take(self, field: str, read: Callable[[TomlValue], T], default: T) -> T:
        return self._read(field, read, self._table.pop(field)) if field in self._table else default

    def need(self, field: str, read: Callable[[TomlValue], T]) -> T:
        if field not in self._table:
            raise SettingError(field, "is missing")
        return self._read(field, read, self._table.pop(field))

    def finish(self) -> None:
        for field in self._table:
            raise SettingError(field, "is not known")

    @staticmethod
    def _read(field: str, read: Callable[[TomlValue], T], value: TomlValue) -> T:
        try:
            return read(value)
        except ValueError as error:
            raise SettingError(field, str(error)) from error


def _label(value: TomlValue) -> str:
    if not isinstance(value, str) or _LABEL.fullmatch(value) is None:
        raise ValueError("must be up to 32 small letters, digits and hyphens")
    return value


def _mode(value: TomlValue) -> Mode:
    try:
        return Mode(value)
    except ValueError as error:
        raise ValueError("must be one of " + ", ".join(mode.value for mode in Mode)) from error


def _flag(value: TomlValue) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - all that is wrong here is a ValueError
    return value


def _texts(value: TomlValue) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of texts")
    return tuple(value)


def _hosts(value: TomlValue) -> frozenset[str]:
    hosts = _texts(value)
    for host in hosts:
        if not is_host(host):
            raise ValueError(f"{host!a} is no host, as ocsp.example.org or ocsp.example.org:8080 is")
    return frozenset(hosts)


def _networks(value: TomlValue) -> tuple[Network, ...]:
    return tuple(network(item) for item in _texts(value))


def _place(value: TomlValue) -> Place:
    try:
        return read_place(value if isinstance(value, str) else "")
    except StatusSourceUnknownError as error:
        raise ValueError("must be an http or https address without user and fragment") from error


def _between(least: float, most: float) -> Callable[[TomlValue], float]:
    def read(value: TomlValue) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError(f"must be a number from {least:g} to {most:g}")
        return float(value)

    return read
