"""The check behind `bench mass-revoke` takes a batch on hold, and nothing that only looks like it."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from pki import home as homes
from pki.bootstrap import Pki, initialise, open_pki
from pki.hierarchy import Role, partition_scope
from pki.profiles import Profile
from pki.status import RevocationReason
from pki.store.models import CertificateRow
from simulators.load.certificates import populate
from simulators.load.masscheck import BatchError, check_batch

NAME = "citizen-auth-g1"
BATCH = "batch"
SHARDS = 3


class Batch:
    """Five certificates of one batch, none on hold yet, and one of another."""

    def __init__(self, pki: Pki) -> None:
        self.pki = pki
        issuer, began = pki.issuers.current(Role.CITIZEN_AUTHENTICATION), pki.clock() - timedelta(days=1)
        for provenance, count in ((BATCH, 5), ("other", 1)):
            populate(pki.engine, issuer, Profile.AUTHENTICATION, count, began, provenance)
        self.serials, self.others = self._serials(BATCH), self._serials("other")

    def _serials(self, provenance: str) -> list[int]:
        with Session(self.pki.engine) as session:
            query = select(CertificateRow.serial).where(CertificateRow.provenance == provenance)
            return list(session.scalars(query))

    def hold(self, *serials: int) -> None:
        for serial in serials:
            self.pki.authority.suspend(serial, "tester", "")

    def crls(self) -> list[bytes]:
        return [self.pki.crls.publish(partition_scope(NAME, shard)).read() for shard in range(SHARDS)]

    def check(self, crls: list[bytes], issuer: str = NAME) -> None:
        certificate = x509.load_der_x509_certificate(self.pki.certificates[issuer])
        check_batch(self.pki.engine, BATCH, crls, certificate)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = homes.create(tmp_path_factory.mktemp("batch") / "home", shards=SHARDS)
    initialise(home)
    return home.root


@pytest.fixture
def batch(template: Path, tmp_path: Path) -> Iterator[Batch]:
    shutil.copytree(template, tmp_path / "home")
    pki = open_pki(homes.load(tmp_path / "home"))
    yield Batch(pki)
    pki.close()


def test_a_batch_on_hold_passes(batch: Batch) -> None:
    batch.hold(*batch.serials)
    batch.check(batch.crls())


def test_a_missing_one_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials[1:])
    with pytest.raises(BatchError):
        batch.check(batch.crls())


def test_another_one_in_its_place_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials[1:], *batch.others)
    with pytest.raises(BatchError):
        batch.check(batch.crls())


def test_one_listed_twice_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials)
    crls = batch.crls()
    with pytest.raises(BatchError):
        batch.check([*crls, *crls])


def test_another_reason_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials)
    batch.pki.authority.revoke(batch.serials[0], RevocationReason.SUPERSEDED, "tester", "")
    with pytest.raises(BatchError):
        batch.check(batch.crls())


def test_another_signer_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials)
    with pytest.raises(BatchError):
        batch.check(batch.crls(), issuer="card-g1")


def test_a_changed_crl_is_noticed(batch: Batch) -> None:
    batch.hold(*batch.serials)
    crls = batch.crls()
    crls[0] = crls[0][:-1] + bytes((crls[0][-1] ^ 1,))
    with pytest.raises(BatchError):
        batch.check(crls)
