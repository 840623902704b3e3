"""verifier.toml: what it says, and what is wrong with it."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from pki.validation.certificate import read_certificate
from tests.unit.pki.validation.making import Party, ca, certify, named, subject_key
from tests.unit.verifier.status.responder import ANCHOR, CA, DELEGATE, OTHER_ANCHOR
from verifier.status.settings import Mode, SourceSettings
from verifier.status.sources import SETTINGS_FILE, Source, StatusSettingsError, load_sources

ISSUER = read_certificate(ANCHOR)
MINIMAL = 'mode = "ocsp"\nhosts = ["ocsp.example"]'
ALL = """
label = "estonia"
mode = "ocsp-then-crl"
hosts = ["aia.example", "c.example:8080"]
responder = "http://ocsp.example/x"
crl = "https://crl.example/all.crl"
responder_certificates = ["responder.pem"]
nonce = false
nocheck = false
max_age_seconds = 600
skew_seconds = 0
budget_seconds = 0.5
crl_budget_seconds = 120
crl_refresh_seconds = 600
crl_megabytes = 2
concurrent = 4
failures = 2
pause_seconds = 10
networks = ["10.0.0.0/8", "fd00::/8"]
"""


def write(folder: Path, text: str) -> Path:
    (folder / SETTINGS_FILE).write_text(text, encoding="utf-8")
    return folder


def table(body: str, section: str = "CN=ca") -> str:
    return f'[status."{section}"]\n{body}\n'


def found(folder: Path, text: str) -> Source:
    source = load_sources(write(folder, text)).find(ISSUER)
    assert source is not None
    return source


def fault(folder: Path, text: str) -> StatusSettingsError:
    with pytest.raises(StatusSettingsError) as caught:
        load_sources(write(folder, text))
    return caught.value


def test_no_file_is_no_source(tmp_path: Path) -> None:
    assert load_sources(tmp_path).find(ISSUER) is None
    assert load_sources(write(tmp_path, "")).find(ISSUER) is None


def test_the_least_that_can_be_said(tmp_path: Path) -> None:
    settings = found(tmp_path, table(MINIMAL)).settings
    assert settings == SourceSettings(settings.label, Mode.OCSP, frozenset({"ocsp.example"}))
    assert settings.nonce
    assert (settings.max_age, settings.skew, settings.budget) == (120, 900, 3)
    assert settings.networks == ()


def test_all_that_can_be_said(tmp_path: Path) -> None:
    pem = x509.load_der_x509_certificate(DELEGATE).public_bytes(Encoding.PEM)
    (tmp_path / "responder.pem").write_bytes(pem)
    source = found(tmp_path, table(ALL))
    settings = source.settings
    assert source.responders == (read_certificate(DELEGATE),)
    assert (settings.label, settings.mode) == ("estonia", Mode.OCSP_THEN_CRL)
    # What is asked by configuration needs no second mention.
    assert settings.hosts == frozenset({"aia.example", "c.example:8080", "ocsp.example", "crl.example"})
    assert settings.responder is not None
    assert settings.responder.url == "http://ocsp.example/x"
    assert (settings.nonce, settings.nocheck, settings.crl_bytes) == (False, False, 2 << 20)
    assert (settings.places, settings.failures, settings.pause) == (4, 2, 10)
    assert [str(item) for item in settings.networks] == ["10.0.0.0/8", "fd00::/8"]


def test_an_issuer_is_found_by_its_key_first_and_by_its_name_in_any_spelling(tmp_path: Path) -> None:
    text = table(MINIMAL, "CN=CA") + table('mode = "crl"\nhosts = ["crl.example"]', "0a0b0c0d")
    sources = load_sources(write(tmp_path, text))
    by_name = sources.find(ISSUER)
    assert by_name is not None
    assert by_name.settings.mode is Mode.OCSP
    keyed = read_certificate(certify(CA, CA, *ca(), subject_key(bytes.fromhex("0a0b0c0d"))))
    by_key = sources.find(keyed)
    assert by_key is not None
    assert by_key.settings.mode is Mode.CRL
    assert sources.find(read_certificate(OTHER_ANCHOR)) is None
    assert sources.find(read_certificate(certify(Party(named("ca2"), CA.key), CA))) is None


WRONG = {
    "no mode": ('hosts = ["a.example"]', "mode"),
    "unknown mode": ('mode = "none"\nhosts = ["a.example"]', "mode"),
    "mode of a wrong type": ('mode = ["ocsp"]\nhosts = ["a.example"]', "mode"),
    "nobody to ask": ('mode = "ocsp"', "hosts"),
    "hosts that are one text": ('mode = "ocsp"\nhosts = "a.example"', "hosts"),
    "a host that is a URL": ('mode = "ocsp"\nhosts = ["http://a.example"]', "hosts"),
    "a host with a wildcard": ('mode = "ocsp"\nhosts = ["*.example"]', "hosts"),
    "a responder that is a file": ('mode = "ocsp"\nresponder = "file:///x"', "responder"),
    "a responder with a user": ('mode = "ocsp"\nresponder = "http://u@a.example/"', "responder"),
    "a responder that isn't asked": ('mode = "crl"\nhosts = ["a"]\nresponder = "http://a/"', "responder"),
    "a crl that isn't asked": ('mode = "ocsp"\nhosts = ["a"]\ncrl = "http://a/"', "crl"),
    "a budget of nothing": (MINIMAL + "\nbudget_seconds = 0", "budget_seconds"),
    "a budget without end": (MINIMAL + "\nbudget_seconds = inf", "budget_seconds"),
    "a budget that is no number": (MINIMAL + "\nbudget_seconds = nan", "budget_seconds"),
    "a budget in words": (MINIMAL + '\nbudget_seconds = "3"', "budget_seconds"),
    "a truth for a number": (MINIMAL + "\nfailures = true", "failures"),
    "a number for a truth": (MINIMAL + "\nnonce = 1", "nonce"),
    "more skew than 15 minutes": (MINIMAL + "\nskew_seconds = 901", "skew_seconds"),
    "a network with host bits": (MINIMAL + '\nnetworks = ["10.0.0.1/8"]', "networks"),
    "a network that is none": (MINIMAL + '\nnetworks = ["here"]', "networks"),
    "a label with a quote": (MINIMAL + "\nlabel = 'a\"b'", "label"),
    "a label that is too long": (MINIMAL + f'\nlabel = "{"a" * 33}"', "label"),
    "a setting that isn't known": (MINIMAL + "\nmax_age = 5", "max_age"),
    "a certificate that isn't there": (
        MINIMAL + '\nresponder_certificates = ["x.pem"]',
        "responder_certificates",
    ),
}


@pytest.mark.parametrize(("body", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_its_place(body: str, field: str, tmp_path: Path) -> None:
    error = fault(tmp_path, table(body))
    assert (error.section, error.field) == ("CN=ca", field)
    assert str(error).startswith(f'{tmp_path / SETTINGS_FILE}: [status."CN=ca"] {field}: ')


@pytest.mark.parametrize(
    "text",
    [
        "no toml",
        "status = 1",
        '[other]\na = 1\n[status."CN=ca"]\nmode = "ocsp"',
        '[status]\n"CN=ca" = 1',
        table(MINIMAL, "not a name"),
        table(MINIMAL, "0a0b0"),
        table(MINIMAL, ""),
        table(MINIMAL) + table(MINIMAL, "CN=CA"),
        table(MINIMAL + '\nlabel = "x"') + table(MINIMAL + '\nlabel = "x"', "CN=other"),
        "a = " + "[" * 5000,
    ],
)
def test_a_file_that_can_not_be_used(text: str, tmp_path: Path) -> None:
    fault(tmp_path, text)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / SETTINGS_FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(StatusSettingsError):
        load_sources(tmp_path)


def test_labels_without_a_name_of_their_own_are_digests(tmp_path: Path) -> None:
    label = found(tmp_path, table(MINIMAL)).settings.label
    assert len(label) == 12
    assert set(label) <= set("0123456789abcdef")
