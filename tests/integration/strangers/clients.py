"""Programs of other people that must work with the card, each called as its own manual has it.

Every function takes the reader's full name; those that need more take the PIN and files. A client that is
absent is an error (`FileNotFoundError`), not a reason to skip. Good for any card, toy or issued.
"""

import os
import socket
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cardio.transport import pcsc

MODULE = "opensc-pkcs11.so"
TIMEOUT_S = 120

# OpenSC's object ids of the PIV slots
AUTHENTICATION = "01"  # 9A
SIGNATURE = "02"  # 9C


def run(*command: str, stdin: str | None = None, exit_code: int | None = 0, **environment: str) -> str:
    """Standard output and error; fails with both unless the client exits as expected (None: any way)."""
    result = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=TIMEOUT_S,
        env={**os.environ, "LC_ALL": "C.UTF-8", **environment},
        check=False,
    )
    assert exit_code in (None, result.returncode), (
        f"{command[0]} exited with {result.returncode}:\n{result.stdout}"
    )
    return result.stdout


def pkcs11_module() -> Path:
    """Debian keeps it in the multiarch library folder."""
    folder = Path("/usr/lib") / (sysconfig.get_config_var("MULTIARCH") or "")
    module = folder / MODULE
    if not module.exists():
        raise FileNotFoundError(f"{module}: install opensc-pkcs11")
    return module


def slot_of(reader: str) -> str:
    """The PKCS#11 slot id of this reader."""
    slot = None
    for line in run("pkcs11-tool", "--module", str(pkcs11_module()), "-L").splitlines():
        if line.startswith("Slot "):
            slot = line.split("(", 1)[1].split(")")[0] if line.endswith(f": {reader}") else None
        if slot is not None:
            return slot
    raise AssertionError(f"pkcs11-tool knows no slot {reader}")


def reset(reader: str) -> None:
    """Resets the card: a PIN that one client verified stays verified for the next one until then."""
    pcsc.connect(reader).close()


def atr(reader: str) -> str:
    return run("opensc-tool", "-r", reader, "-a").strip()


def dump(reader: str) -> str:
    return run("pkcs15-tool", "--reader", reader, "-D")


def pkcs11(reader: str, *options: str) -> str:
    return run("pkcs11-tool", "--module", str(pkcs11_module()), "--slot", slot_of(reader), *options)


def list_slots_and_objects(reader: str) -> str:
    return pkcs11(reader, "-L", "-O")


def sign(reader: str, pin: str, key: str, mechanism: str, data: Path) -> Path:
    """Signs with a key and returns the file of the signature, in DER."""
    signature = data.with_name(f"{data.name}.{key}.sig")
    pkcs11(
        reader,
        "--login",
        "--pin",
        pin,
        "--sign",
        "--mechanism",
        mechanism,
        "--id",
        key,
        "--signature-format",
        "openssl",
        "--input-file",
        str(data),
        "--output-file",
        str(signature),
    )
    return signature


def read_certificate(reader: str, key: str, folder: Path) -> Path:
    """The certificate beside a key, read with PKCS#11 and written as PEM."""
    der, pem = folder / f"{key}.der", folder / f"{key}.pem"
    pkcs11(reader, "--read-object", "--type", "cert", "--id", key, "--output-file", str(der))
    run("openssl", "x509", "-inform", "DER", "-in", str(der), "-out", str(pem))
    return pem


def read_certificate_pkcs15(reader: str, key: str, folder: Path) -> Path:
    """The same through PKCS#15."""
    pem = folder / f"{key}.p15.pem"
    run("pkcs15-tool", "--reader", reader, "--read-certificate", key, "--output", str(pem))
    return pem


def public_key(certificate: Path) -> Path:
    """The key of a certificate, in a file beside it."""
    path = certificate.with_suffix(".pub")
    path.write_text(run("openssl", "x509", "-in", str(certificate), "-noout", "-pubkey"))
    return path


def verify_signature(certificate: Path, hash_name: str, signature: Path, data: Path) -> str:
    options = ["-verify", str(public_key(certificate)), "-signature", str(signature), str(data)]
    return run("openssl", "dgst", f"-{hash_name}", *options)


def new_key_and_certificate(folder: Path, name: str, algorithm: str, subject: str) -> tuple[Path, Path]:
    """A key of openssl's making (`ec:CURVE` or `rsa:BITS`) and its self-signed certificate."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    family, _, size = algorithm.partition(":")
    kind = ["ec", "-pkeyopt", f"ec_paramgen_curve:{size}"] if family == "ec" else [algorithm]
    files = ["-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", f"/CN={subject}"]
    run("openssl", "req", "-x509", "-newkey", *kind, *files)
    return key, certificate


def certify(folder: Path, key: Path) -> Path:
    """A certificate for somebody else's public key, of an authority made for it."""
    ca_key, ca = new_key_and_certificate(folder, "authority", "ec:P-256", "Authority")
    request, certificate = folder / "authority.csr", folder / "certified.pem"
    run("openssl", "req", "-new", "-key", str(ca_key), "-subj", "/CN=Certified", "-out", str(request))
    signer = ["-CA", str(ca), "-CAkey", str(ca_key), "-out", str(certificate)]
    run("openssl", "x509", "-req", "-in", str(request), "-force_pubkey", str(key), *signer)
    return certificate


def verify_certificate(certificate: Path, ca_file: Path, *options: str) -> str:
    return run("openssl", "verify", *options, "-CAfile", str(ca_file), str(certificate))


def self_test(reader: str, pin: str) -> str:
    return pkcs11(reader, "--login", "--pin", pin, "--test")


def yubico_status(reader: str) -> str:
    return run("yubico-piv-tool", "-r", reader, "-a", "status")


@contextmanager
def tls_server(ca_file: Path, folder: Path) -> Iterator[int]:
    """`openssl s_server` on loopback that wants a client certificate from `ca_file`; gives its port."""
    key, certificate = new_key_and_certificate(folder, "server", "ec:P-256", "localhost")
    port = _free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_3", "-www"]
    command += ["-cert", str(certificate), "-key", str(key)]
    command += ["-Verify", "5", "-CAfile", str(ca_file), "-verify_return_error"]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_for_port(port, server)
        yield port
    finally:
        server.terminate()
        server.wait(TIMEOUT_S)


def tls_login(reader: str, pin: str, ca_file: Path, folder: Path, key: str = AUTHENTICATION) -> str:
    """A TLS 1.3 client login with a key on the card through OpenSSL's PKCS#11 engine; gives the page."""
    certificate = read_certificate(reader, key, folder)
    with tls_server(ca_file, folder) as port:
        return run(
            "openssl",
            "s_client",
            "-connect",
            f"127.0.0.1:{port}",
            "-tls1_3",
            "-ign_eof",
            "-cert",
            str(certificate),
            *_engine_key(reader, key),
            stdin="GET / HTTP/1.0\r\n\r\n",
            OPENSSL_CONF=str(_engine_configuration(pin, folder)),
        )


def cms_sign(reader: str, pin: str, data: Path, message: Path, key: str = AUTHENTICATION) -> None:
    """Signs a file into a CMS message, in DER, through the same engine."""
    certificate = read_certificate(reader, key, data.parent)
    options = ["-binary", "-nodetach", "-in", str(data), "-signer", str(certificate)]
    options += ["-outform", "DER", "-out", str(message), *_engine_key(reader, key, option="-inkey")]
    run("openssl", "cms", "-sign", *options, OPENSSL_CONF=str(_engine_configuration(pin, data.parent)))


def _engine_key(reader: str, key: str, option: str = "-key") -> list[str]:
    """Options of openssl for a key on the card."""
    slot = int(slot_of(reader), 0)
    return ["-engine", "pkcs11", "-keyform", "engine", option, f"slot_{slot}-id_{key}"]


def _engine_configuration(pin: str, folder: Path) -> Path:
    path = folder / "engine.cnf"
    path.write_text(
        f"openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = pkcs11\n"
        f"[pkcs11]\nengine_id = pkcs11\nMODULE_PATH = {pkcs11_module()}\nPIN = {pin}\ninit = 0\n"
    )
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_for_port(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(TIMEOUT_S * 20):
        assert server.poll() is None, "openssl s_server ended at once"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("openssl s_server does not listen")
