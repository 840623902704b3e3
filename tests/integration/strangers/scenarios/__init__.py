"""Scenarios by family of clients; importing this registers them all, in the order of the page."""

from tests.integration.strangers.scenarios import (  # noqa: F401 - imported for what they register
    cackey,
    gnutls,
    java,
    nss,
    opensc,
    openssh,
    openssl,
    yubico,
    yubikeymanager,
)
