"""documentTypeList names the documents that a document signer may sign, not critical."""

from pki import der, oids
from pki.errors import LintError
from pki.lint.candidate import SharedExtensions, require

RULE = "document_types"
CLAUSE = "ICAO Doc 9303-12 §7.1.1.6"
_PRINTABLE_STRING, _SET = 0x13, 0x31


def check(shared: SharedExtensions) -> None:
    """Version 0 and the profile's codes, in DER's order of a SET OF."""
    wanted = shared.expected.definition.document_types
    value = shared.value(oids.ICAO_DOCUMENT_TYPE_LIST)
    if not wanted:
        require(value is None, RULE, "is for document signers")
        return
    if value is None:
        raise LintError(RULE, "is missing or critical")
    try:
        version, types = der.parse(value, der.SEQUENCE).children()
        codes = [(item.tag, item.content.decode("ascii")) for item in types.children()]
        right = version.integer() == 0 and types.tag == _SET
    except ValueError as error:
        raise LintError(RULE, "can't be read") from error
    listed = [(_PRINTABLE_STRING, code) for code in sorted(wanted, key=lambda code: (len(code), code))]
    require(right and codes == listed, RULE, "is not the profile's")
