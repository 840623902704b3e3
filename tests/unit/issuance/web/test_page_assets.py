"""The pages' assets are pinned, come from no named host, and are all that the pages load."""

import json
import re
from pathlib import Path

import issuance.web

WEB = Path(issuance.web.__file__).parent


def test_the_lock_names_no_host_and_checks_every_package() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_versions_are_exact() -> None:
    wanted = json.loads((WEB / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_what_the_pages_load_is_what_is_copied() -> None:
    script = (WEB / "vendor.sh").read_text(encoding="utf-8")
    texts = [path.read_text(encoding="utf-8") for path in (WEB / "templates").glob("*.html")]
    texts.append((WEB / "static" / "app.css").read_text(encoding="utf-8"))
    loaded = set(re.findall(r"vendor/([\w.]+)", " ".join(texts)))
    assert loaded == {
        "bootstrap.min.css",
        "bootstrap.rtl.min.css",
        "htmx.min.js",
        "sse.min.js",
        "vazirmatn.woff2",
    }
    assert all(name in script for name in loaded)
