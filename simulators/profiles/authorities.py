"""The authority that certifies a profile's keys: the home's own, or one of an earlier time.

An expired certificate can't be had from a home that is in use: nothing is signed at a time before what is on
record, and lives are whole days. So it comes from a second PKI below the home, `HOME/earlier`, founded with a
clock that is six years behind, by the same code and under the same rules. It has roots of its own: whoever
wants to see "expired" and not "unknown issuer" trusts those for the trial: `HOME/earlier/ca` holds them. They
are exported there at its founding, since a command in that home would bring the present time on its record.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pki.bootstrap
from pki.bootstrap import Pki
from pki.clock import Clock, utc_now
from pki.export import write_public_files
from pki.home import CRL_FOLDER_VARIABLE, Home, HomeError, create, given_database, load

EARLIER = timedelta(days=6 * 366)
"""Longer than a citizen's certificate lives (5 years), shorter than a CA's."""
_FOLDER = "earlier"
_PUBLIC_FILES = "ca"


def earlier_clock() -> datetime:
    """The time in the earlier PKI; it goes on as everywhere."""
    return utc_now() - EARLIER


def earlier_home(home: Home) -> Path:
    """Where the earlier PKI lies."""
    return home.root / _FOLDER


@contextmanager
def opened(home: Home, clock: Clock = utc_now) -> Iterator[Pki]:
    """A home's PKI, closed at the end. Raises HomeError, PkiError."""
    authority = pki.bootstrap.open_pki(home, clock)
    try:
        yield authority
    finally:
        authority.close()


@contextmanager
def earlier_authority(home: Home) -> Iterator[Pki]:
    """The earlier PKI, founded when it is first wanted. Raises HomeError, PkiError."""
    with opened(_earlier(home), earlier_clock) as authority:
        yield authority


def _earlier(home: Home) -> Home:
    root = earlier_home(home)
    if given_database("pki") or os.environ.get(CRL_FOLDER_VARIABLE):
        raise HomeError(root, "can't be beside a database or CRL folder that the environment names")
    if root.exists():
        return load(root)
    made = create(root, home.public_url)
    pki.bootstrap.initialise(made, earlier_clock)
    with opened(made, earlier_clock) as founded:
        write_public_files(founded, root / _PUBLIC_FILES)
    return made
