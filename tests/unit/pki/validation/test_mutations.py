"""Bytes changed anywhere: a typed error or a verdict, and never anything else."""

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pki import der, oids
from pki.der import DerError
from pki.validation import Evidence, PathPolicy, PinnedIssuers, RevocationMode, validate
from pki.validation.certificate import read_certificate
from pki.validation.crl import read_crl
from pki.validation.decoders import Usage
from pki.validation.errors import PathError
from pki.validation.extensions import _READERS
from pki.validation.names import comparable
from pki.validation.ocsp import read_ocsp
from pki.validation.reading import moment
from pki.validation.signatures import AlgorithmError, scheme_of, verifying_key
from tests.unit.pki.validation.making import (
    NOW,
    Entry,
    alternative_names,
    authority_key,
    ca,
    certificate_issuer,
    certify,
    directory,
    distribution_point,
    distribution_points,
    dns,
    inhibit_any,
    issuing_point,
    key_usage,
    make_crl,
    mappings,
    name_constraints,
    named,
    party,
    policies,
    policy_constraints,
    purposes,
    subject_key,
    uri,
)
from tests.unit.pki.validation.test_ocsp_status import answer

ROOT, ISSUING, LEAF = party("root"), party("issuing"), party("leaf")
A, B = "1.3.6.1.4.1.1", "1.3.6.1.4.1.2"
RICH = (
    policies(A, B),
    distribution_points(
        distribution_point(uri("http://x"), reasons=[1, 2], crl_issuer=[directory(ROOT.name)])
    ),
    alternative_names(dns("a.b.ir"), uri("https://b.ir/")),
    authority_key(b"k" * 20),
    subject_key(b"s" * 20),
)
ANCHOR = certify(ROOT, ROOT, *ca())
CA = certify(
    ISSUING,
    ROOT,
    *ca(1),
    *RICH,
    mappings((A, B)),
    policy_constraints(explicit=1, mapping=1),
    inhibit_any(1),
    name_constraints([dns("b.ir")], [directory(named("x"))]),
)
END = certify(LEAF, ISSUING, key_usage(Usage.DIGITAL_SIGNATURE), purposes(oids.CLIENT_AUTH), *RICH)
CRL = make_crl(
    ISSUING,
    Entry(1, 1),
    Entry(2, extensions=(certificate_issuer(ROOT.name),)),
    number=7,
    base=5,
    extensions=[issuing_point(uri("http://x"), flags=[4], reasons=[1, 2]), authority_key(b"k")],
)
ANSWER = answer()
ALL = PathPolicy(
    "digital_signature", oids.CLIENT_AUTH, frozenset({A}), revocation=RevocationMode.EITHER, strict=True
)
PINNED = PinnedIssuers([CA], [ANCHOR])


@st.composite
def mutated(draw: st.DrawFn, original: bytes) -> bytes:
    """A few bytes changed, cut out, doubled or put in, most often where a tag or a length stands."""
    data = bytearray(original)
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        at = draw(st.integers(0, len(data) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                data[at] = draw(st.integers(0, 255))
            case 1:
                data[at] = draw(st.sampled_from([0x00, 0x01, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA0, 0xFF]))
            case 2:
                del data[at : at + draw(st.integers(1, 40))]
            case 3:
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case _:
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
    return bytes(data)


def judge(chain: list[bytes], anchor: bytes, crls: list[bytes], answers: list[bytes]) -> None:
    for policy in (ALL, PathPolicy()):
        with suppress(PathError):
            validate(chain, [anchor], NOW, policy, Evidence.of(crls, answers))


@given(mutated(END))
def test_mutated_leaves(raw: bytes) -> None:
    judge([raw, CA], ANCHOR, [CRL], [ANSWER])
    try:
        PINNED.validate(raw, NOW)
    except PathError:
        pass
    else:
        assert raw == END


@given(mutated(CA))
def test_mutated_cas(raw: bytes) -> None:
    judge([END, raw], ANCHOR, [CRL], [ANSWER])
    judge([END], raw, [CRL], [])


@given(mutated(CRL))
def test_mutated_crls(raw: bytes) -> None:
    judge([END, CA], ANCHOR, [raw, CRL], [])


@given(mutated(ANSWER))
def test_mutated_answers(raw: bytes) -> None:
    judge([END, CA], ANCHOR, [CRL], [raw])


@pytest.mark.parametrize("read", [read_certificate, read_crl, read_ocsp])
@given(raw=st.binary(max_size=200))
@example(raw=b"\x30\x84\xff\xff\xff\xff")
@example(raw=b"\x30\x80\x00\x00")
@example(raw=b"\x30" * 100)
@example(raw=b"\x30\x82\x00\x01\x00")
def test_any_bytes(read: Callable[[bytes], object], raw: bytes) -> None:
    with pytest.raises(PathError):
        read(raw)


@pytest.mark.parametrize(
    "read", [*_READERS.values(), comparable, scheme_of, verifying_key], ids=lambda read: read.__name__
)
@given(data=st.data())
def test_any_value_of_any_extension(read: Callable[[bytes], object], data: st.DataObject) -> None:
    values = [item.value for raw in (END, CA, ANCHOR) for item in read_certificate(raw).extensions.values()]
    original = data.draw(st.sampled_from([*values, ROOT.name, ROOT.spki]))
    for raw in (data.draw(mutated(original)), data.draw(st.binary(max_size=40))):
        try:
            read(raw)
        except (DerError, AlgorithmError):
            continue


@given(st.sampled_from([der.UTC_TIME, der.GENERALIZED_TIME, der.NULL]), st.binary(max_size=20))
@example(der.GENERALIZED_TIME, b"00000101000000Z")
@example(der.GENERALIZED_TIME, b"20261124120000.5Z")
@example(der.UTC_TIME, b"2611241200Z")
@example(der.UTC_TIME, b"261124120000+0000")
@example(der.UTC_TIME, b"261124120060Z")
@example(der.UTC_TIME, "۲۶۱۱۲۴".encode() + b"Z")
def test_any_time(tag: int, content: bytes) -> None:
    with pytest.raises(DerError):
        moment(tag, content)


@given(st.datetimes(timezones=st.just(NOW.tzinfo)).map(lambda time: time.replace(microsecond=0)))
def test_times_come_back(time: object) -> None:
    assert NOW.tzinfo is not None
    generalized = der.generalized_time(time)  # type: ignore[arg-type]
    element = der.parse(generalized, der.GENERALIZED_TIME)
    if len(element.content) == 15:  # strftime writes years before 1000 with fewer digits
        assert moment(element.tag, element.content) == time


@given(st.lists(st.tuples(st.integers(0, 0x1E), st.binary(max_size=300)), max_size=6))
def test_spans_and_elements_agree(values: list[tuple[int, bytes]]) -> None:
    data = b"".join(der.encode(tag, content) for tag, content in values)
    spans = der.spans(data, 0, len(data))
    assert [(tag, data[start:stop]) for tag, _, start, stop in spans] == values
    assert [data[offset:stop] for _, offset, _, stop in spans] == [item.raw for item in der.iterate(data)]


@given(mutated(END))
def test_spans_and_elements_refuse_alike(data: bytes) -> None:
    try:
        elements = [item.raw for item in der.iterate(data)]
    except DerError:
        with pytest.raises(DerError):
            der.spans(data, 0, len(data))
    else:
        assert [data[offset:stop] for _, offset, _, stop in der.spans(data, 0, len(data))] == elements
