"""A qualified signature certificate makes each of its statements once, not critical; no other makes any."""

from pki import der, oids
from pki.errors import LintError
from pki.lint.candidate import SharedExtensions, require
from pki.profiles.country import COUNTRY

RULE = "qc_statements"
CLAUSE = "RFC 3739 §3.2.6; ETSI EN 319 412-1 §5.1.1, EN 319 412-5 §4.2, §4.3, §5"
_IA5_STRING, _PRINTABLE_STRING = 0x16, 0x13
_SECURE = b"https://"
_BARE = (oids.QC_COMPLIANCE, oids.QC_SSCD)
_WANTED = (
    oids.QCS_PKIXQCSYNTAX_V2,
    oids.QC_COMPLIANCE,
    oids.QC_SSCD,
    oids.QC_PDS,
    oids.QC_TYPE,
    oids.QC_CC_LEGISLATION,
)


def check(shared: SharedExtensions) -> None:
    """semanticsId, QcCompliance, QcSSCD, QcPDS, QcType esign, QcCClegislation."""
    value = shared.value(oids.QC_STATEMENTS)
    if not shared.expected.definition.qualified:
        require(value is None, RULE, "are for qualified signatures")
        return
    if value is None:
        raise LintError(RULE, "are missing or critical")
    try:
        statements = _read(value)
        _check_contents(statements, shared.expected.addresses.disclosure().encode("ascii"))
    except ValueError as error:
        raise LintError(RULE, "can't be read") from error


def _read(value: bytes) -> dict[bytes, list[der.Element]]:
    """The statements' information by the DER of their identifiers."""
    found = [statement.children() for statement in der.parse(value, der.SEQUENCE).children()]
    order = [parts[0].raw for parts in found if parts]
    require(order == [der.object_identifier(oid) for oid in _WANTED], RULE, "are not those six, each once")
    return {parts[0].raw: parts[1:] for parts in found}


def _check_contents(statements: dict[bytes, list[der.Element]], disclosure: bytes) -> None:
    information = {oid: statements[der.object_identifier(oid)] for oid in _WANTED}
    require(not any(information[oid] for oid in _BARE), RULE, "hold more than they may")
    semantics = [item.raw for item in _inside(information[oids.QCS_PKIXQCSYNTAX_V2])]
    require(semantics == [der.object_identifier(oids.SEMANTICS_ID_NATURAL)], RULE, "lack the semantics")
    types = [item.raw for item in _inside(information[oids.QC_TYPE])]
    require(types == [der.object_identifier(oids.QCT_ESIGN)], RULE, "are for another type")
    countries = [(item.tag, item.content.decode()) for item in _inside(information[oids.QC_CC_LEGISLATION])]
    wanted = [(_PRINTABLE_STRING, code) for code in COUNTRY.legislation]
    require(countries == wanted, RULE, "are under another law")
    _check_disclosure(_inside(information[oids.QC_PDS]), disclosure)


def _check_disclosure(locations: list[der.Element], disclosure: bytes) -> None:
    """EN 319 412-5 §4.3.4: https, with the language of each statement."""
    found = [[(part.tag, part.content) for part in location.children()] for location in locations]
    language = COUNTRY.disclosure_language.encode("ascii")
    require(disclosure.startswith(_SECURE), RULE, "disclose without https")
    wanted = [[(_IA5_STRING, disclosure), (_PRINTABLE_STRING, language)]]
    require(found == wanted, RULE, "point to another disclosure statement")


def _inside(information: list[der.Element]) -> list[der.Element]:
    """The items of a statement's one SEQUENCE."""
    require(len(information) == 1 and information[0].tag == der.SEQUENCE, RULE, "hold something else")
    return information[0].children()
