"""EF.SOD: built as ICAO Doc 9303-10 has it, taken by openssl, refused when anything in it was changed."""

import shutil
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from pki import der, oids
from pki.bootstrap import Pki
from pki.cms.errors import (
    CmsAlgorithmError,
    CmsDigestError,
    CmsError,
    CmsSignatureError,
    CmsSignerError,
    DataGroupError,
    MalformedCmsError,
)
from pki.cms.securityobject import (
    EF_SOD,
    MAX_SOD_BYTES,
    authenticate,
    build_sod,
    encode_security_object,
    hash_groups,
    read_security_object,
)
from pki.cms.signeddata import sign_data
from pki.errors import ValidationError
from pki.hierarchy import Role
from pki.keys.files import FileSigner

OPENSSL = shutil.which("openssl") or "openssl"
GROUPS = {1: b"\x61\x5d" + bytes(93), 2: b"\x75\x03abc", 14: b"\x6e\x01\x00"}


@pytest.fixture
def cscas(pki: Pki) -> list[x509.Certificate]:
    return [
        x509.load_der_x509_certificate(ca.certificate)
        for ca in pki.issuers.generations(Role.CSCA)
        if ca.certificate
    ]


@pytest.fixture
def sod(pki: Pki) -> bytes:
    signer = pki.documents.current()
    return build_sod(hash_groups(GROUPS), signer.signer, signer.certificate)


def now(clock: Any) -> datetime:
    moment: datetime = clock()
    return moment


def test_a_document_is_authentic(sod: bytes, cscas: list[x509.Certificate], clock: Any) -> None:
    found = authenticate(sod, GROUPS, cscas, now(clock))
    assert found.security_object.hashes == hash_groups(GROUPS)
    assert found.security_object.lds_version == "0108"
    assert sod[0] == EF_SOD


def test_it_stays_authentic_long_after_the_key_is_no_longer_used(
    sod: bytes, cscas: list[x509.Certificate], clock: Any
) -> None:
    authenticate(sod, GROUPS, cscas, now(clock) + timedelta(days=365 * 10))
    with pytest.raises(ValidationError):
        authenticate(sod, GROUPS, cscas, now(clock) + timedelta(days=365 * 11))


def test_groups_that_were_not_read_are_not_asked_for(
    sod: bytes, cscas: list[x509.Certificate], clock: Any
) -> None:
    authenticate(sod, {1: GROUPS[1]}, cscas, now(clock))


def test_openssl_verifies_it(sod: bytes, cscas: list[x509.Certificate], tmp_path: Path) -> None:
    (tmp_path / "sod.der").write_bytes(der.parse(sod, EF_SOD).content)
    (tmp_path / "csca.pem").write_bytes(cscas[0].public_bytes(Encoding.PEM))
    at = str(int((cscas[0].not_valid_before_utc + timedelta(hours=1)).timestamp()))
    command = ["cms", "-verify", "-binary", "-inform", "DER", "-in", "sod.der", "-CAfile", "csca.pem"]
    result = subprocess.run(
        [OPENSSL, *command, "-purpose", "any", "-attime", at, "-out", "content.der"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    content = (tmp_path / "content.der").read_bytes()
    assert read_security_object(content).hashes == hash_groups(GROUPS)


@pytest.mark.parametrize(
    ("groups", "number"),
    [({1: b"other"}, 1), ({2: GROUPS[2] + b"\0"}, 2), ({3: b"new"}, 3), ({14: b""}, 14)],
)
def test_a_changed_or_added_group_is_named(
    sod: bytes, cscas: list[x509.Certificate], clock: Any, groups: dict[int, bytes], number: int
) -> None:
    with pytest.raises(DataGroupError) as caught:
        authenticate(sod, groups, cscas, now(clock))
    assert caught.value.number == number


def test_another_states_csca_is_no_anchor(sod: bytes, pki: Pki, clock: Any) -> None:
    root = x509.load_der_x509_certificate(pki.certificates["root-g1"])
    for anchors in ([], [root]):
        with pytest.raises(ValidationError):
            authenticate(sod, GROUPS, anchors, now(clock))


def test_only_document_signers_sign_documents(pki: Pki, cscas: list[x509.Certificate], clock: Any) -> None:
    """A master list signer is of the same CSCA, and so is the CSCA itself."""
    name, issued = pki.documents.rotate("mls", 1)
    key = pki.documents.service_signer(name)
    forged = build_sod(hash_groups(GROUPS), key, issued.der)
    with pytest.raises(CmsSignerError):
        authenticate(forged, GROUPS, cscas, now(clock))
    csca = pki.issuers["csca-g1"]
    assert csca.certificate is not None
    forged = build_sod(hash_groups(GROUPS, "sha384"), csca.signer, csca.certificate)
    with pytest.raises((CmsSignerError, ValidationError)):
        authenticate(forged, GROUPS, cscas, now(clock))


def test_a_foreign_key_under_a_true_certificate_is_found(
    pki: Pki, cscas: list[x509.Certificate], clock: Any
) -> None:
    signer = pki.documents.current()
    stranger = FileSigner.generate(ec.SECP256R1())
    with pytest.raises(ValueError, match="not of the signer's key"):
        build_sod(hash_groups(GROUPS), stranger, signer.certificate)

    class Disguised:
        public_key = signer.signer.public_key
        sign = stranger.sign

    with pytest.raises(CmsSignatureError):
        authenticate(
            build_sod(hash_groups(GROUPS), Disguised(), signer.certificate), GROUPS, cscas, now(clock)
        )


def test_changed_hashes_are_found(sod: bytes, cscas: list[x509.Certificate], clock: Any) -> None:
    digest = hash_groups(GROUPS)[1]
    assert sod.count(digest) == 1
    with pytest.raises(CmsDigestError):
        authenticate(sod.replace(digest, bytes(32)), GROUPS, cscas, now(clock))


def test_other_signed_content_is_no_security_object(
    pki: Pki, cscas: list[x509.Certificate], clock: Any
) -> None:
    signer = pki.documents.current()
    for content_type, content in (
        (oids.ICAO_CSCA_MASTER_LIST, encode_security_object(hash_groups(GROUPS))),
        (oids.ICAO_LDS_SECURITY_OBJECT, b"\x30\x00"),
        (oids.ICAO_LDS_SECURITY_OBJECT, b""),
    ):
        signed = sign_data(content_type, content, signer.signer, [signer.certificate])
        with pytest.raises(MalformedCmsError):
            authenticate(der.encode(EF_SOD, signed), GROUPS, cscas, now(clock))


def test_the_signing_time_is_signed_when_it_is_stated(
    pki: Pki, cscas: list[x509.Certificate], clock: Any
) -> None:
    signer = pki.documents.current()
    sod = build_sod(hash_groups(GROUPS), signer.signer, signer.certificate, moment=now(clock))
    assert der.object_identifier(oids.CMS_SIGNING_TIME) in sod
    authenticate(sod, GROUPS, cscas, now(clock))


@pytest.mark.parametrize("content", [b"", b"\x77", b"\x77\x00", b"\x30\x00", bytes(MAX_SOD_BYTES + 1)])
def test_what_is_no_sod_is_malformed(content: bytes, cscas: list[x509.Certificate], clock: Any) -> None:
    with pytest.raises(MalformedCmsError):
        authenticate(content, GROUPS, cscas, now(clock))


def test_every_changed_byte_ends_in_a_typed_error(
    sod: bytes, cscas: list[x509.Certificate], clock: Any
) -> None:
    """The certificate's own signature is checked too, so nothing of it all may change."""
    for index in range(len(sod)):
        spoilt = bytearray(sod)
        spoilt[index] ^= 0x04
        with pytest.raises((CmsError, ValidationError)):
            authenticate(bytes(spoilt), GROUPS, cscas, now(clock))


def test_every_cut_ends_in_a_typed_error(sod: bytes, cscas: list[x509.Certificate], clock: Any) -> None:
    for length in range(0, len(sod), 7):
        with pytest.raises(CmsError):
            authenticate(sod[:length], GROUPS, cscas, now(clock))


HASHES = st.dictionaries(st.integers(1, 16), st.binary(min_size=32, max_size=32), min_size=2, max_size=16)


@given(HASHES, st.sampled_from([None, "0107", "0108"]))
def test_security_objects_round_trip(hashes: dict[int, bytes], version: str | None) -> None:
    found = read_security_object(encode_security_object(hashes, "sha256", version))
    assert (found.hashes, found.hash_name, found.lds_version) == (hashes, "sha256", version)


@given(st.binary(max_size=200))
def test_garbage_is_no_security_object(content: bytes) -> None:
    with pytest.raises(CmsError):
        read_security_object(content)


@pytest.mark.parametrize("name", ["sha384", "sha512"])
def test_longer_hashes_are_taken(name: str) -> None:
    hashes = hash_groups(GROUPS, name)
    assert read_security_object(encode_security_object(hashes, name)).hashes == hashes


@pytest.mark.parametrize(
    ("hashes", "name"),
    [
        ({1: bytes(32)}, "sha256"),
        ({0: bytes(32), 1: bytes(32)}, "sha256"),
        ({1: bytes(31), 2: bytes(32)}, "sha256"),
        ({1: bytes(20), 2: bytes(20)}, "sha1"),
        ({17: bytes(32), 2: bytes(32)}, "sha256"),
    ],
)
def test_impossible_objects_are_not_built(hashes: dict[int, bytes], name: str) -> None:
    with pytest.raises(ValueError, match="data groups"):
        encode_security_object(hashes, name)


def _object(*groups: bytes, algorithm: str = oids.SHA256, version: int = 0) -> bytes:
    parts = (der.integer(version), der.sequence((der.object_identifier(algorithm),)), der.sequence(groups))
    return der.sequence(parts)


def _group(number: int, size: int = 32) -> bytes:
    return der.sequence((der.integer(number), der.octet_string(bytes(size))))


@pytest.mark.parametrize(
    "content",
    [
        _object(_group(1)),
        _object(_group(1), _group(1)),
        _object(_group(0), _group(1)),
        _object(_group(1), _group(17)),
        _object(_group(1), _group(2, 20)),
        _object(_group(1), _group(2), version=1),
        _object(_group(1), der.integer(2)),
        _object(_group(1), _group(2), version=2),
        _object(*(_group(number % 16 + 1) for number in range(17))),
    ],
)
def test_impossible_objects_are_not_read(content: bytes) -> None:
    with pytest.raises(MalformedCmsError):
        read_security_object(content)


def test_a_weak_hash_is_not_read() -> None:
    with pytest.raises(CmsAlgorithmError):
        read_security_object(_object(_group(1, 20), _group(2, 20), algorithm=oids.SHA1))
