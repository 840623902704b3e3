"""Where a certificate says that its status can be asked."""

from collections.abc import Iterator

from pki import oids
from pki.der import DerError
from pki.validation import decoders
from pki.validation.certificate import Certificate
from pki.validation.generalnames import Form, GeneralName
from verifier.authentication.statuserrors import SourceFault, StatusSourceUnknownError
from verifier.status.places import Place, read_place, require_allowed

_AD_OCSP = "1.3.6.1.5.5.7.48.1"  # id-ad-ocsp, RFC 5280 §4.2.2.1
_MAX_NAMED = 8


def responder_of(certificate: Certificate, hosts: frozenset[str] | None) -> Place:
    """The first OCSP responder that it names and that may be asked. Raises StatusSourceUnknownError."""
    return _first_allowed(_responders(certificate), hosts)


def crl_of(certificate: Certificate, hosts: frozenset[str] | None) -> Place:
    """The first address of a CRL that it names and that may be asked. Raises StatusSourceUnknownError."""
    return _first_allowed(_crls(certificate), hosts)


def _first_allowed(names: Iterator[GeneralName], hosts: frozenset[str] | None) -> Place:
    refused = StatusSourceUnknownError(SourceFault.NOT_NAMED)
    try:
        for _, name in zip(range(_MAX_NAMED), names, strict=False):
            try:
                place = read_place(name.content.decode("ascii"))
                require_allowed(place, hosts)
            except StatusSourceUnknownError as error:
                refused = error
            else:
                return place
    except DerError as error:
        raise refused from error
    raise refused


def _responders(certificate: Certificate) -> Iterator[GeneralName]:
    found = certificate.extension(oids.AUTHORITY_INFO_ACCESS, decoders.authority_info_access) or ()
    return (name for method, name in found if method == _AD_OCSP and name.form is Form.URI)


def _crls(certificate: Certificate) -> Iterator[GeneralName]:
    """Of points of the issuer itself and for every reason: what else there is, one CRL can't answer."""
    points = certificate.extension(oids.CRL_DISTRIBUTION_POINTS, decoders.distribution_points) or ()
    for point in points:
        if point.name is None or point.crl_issuer or point.reasons != decoders.ALL_REASONS:
            continue
        yield from (name for name in point.name.full if name.form is Form.URI)
