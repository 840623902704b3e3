"""Partitions: each certificate stands on exactly the CRL that its own distribution point names."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509

from pki import der
from pki.authority import CertificateRequest
from pki.errors import UnknownCrlError
from pki.hierarchy import partition_scope
from pki.profiles import Profile
from pki.status import RevocationReason
from tests.unit.pki.status.crlreader import read_crl
from tests.unit.pki.status.lab import ADDRESSES, NAME, Lab, open_lab

SHARDS = 16
Requests = Callable[..., CertificateRequest]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with open_lab(tmp_path, shards=SHARDS) as opened:
        yield opened


def distribution_points(certificate: bytes) -> x509.DistributionPoint:
    parsed = x509.load_der_x509_certificate(certificate)
    points = list(parsed.extensions.get_extension_for_class(x509.CRLDistributionPoints).value)
    assert len(points) == 1
    point: x509.DistributionPoint = points[0]
    return point


def test_each_certificate_is_on_the_crl_that_it_names(lab: Lab, citizen_request: Requests) -> None:
    issued = [lab.authority.issue(citizen_request(f"r-{number}")) for number in range(40)]
    for certificate in issued:
        lab.authority.revoke(certificate.serial, RevocationReason.SUPERSEDED, "tester", "")
    scopes = [partition_scope(NAME, shard) for shard in range(SHARDS)]
    crls = {scope: read_crl(lab.crls.current(scope).read()) for scope in scopes}
    for certificate in issued:
        address = distribution_points(certificate.der).full_name
        listed_on = [scope for scope, crl in crls.items() if certificate.serial in crl.entries]
        assert [[x509.UniformResourceIdentifier(ADDRESSES.crl(scope))] for scope in listed_on] == [address]
    everything = read_crl(lab.crls.current(NAME).read())
    assert sorted(everything.entries) == sorted(certificate.serial for certificate in issued)
    assert sum(len(crl.entries) for crl in crls.values()) == len(issued)


def raw_extension(extensions: x509.Extensions, oid: str) -> bytes:
    (found,) = [item for item in extensions if item.oid.dotted_string == oid]
    content: bytes = found.value.public_bytes()
    return content


def test_the_distribution_point_is_the_certificates_byte_for_byte(
    lab: Lab, citizen_request: Requests
) -> None:
    issued = lab.authority.issue(citizen_request(profile=Profile.AUTHENTICATION))
    certificate = x509.load_der_x509_certificate(issued.der)
    points = der.parse(raw_extension(certificate.extensions, "2.5.29.31"), der.SEQUENCE)
    named = points.children()[0].children()[0].raw  # [0] distributionPoint of the one DistributionPoint
    scope = partition_scope(NAME, issued.serial % SHARDS)
    for name in (scope, f"{scope}-delta"):
        crl = read_crl(lab.crls.current(name).read()).parsed
        point = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint)
        assert point.critical
        assert der.parse(raw_extension(crl.extensions, "2.5.29.28"), der.SEQUENCE).children()[0].raw == named
        assert not point.value.only_contains_ca_certs
        assert not point.value.only_contains_user_certs


def test_the_whole_list_has_no_distribution_point(lab: Lab) -> None:
    with pytest.raises(x509.ExtensionNotFound):
        read_crl(lab.crls.current(NAME).read()).parsed.extensions.get_extension_for_class(
            x509.IssuingDistributionPoint
        )


def test_a_change_in_one_partition_leaves_the_others_alone(lab: Lab) -> None:
    serials = lab.add(40)
    chosen = serials[0]
    before = {shard: lab.crls.current(partition_scope(NAME, shard)).number for shard in range(SHARDS)}
    lab.clock.advance(minutes=1)
    lab.authority.revoke(chosen, RevocationReason.SUPERSEDED, "tester", "")
    for shard in range(SHARDS):
        changed = lab.crls.current(partition_scope(NAME, shard)).number > before[shard]
        assert changed == (shard == chosen % SHARDS)


def test_a_partitions_delta_tells_its_own_changes(lab: Lab) -> None:
    serials = lab.add(40)
    scopes = [partition_scope(NAME, shard) for shard in range(SHARDS)]
    bases = {scope: lab.crls.current(scope).number for scope in scopes}
    lab.clock.advance(minutes=1)
    for serial in serials:
        lab.authority.suspend(serial, "tester", "")
    for shard, scope in enumerate(scopes):
        concerned = sorted(serial for serial in serials if serial % SHARDS == shard)
        delta = read_crl(lab.crls.current(f"{scope}-delta").read())
        assert delta.base == (bases[scope] if concerned else None)
        assert sorted(delta.entries) == concerned


def test_whoever_asks_for_deltas_makes_no_editions(lab: Lab) -> None:
    """Nothing has changed: a whole day of questions brings the schedule's full CRLs, and no more."""
    scope = partition_scope(NAME, 3)
    made = set()
    for _ in range(48):
        served = lab.crls.current(f"{scope}-delta")
        assert served.name == scope
        assert served.next_update > lab.clock()
        made.add(served.number)
        lab.clock.advance(minutes=30)
    assert len(made) == 2
    assert {path.name for path in lab.folder.iterdir()} == {scope, "incoming", "locks"}


def test_a_delta_that_told_a_change_serves_on_until_its_end(lab: Lab) -> None:
    serial = next(serial for serial in lab.add(200) if serial % SHARDS == 3)
    scope = partition_scope(NAME, 3)
    full = lab.crls.current(scope)
    lab.authority.suspend(serial, "tester", "")
    told = lab.crls.current(f"{scope}-delta")
    assert told.base == full.number
    lab.clock.advance(minutes=31)
    newer = lab.crls.current(f"{scope}-delta")  # the change is still news to the full one: renewed
    assert newer.number > told.number
    following = lab.crls.current(scope)
    assert serial in read_crl(following.read()).entries
    assert lab.crls.current(f"{scope}-delta") == following
    empty = lab.crls.publish(f"{scope}-delta")  # by an officer's command
    assert lab.crls.current(f"{scope}-delta") == empty
    lab.clock.advance(hours=1)
    assert lab.crls.current(f"{scope}-delta") == following


@pytest.mark.parametrize("name", [partition_scope(NAME, SHARDS), f"{NAME}-p9999-delta", "card-g1-p0001"])
def test_there_are_no_other_partitions(lab: Lab, name: str) -> None:
    with pytest.raises(UnknownCrlError):
        lab.crls.current(name)


def test_a_ca_without_partitions_has_none(tmp_path: Path) -> None:
    with open_lab(tmp_path) as lab, pytest.raises(UnknownCrlError):
        lab.crls.current(partition_scope(NAME, 0))


def test_what_is_due_includes_every_partition_but_not_their_deltas(lab: Lab) -> None:
    made = [crl.name for crl in lab.crls.publish_due()]
    expected = {NAME, f"{NAME}-delta", *(partition_scope(NAME, shard) for shard in range(SHARDS))}
    assert set(made) == expected
    assert len(made) == len(expected)
    assert lab.crls.publish_due() == []
