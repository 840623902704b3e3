"""Fields of a profile that can't stand together. Each check names the field to change."""

from pki import oids
from pki.errors import ProfileError
from pki.hierarchy import Role
from pki.profiles.shape import KeyUsageBit, Life, ProfileDefinition, SubjectForm

_CA_BITS = frozenset({KeyUsageBit.KEY_CERT_SIGN, KeyUsageBit.CRL_SIGN})
_SIGNING_BITS = frozenset({KeyUsageBit.DIGITAL_SIGNATURE, KeyUsageBit.NON_REPUDIATION})
_ANY_PURPOSE = "2.5.29.37.0"  # RFC 5280 §4.2.1.12
_DAYS_OF_YEAR = 366
MAX_NO_CHECK_DAYS = 31
_FIXED = (
    "issued_by",
    "subject",
    "self_signed",
    "qualified",
    "held_until_delivery",
    "no_check",
    "country_names",
    "link",
)


def check_combinations(file: str, definition: ProfileDefinition) -> None:
    """Raises ProfileError at the first field that contradicts another."""
    for check in (
        _check_ca,
        _check_end_entity,
        _check_pointers,
        _check_person,
        _check_delivery,
        _check_travel,
    ):
        check(_Complaint(file), definition)


def check_override(file: str, packaged: ProfileDefinition, definition: ProfileDefinition) -> None:
    """An installation may change lives, keys, policies and pointers, not what a profile is for."""
    for name in _FIXED:
        if getattr(packaged, name) != getattr(definition, name):
            raise ProfileError(file, name, "can't differ from the project's own profile")
    if (packaged.ca is None) != (definition.ca is None):
        raise ProfileError(file, "ca", "can't differ from the project's own profile")


class _Complaint:
    def __init__(self, file: str) -> None:
        self._file = file

    def unless(self, condition: bool, field: str, detail: str) -> None:
        if not condition:
            raise ProfileError(self._file, field, detail)


def _check_ca(complain: _Complaint, definition: ProfileDefinition) -> None:
    """RFC 5280 §4.2.1.3, §4.2.1.9: keyCertSign and cA go together."""
    is_ca = definition.ca is not None
    complain.unless(is_ca or not definition.key_usage & _CA_BITS, "key_usage", "only a CA signs certificates")
    complain.unless(is_ca or not definition.self_signed, "self_signed", "only a CA certifies itself")
    complain.unless(is_ca or not definition.link, "link", "only a CA is linked to its predecessor")
    complain.unless(
        not (definition.link and definition.self_signed), "link", "a link is signed by the old key"
    )
    if is_ca:
        complain.unless(
            definition.key_usage == _CA_BITS, "key_usage", "of a CA is keyCertSign and cRLSign alone"
        )
        complain.unless(not definition.key_purposes, "key_purposes", "a CA has none here")
        complain.unless(not definition.qualified, "qualified", "is for end entities")
    complain.unless(
        not definition.self_signed or len(definition.issued_by) == 1, "issued_by", "a root has one role"
    )


def _check_end_entity(complain: _Complaint, definition: ProfileDefinition) -> None:
    purposes = definition.key_purposes
    complain.unless(_ANY_PURPOSE not in purposes, "key_purposes", "anyExtendedKeyUsage undoes the others")
    complain.unless(
        bool(purposes) or not definition.key_purposes_critical,
        "key_purposes_critical",
        "there are no purposes",
    )
    if definition.ca is not None:
        return
    complain.unless(definition.key_usage <= _SIGNING_BITS, "key_usage", "keys certified here sign, no more")
    complain.unless(oids.ANY_POLICY not in definition.policies, "policies", "anyPolicy is for CAs")
    complain.unless(
        not purposes or KeyUsageBit.DIGITAL_SIGNATURE in definition.key_usage,
        "key_usage",
        "these purposes need digitalSignature (RFC 5280 §4.2.1.12)",
    )
    complain.unless(
        oids.OCSP_SIGNING not in purposes or definition.no_check,
        "key_purposes",
        "only a responder, which has no_check, answers for its CA (RFC 6960 §4.2.2.2)",
    )
    no_check = purposes == (oids.OCSP_SIGNING,) and _days(definition.life) <= MAX_NO_CHECK_DAYS
    complain.unless(
        no_check or not definition.no_check, "no_check", "is for OCSP responders of a month's life at most"
    )


def _check_pointers(complain: _Complaint, definition: ProfileDefinition) -> None:
    unrevocable = definition.self_signed or definition.no_check
    complain.unless(definition.crl_pointer or unrevocable, "crl_pointer", "it could not be revoked")
    complain.unless(
        not (definition.self_signed and (definition.issuer_pointer or definition.ocsp_pointer)),
        "issuer_pointer",
        "a root points to no issuer",
    )


def _check_person(complain: _Complaint, definition: ProfileDefinition) -> None:
    purposes = definition.key_purposes
    complain.unless(not definition.person or definition.ca is None, "subject", "no citizen is a CA")
    complain.unless(
        not definition.person or oids.SERVER_AUTH not in purposes, "key_purposes", "no citizen is a server"
    )
    complain.unless(not definition.person or bool(definition.policies), "policies", "must be there")
    if definition.qualified:
        complain.unless(definition.person, "qualified", "is for citizens")
        complain.unless(
            definition.key_usage == {KeyUsageBit.NON_REPUDIATION},
            "key_usage",
            "of a qualified signature is nonRepudiation alone (ETSI EN 319 412-2 §4.3.2, type A)",
        )


def _check_delivery(complain: _Complaint, definition: ProfileDefinition) -> None:
    """No certificate of a citizen's card is good before the card was delivered to its person."""
    complain.unless(
        definition.held_until_delivery == (definition.subject in (SubjectForm.PERSON, SubjectForm.CARD)),
        "held_until_delivery",
        "goes with citizens' and cards' certificates, and with no others",
    )


def _check_travel(complain: _Complaint, definition: ProfileDefinition) -> None:
    """ICAO Doc 9303-12 §7.1."""
    travel = Role.CSCA in definition.issued_by and not definition.no_check
    complain.unless(
        definition.country_names == travel, "country_names", "are for the country signing CA's certificates"
    )
    complain.unless(
        not definition.document_types or (travel and definition.ca is None),
        "document_types",
        "are for document signers",
    )
    use = definition.private_key_use
    complain.unless(
        use is None or _days(use) <= _days(definition.life), "private_key_use", "is longer than the life"
    )


def _days(life: Life) -> int:
    return life.years * _DAYS_OF_YEAR + life.days
