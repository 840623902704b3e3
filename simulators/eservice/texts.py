"""The pages' words in Persian and English."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Language:
    """How a language is written, and which one the switch leads to."""

    direction: str
    other: str


LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {"fa": Language("rtl", "en"), "en": Language("ltr", "fa")}
)

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "fa": {
            "title": "خدمت الکترونیکی نمونه",
            "lead": "با کارت هوشمند ملی خود وارد این خدمت شوید.",
            "log_in": "ورود با کارت ملی",
            "working": "در حال ورود؛ رمز کارت را در پنجره کارت وارد کنید…",
            "no_extension": "افزونه Web eID پاسخ نمی‌دهد. آن را نصب و فعال کنید.",
            "failed": "ورود انجام نشد.",
            "receipt": "کد رسید",
            "account": "حساب من",
            "given_name": "نام",
            "surname": "نام خانوادگی",
            "national_code": "کد ملی",
            "log_out": "خروج",
            "switch": "English",
        },
        "en": {
            "title": "Sample e-service",
            "lead": "Log in to this service with your national smart card.",
            "log_in": "Log in with the national card",
            "working": "Logging in; enter the card's PIN in the card window…",
            "no_extension": "The Web eID extension does not answer. Install and enable it.",
            "failed": "The login failed.",
            "receipt": "Receipt code",
            "account": "My account",
            "given_name": "Given name",
            "surname": "Surname",
            "national_code": "National code",
            "log_out": "Log out",
            "switch": "فارسی",
        },
    }
)
