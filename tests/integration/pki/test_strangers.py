"""Strangers accept every profile, two generations of each, with every CRL; and OCSP answers of every CA.

OpenSSL and GnuTLS get the anchors of both generations in one file: the two country signing CAs have one name
(ICAO Doc 9303-12 §7.1), and which of them signed what only their key identifiers tell.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pki.hierarchy import Role, parse_issuer_name
from pki.profiles import Profile
from tests.integration.pki.nation import (
    ANCHORS,
    GENERATIONS,
    ISSUING,
    SUBJECTS,
    TIMEOUT_S,
    Nation,
    Sample,
    ask,
    founded,
    run,
)

SSL_CLIENT, SSL_SERVER, SSL_CA, EMAIL_SIGNER, STATUS_RESPONDER, ANY_CA = 0, 1, 3, 4, 10, 11
NSS_USAGES: Mapping[Profile, int] = {
    Profile.ROOT_CA: SSL_CA,
    Profile.ISSUING_CA: SSL_CA,
    Profile.CROSS_CA: SSL_CA,
    Profile.CSCA: ANY_CA,
    Profile.CSCA_LINK: ANY_CA,
    Profile.DOCUMENT_SIGNER: EMAIL_SIGNER,  # a signature over content, without a key purpose
    Profile.OCSP_RESPONDER: STATUS_RESPONDER,
    Profile.AUTHENTICATION: SSL_CLIENT,
    Profile.SIGNATURE: EMAIL_SIGNER,
    Profile.OPERATOR: SSL_CLIENT,
    Profile.STATION: SSL_CLIENT,
    Profile.SERVICE: SSL_SERVER,
    Profile.SEAL: EMAIL_SIGNER,
}
"""`vfychain -u` for each profile that NSS has a usage for."""
NO_NSS_USAGE: Mapping[Profile, str] = {
    Profile.CARD_AUTHENTICATION: "its one, critical purpose is FIPS 201-3's, PIV card authentication",
    Profile.MASTER_LIST_SIGNER: "its one, critical purpose is ICAO's, master list signing",
}
"""NSS has no usage that takes these purposes, and refuses them for each that it has, as it should."""
ALL_NSS_USAGES = (0, 1, 3, 4, 5, 6, 10, 11, 12)
"""Those of `vfychain -pp`."""
INADEQUATE = ("-8101", "-8102")
"""SEC_ERROR_INADEQUATE_CERT_TYPE, …_KEY_USAGE (of CAs): what it is for, and nothing else of the path."""
ONCE = {Profile.CSCA_LINK}
"""The first country signing CA has no predecessor."""


@pytest.fixture(scope="module")
def nation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nation]:
    with founded(tmp_path_factory.mktemp("nation")) as made:
        yield made


@pytest.fixture(scope="module")
def nss(nation: Nation, tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """An NSS database for each generation of the country signing CA, else the same in both.

    NSS keeps one CRL for a name (PK11_ImportCRL looks for the issuer by it), so one database can't hold
    those of two generations of a country signing CA.
    """
    return {number: nss_database(nation, tmp_path_factory.mktemp("nss"), number) for number in GENERATIONS}


def nss_database(nation: Nation, folder: Path, generation: int) -> str:
    store = f"sql:{folder}"
    assert run("certutil", "-N", "-d", store, "--empty-password").returncode == 0
    for name in (*ANCHORS, *ISSUING):
        if name.startswith("csca") and name != f"csca-g{generation}":
            continue
        flags = "CT,C,C" if name in ANCHORS else ",,"
        added = run("certutil", "-A", "-d", store, "-n", name, "-t", flags, "-i", nation.pem(name))
        assert added.returncode == 0, added.stderr
        taken = run("crlutil", "-I", "-d", store, "-i", nation.folder / f"{name}.crl", "-t", "1")
        assert taken.returncode == 0, (name, taken.stderr)
    return store


def test_every_profile_is_there_in_both_generations(nation: Nation) -> None:
    for profile in Profile:
        generations = {parse_issuer_name(sample.issuer)[1] for sample in nation.of(profile)}
        assert generations == ({1} if profile in ONCE else set(GENERATIONS)), profile
    assert len(Profile) == len(NSS_USAGES) + len(NO_NSS_USAGE) == 15


def openssl_verify(nation: Nation, sample: Sample) -> str:
    """Empty if it is accepted, with every CRL there is, or what OpenSSL says."""
    trust = ("-CAfile", nation.anchors(), "-untrusted", nation.between(), "-CRLfile", nation.crls())
    checks = ("-x509_strict", "-check_ss_sig", "-crl_check_all")
    result = run("openssl", "verify", *checks, *trust, sample.path)
    return "" if result.returncode == 0 else result.stderr


def certtool_verify(nation: Nation, sample: Sample, crls: Path) -> str:
    """What certtool says of the chain."""
    trust = ("--load-ca-certificate", nation.anchors(), "--load-crl", crls)
    result = run("certtool", "--verify", *trust, "--infile", nation.chain(sample))
    accepted = "Chain verification output: Verified." in result.stdout
    assert accepted == (result.returncode == 0), result.stderr
    return result.stdout


def vfychain(store: str, sample: Sample, usage: int) -> str:
    """What NSS says, with CRLs for the whole chain."""
    fresh = ("-h", "requireFreshInfo", "-m", "crl")
    options = ("-pp", "-u", str(usage), "-d", store, "-g", "leaf", *fresh, "-g", "chain", *fresh)
    result = run("vfychain", *options, "-a", sample.path)
    assert ("Chain is good" in result.stderr) == (result.returncode == 0)
    return result.stdout + result.stderr


def csca_generation(sample: Sample) -> int:
    role, generation = parse_issuer_name(sample.issuer)
    return generation if role is Role.CSCA else 1


@pytest.mark.parametrize("profile", Profile)
def test_openssl_accepts(nation: Nation, profile: Profile) -> None:
    assert {sample.name: openssl_verify(nation, sample) for sample in nation.of(profile)} == {
        sample.name: "" for sample in nation.of(profile)
    }


@pytest.mark.parametrize("profile", Profile)
def test_gnutls_accepts(nation: Nation, profile: Profile) -> None:
    for sample in nation.of(profile):
        told = certtool_verify(nation, sample, nation.crls())
        assert "Chain verification output: Verified." in told, (sample.name, told)


@pytest.mark.parametrize("profile", NSS_USAGES)
def test_nss_accepts(nation: Nation, nss: dict[int, str], profile: Profile) -> None:
    for sample in nation.of(profile):
        told = vfychain(nss[csca_generation(sample)], sample, NSS_USAGES[profile])
        assert "Chain is good" in told, (sample.name, told)


@pytest.mark.parametrize("profile", NO_NSS_USAGE)
def test_nss_has_no_usage(nation: Nation, nss: dict[int, str], profile: Profile) -> None:
    """Once NSS takes one of them, it belongs into the other table."""
    for sample in nation.of(profile):
        for usage in ALL_NSS_USAGES:
            told = vfychain(nss[csca_generation(sample)], sample, usage)
            assert any(f"ERROR {code}" in told for code in INADEQUATE), (sample.name, usage, told)


def test_the_revoked_are_refused_by_all(nation: Nation, nss: dict[int, str]) -> None:
    """Of either generation: the checks themselves can fail.

    OpenSSL has the CRLs of both at hand. GnuTLS, like NSS, keeps one CRL for a name, the newest.
    """
    assert len(nation.revoked) == 2 * len(GENERATIONS)
    for sample in nation.revoked:
        assert "certificate revoked" in openssl_verify(nation, sample)
        crls = nation.crls_beside(f"csca-g{csca_generation(sample)}")
        assert "The certificate chain is revoked" in certtool_verify(nation, sample, crls)
        told = vfychain(nss[csca_generation(sample)], sample, NSS_USAGES[sample.profile])
        assert "has been revoked" in told, told


@pytest.mark.parametrize("name", [*ANCHORS, *ISSUING])
def test_strangers_verify_the_crl_with_its_cas_certificate(nation: Nation, name: str) -> None:
    crl = nation.crl(name)
    assert "verify OK" in run("openssl", "crl", "-in", crl, "-CAfile", nation.pem(name), "-noout").stderr
    verified = run("certtool", "--verify-crl", "--load-ca-certificate", nation.pem(name), "--infile", crl)
    assert "Verification output: Verified" in verified.stdout


def asked(nation: Nation, issuer: str) -> list[Sample]:
    """The end entities' certificates of one CA, which name the OCSP responder."""
    found = [sample for sample in nation.of(*SUBJECTS) if sample.issuer == issuer]
    assert found
    return found


def openssl_ocsp(nation: Nation, sample: Sample, *options: str | Path) -> str:
    """What `openssl ocsp` says of an answer whose signature it accepts."""
    trust = ("-CAfile", nation.anchors(), "-issuer", nation.pem(sample.issuer), "-cert", sample.path)
    result = run("openssl", "ocsp", *options, *trust)
    assert "Response verify OK" in result.stderr, (sample.name, result.stderr)
    return result.stdout + result.stderr


def answer_of(nation: Nation, sample: Sample) -> Path:
    """Its OCSP answer in a file, by GET."""
    path = nation.folder / f"{sample.name}.ocsp"
    path.write_bytes(ask(nation.pki, nation.url, sample.issuer, sample.serial))
    return path


@pytest.mark.parametrize("issuer", ISSUING)
def test_openssl_accepts_answers_by_get(nation: Nation, issuer: str) -> None:
    for sample in asked(nation, issuer):
        told = openssl_ocsp(nation, sample, "-no_nonce", "-respin", answer_of(nation, sample))
        assert f"{sample.path}: good" in told


@pytest.mark.parametrize("issuer", ISSUING)
def test_openssl_accepts_answers_by_post_with_a_nonce(nation: Nation, issuer: str) -> None:
    for sample in asked(nation, issuer):
        options = ("-nonce", "-resp_text", "-timeout", str(TIMEOUT_S), "-url", f"{nation.url}/pki/ocsp")
        told = openssl_ocsp(nation, sample, *options)
        assert f"{sample.path}: good" in told
        assert "WARNING" not in told
        assert "OCSP Nonce" in told


@pytest.mark.parametrize("issuer", ISSUING)
def test_gnutls_accepts_answers(nation: Nation, issuer: str) -> None:
    for sample in asked(nation, issuer):
        trust = ("--load-issuer", nation.pem(issuer), "--load-cert", sample.path)
        asking = run("ocsptool", f"--ask={nation.url}/pki/ocsp", "--nonce", *trust)
        assert asking.returncode == 0, asking.stdout + asking.stderr
        assert "Verifying OCSP Response: Success" in asking.stdout + asking.stderr
        answer = ("--load-response", answer_of(nation, sample), "--inder")
        verified = run("ocsptool", "--verify-response", "--load-trust", nation.pem(issuer), *answer)
        assert verified.returncode == 0, verified.stdout + verified.stderr


def test_ocsp_tells_of_the_revoked(nation: Nation) -> None:
    for sample in nation.revoked:
        if sample.issuer in ISSUING:
            told = openssl_ocsp(nation, sample, "-no_nonce", "-respin", answer_of(nation, sample))
            assert f"{sample.path}: revoked" in told


def test_an_answer_of_the_other_generation_is_refused(nation: Nation) -> None:
    """Lest an answer be accepted whoever signed it."""
    sample = asked(nation, "card-g1")[0]
    options = ("-no_nonce", "-respin", answer_of(nation, sample), "-CAfile", nation.pem("root-g2"))
    told = run("openssl", "ocsp", *options, "-issuer", nation.pem("card-g1"), "-cert", sample.path)
    assert "Response Verify Failure" in told.stderr
