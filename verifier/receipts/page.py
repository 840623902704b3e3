"""The citizen's page: Persian first, then English, with no script and nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pki.jalali import to_jalali
from verifier.authentication.steps import Step
from verifier.receipts.advice import ADVICE, STEP_NAMES, TITLES, Words
from verifier.receipts.citizen import CitizenView
from verifier.receipts.codes import LENGTH
from verifier.receipts.proof import Proof

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "receipt.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",  # the address holds the code
        "X-Robots-Tag": "noindex",
        "Cache-Control": "no-store",
        "Vary": "Accept",
    }
)
_TEHRAN = timezone(timedelta(hours=3, minutes=30))
"""Iran has had no summer time since 2022."""
_TO_PERSIAN_DIGITS = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")

NO_RECEIPT = Words("رسیدی با این کد نیست", "There is no receipt with this code")
TRY_LATER = Words("کدهای نادرست بسیار؛ چند دقیقه دیگر", "Too many wrong codes; try again in some minutes")
ASK_CODE = Words("کد رسید ورود", "Code of a login receipt")
_PROOFS: Mapping[Proof, Words] = MappingProxyType(
    {
        Proof.VALID: Words("امضای رسید درست است.", "The receipt's signature holds."),
        Proof.UNSIGNED: Words("این رسید امضا ندارد.", "This receipt is not signed."),
        Proof.INVALID: Words(
            "امضای رسید درست نیست؛ به این رسید اعتماد نکنید.",
            "The receipt's signature does not hold; do not rely on this receipt.",
        ),
        Proof.UNKNOWN_KEY: Words(
            "امضای رسید اکنون بررسی‌شدنی نیست.", "The receipt's signature can't be checked at the moment."
        ),
    }
)


def receipt_page(view: CitizenView, here: str) -> str:
    """`here` is the path of the page that asks for codes."""
    receipt = view.receipt
    code = f"{receipt.code[: LENGTH // 2]}-{receipt.code[LENGTH // 2 :]}"
    return _render(
        "receipt.html",
        here=here,
        view=view,
        code=code,
        title=TITLES[receipt.outcome],
        advice=ADVICE[receipt.outcome],
        proof=_PROOFS[view.proof],
        time=Words(_persian_time(receipt.time), _english_time(receipt.time)),
        steps=[(STEP_NAMES[step.name], receipt.outcome_of(step).value) for step in Step],
    )


def notice_page(title: Words, here: str) -> str:
    """No receipt, but a place to type a code."""
    return _render("notice.html", here=here, title=title)


def _persian_time(time: datetime) -> str:
    local = time.astimezone(_TEHRAN)
    text = f"{to_jalali(local.date())} {local:%H:%M}"
    return text.translate(_TO_PERSIAN_DIGITS)


def _english_time(time: datetime) -> str:
    return f"{time.astimezone(_TEHRAN):%Y-%m-%d %H:%M} (Tehran)"


def _render(template: str, **context: object) -> str:
    return _ENVIRONMENT.get_template(template).render(context, style=Markup(_STYLE))  # noqa: S704 - our own file


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
