"""What is streamed is what others read: every key, number of entries, date, reason and extension."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from pki.authority.issuers import uncertified_ca
from pki.errors import UnknownCrlError
from pki.hierarchy import crl_scope
from pki.keys.files import FileSigner
from pki.profiles.names import encode_institution
from pki.profiles.tbs import Validity
from pki.status import RevocationReason
from pki.status.crl.entries import EntryRow, encode_entries, encode_entry
from pki.status.crl.extensions import Numbers, encode_extensions
from pki.status.crl.folder import CrlFolder
from pki.status.crl.scope import CrlScope, CrlTarget, parse_target
from pki.status.crl.writing import CrlHeader, Written, write_crl
from tests.unit.pki.status.crlreader import REMOVED, Entry, read_crl
from tests.unit.pki.status.lab import ADDRESSES

START = datetime(2026, 11, 24, 12, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
KEYS: dict[str, Key] = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
}
REASONS = [reason.value for reason in RevocationReason if reason is not RevocationReason.REMOVE_FROM_CRL]
SCOPE = CrlScope("citizen-auth-g1")


def build(
    folder: Path,
    blocks: Sequence[list[EntryRow]],
    key: Key = KEYS["P-256"],
    this_update: datetime = START,
) -> tuple[bytes, Written]:
    signer = FileSigner(key)
    validity = Validity(START, START + timedelta(days=9))
    issuer = uncertified_ca(SCOPE.issuer, signer, encode_institution("X"), validity)
    extensions = encode_extensions(SCOPE, Numbers(7), issuer.facts.key_identifier, ADDRESSES)
    header = CrlHeader(this_update, this_update + timedelta(days=1), extensions)
    with CrlFolder(folder).draft(SCOPE.name, 7) as draft:
        written = write_crl(draft, issuer, header, blocks)
        return draft.whole.read_bytes(), written


def row(number: int, since: datetime = START, reason: str | None = "superseded") -> EntryRow:
    return number.to_bytes(16, "big"), int(since.timestamp()), reason, None


@pytest.mark.parametrize("name", list(KEYS))
@pytest.mark.parametrize("count", [0, 1, 5000])
def test_others_read_what_is_streamed(tmp_path: Path, name: str, count: int) -> None:
    key = KEYS[name]
    rows = [row(2**126 + n, START - timedelta(minutes=n), REASONS[n % len(REASONS)]) for n in range(count)]
    der, written = build(tmp_path, [rows[:2000], rows[2000:]], key)
    crl = read_crl(der)
    assert crl.parsed.is_signature_valid(key.public_key())
    assert [entry.serial_number for entry in crl.parsed] == [2**126 + n for n in range(count)]
    assert (written.entries, written.facts.size) == (count, len(der))
    assert (crl.number, crl.this_update, crl.next_update) == (7, START, START + timedelta(days=1))
    authority_key = crl.parsed.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority_key == x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    freshest = crl.parsed.extensions.get_extension_for_class(x509.FreshestCRL)
    assert not freshest.critical


@pytest.mark.parametrize("reason", [*REASONS, None])
@pytest.mark.parametrize("invalidity", [None, START - timedelta(days=3)])
def test_every_reason_is_spelt_as_the_standard_spells_it(
    tmp_path: Path, reason: str | None, invalidity: datetime | None
) -> None:
    seconds = None if invalidity is None else int(invalidity.timestamp())
    der, _ = build(tmp_path, [[(bytes(15) + b"\x05", int(START.timestamp()), reason, seconds)]])
    said = REMOVED if reason is None else None if reason == "unspecified" else reason
    assert read_crl(der).entries == {5: Entry(START, said, invalidity)}


BORDERS = [
    datetime(1950, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2000, 2, 29, 12, tzinfo=UTC),
    datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2050, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
]


@pytest.mark.parametrize("moment", BORDERS, ids=str)
def test_dates_turn_to_generalized_time_in_2050(tmp_path: Path, moment: datetime) -> None:
    der, _ = build(tmp_path, [[row(2**126, moment), row(2**126 + 1)]])
    assert read_crl(der).entries[2**126].since == moment
    tag = b"\x18\x0f" if moment.year >= 2050 else b"\x17\x0d"
    assert tag + moment.strftime("%Y%m%d%H%M%SZ")[0 if moment.year >= 2050 else 2 :].encode() in der


def test_a_crl_of_the_year_2050_has_generalized_times(tmp_path: Path) -> None:
    begin = datetime(2049, 12, 31, 23, 30, tzinfo=UTC)
    crl = read_crl(build(tmp_path, [], this_update=begin)[0])
    assert (crl.this_update, crl.next_update) == (begin, begin + timedelta(days=1))


MOMENTS = st.one_of(
    st.sampled_from(BORDERS),
    st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
        lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
    ),
)
SERIALS = st.one_of(
    st.integers(1, 2**127 - 1), st.sampled_from([1, 127, 128, 2**119, 2**120 - 1, 2**127 - 1])
)
INVALIDITY = st.one_of(st.none(), MOMENTS.map(lambda moment: int(moment.timestamp())))


@given(
    st.dictionaries(SERIALS, st.tuples(MOMENTS, st.sampled_from([*REASONS, None]), INVALIDITY), max_size=40)
)
def test_any_set_of_entries_comes_back(
    tmp_path_factory: pytest.TempPathFactory,
    entries: dict[int, tuple[datetime, str | None, int | None]],
) -> None:
    rows: list[EntryRow] = [
        (serial.to_bytes(16, "big"), int(since.timestamp()), reason, invalidity)
        for serial, (since, reason, invalidity) in entries.items()
    ]
    assert encode_entries(rows) == b"".join(map(encode_entry, rows))
    read = read_crl(build(tmp_path_factory.mktemp("crl"), [rows])[0]).entries
    for serial, (since, reason, invalidity) in entries.items():
        said = REMOVED if reason is None else None if reason == "unspecified" else reason
        when = None if invalidity is None else datetime.fromtimestamp(invalidity, UTC)
        assert read.pop(serial) == Entry(since, said, when)
    assert not read


def test_nothing_stays_in_the_making(tmp_path: Path) -> None:
    build(tmp_path, [[row(2**126)]])
    assert list((tmp_path / "incoming").iterdir()) == []


@pytest.mark.parametrize("delta", [False, True])
@pytest.mark.parametrize("shard", [None, 0, 7, 9999])
@pytest.mark.parametrize("issuer", ["root-g1", "citizen-auth-g12"])
def test_names_round_trip(issuer: str, shard: int | None, *, delta: bool) -> None:
    target = CrlTarget(CrlScope(issuer, shard), delta)
    assert parse_target(target.name) == target


def test_a_certificate_names_the_scope_that_covers_it() -> None:
    assert parse_target(crl_scope("card-g1", 16, 23)).scope == CrlScope("card-g1", 7)
    assert parse_target(crl_scope("card-g1", 1, 23)).scope == CrlScope("card-g1")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "root",
        "root-g1.crl",
        "../root-g1",
        "root-g1/../..",
        "root-g1-p7",
        "root-g1-p00007",
        "root-g1-delta-delta",
        "root-g1-delta-p0001",
        "ROOT-g1",
        "root-g1\n",
        "root-g١",
        "root-g1\x00",
        "a" * 100_000,
    ],
)
def test_other_names_are_no_crls(name: str) -> None:
    with pytest.raises(UnknownCrlError):
        parse_target(name)
