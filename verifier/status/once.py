"""Asking once, for a command: of whomever the certificate itself names, if that is a public address."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from pki.validation import ValidatedPath
from verifier.authentication.status import StatusAnswer
from verifier.status.addresses import Network
from verifier.status.lookup import ForeignStatus
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import ANY_ISSUER, Source, Sources

_LABEL = "once"
_PATIENCE_SECONDS = 10.0
"""Who waits at a terminal has more of it than a login."""


def ask_once(
    path: ValidatedPath,
    at: datetime,
    mode: Mode,
    networks: Iterable[Network] = (),
) -> StatusAnswer:
    """The status of a path's leaf, and of the authorities above it. Blocks; not for an event loop.

    :param networks: that may be asked though they aren't public
    Raises AuthorityNotGoodError, StatusUnavailableError; what the leaf's answer says is for `check_status`.
    """
    settings = SourceSettings(_LABEL, mode, hosts=None, budget=_PATIENCE_SECONDS, networks=tuple(networks))
    lookup = ForeignStatus(Sources({ANY_ISSUER: Source(settings)}))
    try:
        return asyncio.run(lookup.ask_path(path, at))
    finally:
        lookup.close()
