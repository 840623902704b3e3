"""Extensions of the certificates behind travel documents (ICAO Doc 9303-12 §7.1)."""

from collections.abc import Iterable
from datetime import datetime

from pki import der, oids
from pki.profiles.country import COUNTRY
from pki.profiles.facts import Validity, validity_from
from pki.profiles.names import encode_locality
from pki.profiles.shape import Life

DIRECTORY_NAME = 4  # GeneralName, RFC 5280 §4.2.1.6
URI = 6
_PRINTABLE_STRING = 0x13
_SET = 0x31
_DOCUMENT_TYPE_LIST_V0 = 0


def encode_country_names(contact: str) -> bytes:
    """Subject and issuer alternative names: a contact, and the country as the MRZ has it."""
    names = der.sequence(
        (
            der.context(URI, contact.encode("ascii"), constructed=False),
            der.context(DIRECTORY_NAME, encode_locality(COUNTRY.document_issuer)),
        )
    )
    return der.extension(oids.SUBJECT_ALT_NAME, names) + der.extension(oids.ISSUER_ALT_NAME, names)


def encode_document_types(codes: Iterable[str]) -> bytes:
    """DocumentTypeListSyntax: version, and a SET OF in DER's order (X.690 §11.6)."""
    types = sorted(der.encode(_PRINTABLE_STRING, code.encode("ascii")) for code in codes)
    value = der.sequence((der.integer(_DOCUMENT_TYPE_LIST_V0), der.encode(_SET, b"".join(types))))
    return der.extension(oids.ICAO_DOCUMENT_TYPE_LIST, value)


def encode_private_key_use(validity: Validity, use: Life) -> bytes:
    """PrivateKeyUsagePeriod from the certificate's first second on (RFC 3280 §4.2.1.4)."""
    period = validity_from(validity.not_before, use, validity)
    value = der.sequence(
        (
            der.context(0, _general(period.not_before), constructed=False),
            der.context(1, _general(period.not_after), constructed=False),
        )
    )
    return der.extension(oids.PRIVATE_KEY_USAGE_PERIOD, value)


def _general(moment: datetime) -> bytes:
    """The content of a GeneralizedTime, for an IMPLICIT tag."""
    return der.parse(der.generalized_time(moment), der.GENERALIZED_TIME).content


def encode_name_change() -> bytes:
    """NameChange ::= NULL: the new country signing CA has another name than the old."""
    return der.extension(oids.ICAO_NAME_CHANGE, der.encode(der.NULL, b""))
