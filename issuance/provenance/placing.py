"""Where a certificate stands at its authority, read out of the certificate: for cards of earlier days."""

from urllib.parse import urlsplit

from cryptography import x509

from pki.errors import IssuerNameError, StoredValueError
from pki.hierarchy import parse_issuer_name

_SUFFIX = ".crl"
_PARTITION = "-p"
_DIGITS = 4


def place_of(der: bytes) -> tuple[str, int]:
    """The CA's short name and the partition of its CRL, from the CRL's address (RFC 5280 4.2.1.13).

    Raises StoredValueError for a certificate that names no CRL of ours.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
        names = points[0].full_name or []
        scope = urlsplit(str(names[0].value)).path.rpartition("/")[2].removesuffix(_SUFFIX)
        issuer, partition, shard = scope.rpartition(_PARTITION)
        if not partition or len(shard) != _DIGITS or not shard.isdigit():
            issuer, shard = scope, "0"
        parse_issuer_name(issuer)
        return issuer, int(shard)
    except (ValueError, IndexError, x509.ExtensionNotFound, IssuerNameError) as error:
        raise StoredValueError("the place of a card's certificate at its authority") from error
