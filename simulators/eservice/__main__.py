"""`python -m simulators.eservice`: the sample e-service as a process of its own."""

import os
from pathlib import Path

import click
import uvicorn

from pki.clock import utc_now
from simulators.eservice.app import create_app
from simulators.eservice.tls import make_certificate
from verifier.client import VerifierClient

KEY_VARIABLE = "HOVIAT_SITE_KEY"
_HOST = "127.0.0.1"


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), required=True, help="Port on 127.0.0.1.")
@click.option("--verifier", "verifier_url", required=True, help="Where the verifier is mounted.")
@click.option(
    "--tls-dir",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the self-signed certificate, cert.pem, and its key.",
)
def main(port: int, verifier_url: str, tls_dir: Path) -> None:
    """Serve the sample e-service on https://localhost:PORT; its API key comes from HOVIAT_SITE_KEY."""
    api_key = os.environ.get(KEY_VARIABLE, "")
    if not api_key:
        raise click.ClickException(f"set {KEY_VARIABLE} to the key that `hoviat service add` printed")
    certificate, key = make_certificate(tls_dir, utc_now())
    with VerifierClient(verifier_url, api_key) as verifier:
        app = create_app(verifier, f"https://localhost:{port}")
        uvicorn.run(
            app,
            host=_HOST,
            port=port,
            ssl_certfile=str(certificate),
            ssl_keyfile=str(key),
            log_level="warning",
            server_header=False,
        )


if __name__ == "__main__":
    main()
