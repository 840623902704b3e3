"""pkilint finds nothing of severity warning or above in any kind of CRL, empty or with every reason."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pkilint import loader, pkix
from pkilint.pkix import crl, extension, name
from pkilint.validation import ValidationFindingSeverity

from pki.hierarchy import partition_scope
from pki.status.state import FINAL_REASONS
from tests.unit.pki.status.crlreader import read_crl
from tests.unit.pki.status.lab import NAME, START, Lab, open_lab

PARTITION = partition_scope(NAME, 3)
KINDS = [NAME, f"{NAME}-delta", PARTITION, f"{PARTITION}-delta"]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path, shards=4) as opened:
        yield opened


def findings(der: bytes) -> list[str]:
    """pkilint counts severities downwards: 0 is fatal, 2 a warning."""
    validator = crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )
    document = loader.RFC5280CertificateListDocumentLoader().load_der_document(der, "sample")
    return [
        f"{description.finding} {description.message}"
        for result in validator.validate(document.root)
        for description in result.finding_descriptions
        if description.finding.severity <= ValidationFindingSeverity.WARNING
    ]


def change_everything(lab: Lab) -> None:
    """Every reason, with and without invalidity date, a hold, and a hold that was lifted."""
    serials = iter(lab.add(200))
    for reason in FINAL_REASONS:
        for invalidity in (None, START - timedelta(days=1)):
            lab.authority.revoke(next(serials), reason, "tester", "", invalidity)
    for index, serial in enumerate(serials):  # by turns, so that every partition has some of each
        lab.authority.suspend(serial, "tester", "")
        if index % 2:
            lab.authority.resume(serial, "tester", "")


@pytest.mark.parametrize("name", KINDS)
def test_pkilint_finds_nothing(lab: Lab, name: str) -> None:
    empty = lab.crls.current(name)
    assert empty.entries == 0
    assert findings(empty.read()) == []
    lab.clock.advance(minutes=5)
    change_everything(lab)
    filled = lab.crls.current(name).read()
    assert read_crl(filled).entries
    assert findings(filled) == []


@pytest.mark.parametrize("name", ["root-g1", "csca-g1"])
def test_pkilint_finds_nothing_in_the_roots(tmp_path: Path, name: str) -> None:
    with open_lab(tmp_path, name=name) as lab:
        assert findings(lab.crls.current(name).read()) == []
        change_everything(lab)
        assert findings(lab.crls.current(name).read()) == []


def test_pkilint_does_find_what_is_wrong(lab: Lab) -> None:
    """A critical CRLNumber, to know that the linter above can fail."""
    der = lab.crls.current(NAME).read()
    number = bytes.fromhex("0603551d14")
    assert number in der
    assert findings(der.replace(number, bytes.fromhex("0603551d1b"))) != []
