"""Short names of CAs and of their CRLs' partitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pki.errors import IssuerNameError
from pki.hierarchy import MAX_GENERATION, Role, crl_scope, issuer_name, parse_issuer_name, partition_scope


@given(role=st.sampled_from(Role), generation=st.integers(1, MAX_GENERATION))
def test_names_are_read_back(role: Role, generation: int) -> None:
    assert parse_issuer_name(issuer_name(role, generation)) == (role, generation)


@pytest.mark.parametrize("generation", [-1, 0, MAX_GENERATION + 1])
def test_generations_have_bounds(generation: int) -> None:
    with pytest.raises(IssuerNameError):
        issuer_name(Role.ROOT, generation)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "root",
        "root-g",
        "root-g0",
        "root-g01",
        "root-g1000",
        "root-g1\n",
        "root-g۱",
        "Root-g1",
        "x-g1",
        "citizen-g1",
        "root-g1-p0001",
        " root-g1",
        "root-g1.crl",
        "../root-g1",
        "root-g" + "1" * 100,
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(IssuerNameError) as caught:
        parse_issuer_name(name)
    assert caught.value.name == name


@given(serial=st.integers(1, 2**127), shards=st.integers(2, 10_000))
def test_a_serial_has_one_partition(serial: int, shards: int) -> None:
    assert crl_scope("card-g1", shards, serial) == partition_scope("card-g1", serial % shards)
    assert len(crl_scope("card-g1", shards, serial)) == len("card-g1-p0000")


def test_a_ca_without_partitions_has_one_crl() -> None:
    assert crl_scope("root-g1", 1, 2**126) == "root-g1"
