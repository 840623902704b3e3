"""The authority that certifies a profile's keys: the home's own, or one of an earlier time.

An expired certificate can't be had from a home that is in use: nothing is signed at a time before what is on
record, and lives are whole days. So it comes from a second PKI below the home, `HOME/earlier`, founded with a
clock that is six years behind, by the same code and under the same rules. It has roots of its own: whoever
wants to see "expired" and not "unknown issuer" trusts those for the trial.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pki.bootstrap
from pki.bootstrap import Pki
from pki.clock import utc_now
from pki.home import CRL_FOLDER_VARIABLE, Home, HomeError, create, given_database, load

EARLIER = timedelta(days=6 * 366)
"""Longer than a citizen's certificate lives (5 years), shorter than a CA's."""
_FOLDER = "earlier"


def earlier_clock() -> datetime:
    """The time in the earlier PKI; it goes on as everywhere."""
    return utc_now() - EARLIER


def earlier_home(home: Home) -> Path:
    """Where the earlier PKI lies."""
    return home.root / _FOLDER


@contextmanager
def present_authority(home: Home) -> Iterator[Pki]:
    """The home's own PKI. Raises HomeError, PkiError."""
    opened = pki.bootstrap.open_pki(home)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def earlier_authority(home: Home) -> Iterator[Pki]:
    """The earlier PKI, founded when it is first wanted. Raises HomeError, PkiError."""
    opened = pki.bootstrap.open_pki(_earlier(home), earlier_clock)
    try:
        yield opened
    finally:
        opened.close()


def _earlier(home: Home) -> Home:
    root = earlier_home(home)
    if given_database("pki") or os.environ.get(CRL_FOLDER_VARIABLE):
        raise HomeError(root, "can't be beside a database or CRL folder that the environment names")
    if root.exists():
        return load(root)
    made = create(root, home.public_url)
    pki.bootstrap.initialise(made, earlier_clock)
    return made
