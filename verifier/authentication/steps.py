"""The numbered steps of a login, in the order in which they are taken."""

from enum import IntEnum, unique


@unique
class Step(IntEnum):
    """What is checked, and when.

    The signature comes before the status: nobody is asked about a certificate whose key did not sign.
    """

    CHALLENGE = 0
    """The nonce was issued to this site, is young enough and was never used."""
    PARSE = 1
    """The token is JSON of the expected shape and size."""
    FORMAT = 2
    """The token names a format and a signature algorithm that are accepted here."""
    CERTIFICATE = 3
    """The certificate can be decoded, completely and without leftovers."""
    PURPOSE = 4
    """The certificate is for authentication, and for nothing that would let it be misused."""
    POLICY = 5
    """The certificate's policy and identity are those that the site's policy asks for."""
    TRUST = 6
    """The certificate is valid at the time, its key is strong, and a trusted authority stands above it."""
    SIGNATURE = 7
    """The card's key fits the algorithm, and signed this origin and this nonce."""
    STATUS = 8
    """The issuer neither suspended nor revoked the certificate."""
