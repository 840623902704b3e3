"""Asking once, for a command: of whomever the certificate itself names, if that is a public address."""

import asyncio
from collections.abc import Iterable
from datetime import datetime

from pki.validation.certificate import Source as AnyCertificate
from verifier.authentication.status import StatusAnswer
from verifier.status.addresses import Network
from verifier.status.lookup import ForeignStatus
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import ANY_ISSUER, Source, Sources

_LABEL = "once"
_PATIENCE_SECONDS = 10.0
"""Who waits at a terminal has more of it than a login."""


def ask_once(
    issuer: AnyCertificate,
    certificate: AnyCertificate,
    at: datetime,
    mode: Mode,
    networks: Iterable[Network] = (),
) -> StatusAnswer:
    """The status of a certificate whose issuer was found by the path. Blocks; not for an event loop.

    :param networks: that may be asked though they aren't public
    Raises StatusUnavailableError; what the answer says is for `check_status` to raise.
    """
    settings = SourceSettings(_LABEL, mode, hosts=None, budget=_PATIENCE_SECONDS, networks=tuple(networks))
    lookup = ForeignStatus(Sources({ANY_ISSUER: Source(settings)}))
    try:
        return asyncio.run(lookup.ask(issuer, certificate, at))
    finally:
        lookup.close()
