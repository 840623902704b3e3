"""Opens a home's services together, and creates them together."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import issuance.bootstrap
import pki.bootstrap
import verifier.bootstrap
from issuance.bootstrap import Issuance
from issuance.offices.models import FIRST_OFFICE
from issuance.production.connection import PcscReaders
from issuance.production.journal import LEASE
from issuance.registry.httpregister import URL_VARIABLE, configured_register
from issuance.verifiersite import CITIZENS_SITE, OPERATORS_SITE, write_site
from pki.bootstrap import Pki
from pki.clock import Clock, utc_now
from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL, Home, HomeInUseError, create, load
from simulators.population.people import People
from simulators.population.register import SyntheticCivilRegister
from verifier.bootstrap import Verifier
from verifier.services.errors import SiteNameTakenError

_LOG = logging.getLogger(__name__)

REGISTRY_SITE = "registry"
CITIZENS_REGISTRY_SITE = "registry-citizens"
"""The registry, as two of the verifier's sites: one for operators' cards, one for national cards."""
_REGISTRYS_SITES = (
    (REGISTRY_SITE, verifier.bootstrap.OPERATOR_POLICY.name, OPERATORS_SITE),
    (CITIZENS_REGISTRY_SITE, verifier.bootstrap.NATIONAL_POLICY.name, CITIZENS_SITE),
)
IN_SERVICE = "in-service"
"""A file of the home, there once it was opened with a real civil register."""
REGISTER_SEED = 1
"""The people behind an embedded installation's civil register."""


@dataclass(frozen=True)
class Installation:
    """The open services of one home."""

    home: Home
    people: People
    pki: Pki
    verifier: Verifier
    issuance: Issuance
    register: str
    """Whose people are enrolled, and what follows for the home: a line for whoever starts it."""


def initialise(
    root: Path,
    public_url: str = DEFAULT_PUBLIC_URL,
    clock: Clock = utc_now,
    *,
    key_location: str = DEFAULT_KEY_LOCATION,
    shards: int = 1,
) -> Home:
    """Creates a home and everything in it; raises HomeInUseError where the folder is not empty.

    Raises KeyStoreError, ProfileError for settings that can't be, before anything is made.
    """
    pki.bootstrap.check_settings(root, key_location, shards)
    home = create(root, public_url, key_location, shards)
    pki.bootstrap.initialise(home, clock)
    _initialise_services(home, clock)
    return home


def initialise_after_ceremony(root: Path, clock: Clock = utc_now) -> Home:
    """What a home lacks whose PKI officers founded. Raises HomeInUseError where nothing is lacking."""
    home = load(root)
    if (home.secrets / issuance.bootstrap.PASSWORDS_FILE).exists():
        raise HomeInUseError(root, "has its registry and verifier already")
    pki.bootstrap.open_pki(home, clock).close()
    _initialise_services(home, clock)
    return home


def _initialise_services(home: Home, clock: Clock) -> None:
    issuance.bootstrap.initialise(home, clock)
    verifier.bootstrap.initialise(home, clock)
    connect_registry(home, clock)


def connect_registry(home: Home, clock: Clock = utc_now) -> None:
    """Makes the registry two sites of this home's verifier; where it is one already, it gets a new key."""
    # Browsers let only pages of https use a card; programs sign the origin that the challenge tells.
    origin = f"https://{urlsplit(home.public_url).netloc}"
    sites, database = verifier.bootstrap.open_registry(home, clock)
    try:
        for name, policy, file in _REGISTRYS_SITES:
            try:
                made = sites.register_site(name, origin, policy)
            except SiteNameTakenError:
                made = sites.renew_key(name, origin)
            write_site(home, f"{home.public_url}/verifier", made.api_key, file)
    finally:
        database.close()


@contextmanager
def open_installation(
    root: Path, clock: Clock = utc_now, lease: timedelta = LEASE, office: str = FIRST_OFFICE
) -> Iterator[Installation]:
    """Opens all services of an initialised home and closes them at the end.

    `lease`, `office`: as for the registry, which raises NotFoundError where no office has this code.
    """
    home = load(root)
    people = People(REGISTER_SEED)
    with ExitStack() as stack:
        authority = pki.bootstrap.open_pki(home, clock)
        stack.callback(authority.close)
        checker = verifier.bootstrap.open_verifier(home, authority, clock)
        stack.callback(checker.close)
        register = configured_register()
        if register is not None:
            stack.callback(register.close)
        trial = _is_on_trial(home, real_register=register is not None)
        registry = issuance.bootstrap.open_issuance(
            home,
            authority,
            register or SyntheticCivilRegister(people),
            PcscReaders(),
            clock,
            lease=lease,
            trial=trial,
            office=office,
        )
        stack.callback(registry.close)
        told = _register_line(home, real_register=register is not None, trial=trial)
        yield Installation(home, people, authority, checker, registry, told)


def _is_on_trial(home: Home, *, real_register: bool) -> bool:
    """Whether all its people are made up: no real civil register is configured, and none ever was.

    The mark stays: a home that has seen real people doesn't go back to passwords alone for a lost setting.
    """
    mark = home.root / IN_SERVICE
    if real_register and not mark.exists():
        mark.touch(mode=0o600)
        _LOG.warning("%s is in service from now on: a civil register is configured for it", home.root)
    return not real_register and not mark.exists()


def _register_line(home: Home, *, real_register: bool, trial: bool) -> str:
    # Not the URL: it may hold what opens the register.
    whose = f"the one that {URL_VARIABLE} names" if real_register else "the synthetic people"
    if trial:
        return f"civil register: {whose}; a home on trial, where a password alone opens an account"
    mark = home.root / IN_SERVICE
    return f"civil register: {whose}; a home in service for good ({mark}): no password alone opens an account"


def is_initialised(root: Path) -> bool:
    """Whether `root` is a home (its settings file is written first and never removed)."""
    return (root / "hoviat.toml").is_file()
