"""What to do about each failure, in Persian and English, for the citizen and for the site."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

ACCEPTED = "accepted"
"""The outcome of a login that passed every step."""


@dataclass(frozen=True)
class Words:
    """One thought in both languages."""

    fa: str
    en: str

    def as_json(self) -> dict[str, str]:
        """Keyed by language tag (RFC 5646)."""
        return {"fa": self.fa, "en": self.en}


_TRY_AGAIN = Words(
    "دوباره وارد شوید؛ هر درخواست ورود فقط یک بار و تا پنج دقیقه معتبر است.",
    "Start the login again: each login request serves once and for five minutes.",
)
_UPDATE_SOFTWARE = Words(
    "نرم‌افزار کارت خود را به‌روز کنید و دوباره وارد شوید؛ اگر باز هم نشد، کد رسید را به پشتیبانی بدهید.",
    "Update your card software and log in again; if it still fails, give the receipt code to the help desk.",
)
_OTHER_CERTIFICATE = Words(
    "هنگام ورود، گواهی «احراز هویت» کارت ملی را برگزینید، نه گواهی امضا یا گواهی دیگر.",
    "Choose the authentication certificate of your national card, not the one for signing or another one.",
)
_VISIT_OFFICE = Words(
    "با کارت خود به دفتر صدور مراجعه کنید و کد رسید را همراه داشته باشید.",
    "Take your card and this receipt code to an issuing office.",
)
_RENEW = Words(
    "اعتبار گواهی کارت تمام شده است؛ برای تمدید به دفتر صدور مراجعه کنید.",
    "The card's certificate has expired; visit an issuing office to renew it.",
)
_CHECK_ADDRESS = Words(
    "نشانی سایت را در مرورگر بررسی کنید و دوباره وارد شوید؛ اگر باز هم نشد، کد رسید را به پشتیبانی بدهید.",
    "Check the site's address in your browser and log in again; if it still fails, "
    "give the receipt code to the help desk.",
)
_REPLACE = Words(
    "این کارت باطل شده است. اگر کارت تازه‌ای ندارید، به دفتر صدور مراجعه کنید.",
    "This card has been revoked. If you have no new one, visit an issuing office.",
)
_RESUME = Words(
    "این کارت تعلیق شده یا هنوز تحویل نشده است؛ برای فعال‌سازی به دفتر صدور مراجعه کنید.",
    "This card is suspended or was not handed over yet; visit an issuing office to activate it.",
)
_WAIT = Words(
    "وضعیت کارت در این لحظه دانسته نیست؛ چند دقیقه دیگر دوباره تلاش کنید. کارت شما ایرادی ندارد.",
    "The card's status can't be looked up right now; try again in a few minutes. Your card is not at fault.",
)
_WAIT_OR_TELL = Words(
    "وضعیت کارت از صادرکننده آن به‌درستی به دست نیامد؛ چند دقیقه دیگر دوباره تلاش کنید و اگر باز هم نشد، "
    "کد رسید را به پشتیبانی بدهید. کارت شما ایرادی ندارد.",
    "The card's issuer did not give its status properly; try again in a few minutes, and if it still fails, "
    "give the receipt code to the help desk. Your card is not at fault.",
)
_TELL = Words(
    "ورود با کارت‌های این صادرکننده هنوز در این سامانه برقرار نشده است؛ کد رسید را به پشتیبانی بدهید.",
    "Logging in with cards of this issuer is not set up here; give the receipt code to the help desk.",
)
_OTHER_CARD = Words(
    "صادرکننده این کارت دیگر معتبر نیست؛ کد رسید را به پشتیبانی بدهید یا با کارت دیگری وارد شوید.",
    "The authority that issued this card is not valid any more; give the receipt code to the help desk, "
    "or log in with another card.",
)
_TELL_SITE = Words(
    "تنظیمات این سایت در سامانه ورود کامل نیست؛ کد رسید را به پشتیبانی سایت بدهید. کارت شما ایرادی ندارد.",
    "This site is not set up properly at the login service; give the receipt code to the site's help desk. "
    "Your card is not at fault.",
)
_NOTHING = Words("کاری لازم نیست.", "Nothing needs to be done.")

ADVICE: Mapping[str, Words] = MappingProxyType(
    {
        ACCEPTED: _NOTHING,
        "challenge-unknown": _TRY_AGAIN,
        "challenge-used": _TRY_AGAIN,
        "challenge-expired": _TRY_AGAIN,
        "token-malformed": _UPDATE_SOFTWARE,
        "token-format-unsupported": _UPDATE_SOFTWARE,
        "token-field-foreign": _UPDATE_SOFTWARE,
        "token-algorithm-unsupported": _UPDATE_SOFTWARE,
        "certificate-undecodable": _VISIT_OFFICE,
        "certificate-extension-unsupported": _OTHER_CERTIFICATE,
        "certificate-purpose-missing": _OTHER_CERTIFICATE,
        "certificate-purpose-wrong": _OTHER_CERTIFICATE,
        "certificate-policy-refused": _OTHER_CERTIFICATE,
        "certificate-identity-refused": _OTHER_CERTIFICATE,
        "certificate-key-mismatch": _UPDATE_SOFTWARE,
        "certificate-key-weak": _VISIT_OFFICE,
        "certificate-not-yet-valid": _VISIT_OFFICE,
        "certificate-expired": _RENEW,
        "certificate-untrusted": _OTHER_CERTIFICATE,
        "signing-certificate-refused": _UPDATE_SOFTWARE,
        "policy-unavailable": _TELL_SITE,
        "signature-invalid": _CHECK_ADDRESS,
        "certificate-revoked": _REPLACE,
        "certificate-suspended": _RESUME,
        "certificate-unknown": _VISIT_OFFICE,
        "authority-revoked": _OTHER_CARD,
        "status-unavailable": _WAIT,
        "status-source-unknown": _TELL,
        "status-source-paused": _WAIT,
        "status-source-failed": _WAIT,
        "status-timeout": _WAIT,
        "status-stale": _WAIT_OR_TELL,
        "status-untrusted-answer": _WAIT_OR_TELL,
    }
)
"""Advice by the `kind` of the failure; every kind has an entry."""

TITLES: Mapping[str, Words] = MappingProxyType(
    {
        ACCEPTED: Words("ورود پذیرفته شد", "The login was accepted"),
        "challenge-unknown": Words("درخواست ورود شناخته نشد", "The challenge is not known"),
        "challenge-used": Words("این درخواست ورود پیش‌تر به کار رفته است", "The challenge was used before"),
        "challenge-expired": Words("مهلت درخواست ورود گذشته است", "The challenge is too old"),
        "token-malformed": Words("پاسخ کارت خوانا نیست", "The token can't be read"),
        "token-format-unsupported": Words(
            "قالب پاسخ کارت پشتیبانی نمی‌شود", "The token's format is not supported"
        ),
        "token-field-foreign": Words(
            "پاسخ کارت بخشی دارد که در قالب آن نیست",
            "The token carries a field that its format does not have",
        ),
        "token-algorithm-unsupported": Words(
            "الگوریتم امضای پاسخ کارت پشتیبانی نمی‌شود", "The token's signature algorithm is not supported"
        ),
        "certificate-undecodable": Words("گواهی کارت خوانا نیست", "The certificate can't be decoded"),
        "certificate-extension-unsupported": Words(
            "گواهی کارت بخشی حیاتی دارد که شناخته نیست",
            "The certificate holds a critical extension that is not understood",
        ),
        "certificate-purpose-missing": Words(
            "گواهی کاربرد خود را نگفته است", "The certificate does not say what it is for"
        ),
        "certificate-purpose-wrong": Words(
            "این گواهی برای ورود نیست", "The certificate is not for logging in"
        ),
        "certificate-policy-refused": Words(
            "سیاست این گواهی پذیرفته نیست", "The certificate's policy is not accepted"
        ),
        "certificate-identity-refused": Words(
            "گواهی یک شخص را به‌درستی نام نبرده است", "The certificate does not name one person"
        ),
        "certificate-key-mismatch": Words(
            "الگوریتم با کلید گواهی سازگار نیست", "The algorithm does not fit the certificate's key"
        ),
        "certificate-key-weak": Words("کلید گواهی پذیرفته نیست", "The certificate's key is not accepted"),
        "certificate-not-yet-valid": Words(
            "اعتبار گواهی هنوز آغاز نشده است", "The certificate is not valid yet"
        ),
        "certificate-expired": Words("اعتبار گواهی گذشته است", "The certificate has expired"),
        "certificate-untrusted": Words(
            "صادرکننده گواهی مورد اعتماد نیست", "The certificate's issuer is not trusted"
        ),
        "signing-certificate-refused": Words(
            "گواهی امضایی که همراه پاسخ کارت آمده پذیرفته نیست",
            "A signing certificate in the token is not accepted",
        ),
        "policy-unavailable": Words(
            "سیاست ورود این سایت تنظیم نشده است", "The site's policy is not configured"
        ),
        "signature-invalid": Words(
            "امضا برای این سایت و این درخواست معتبر نیست",
            "The signature is not valid for this site and this challenge",
        ),
        "certificate-revoked": Words("گواهی باطل شده است", "The certificate is revoked"),
        "certificate-suspended": Words("گواهی تعلیق شده است", "The certificate is suspended"),
        "certificate-unknown": Words(
            "صادرکننده این گواهی را نمی‌شناسد", "The issuer does not know the certificate"
        ),
        "authority-revoked": Words("صادرکننده گواهی باطل شده است", "The certificate's issuer is revoked"),
        "status-unavailable": Words(
            "وضعیت گواهی اکنون دانسته نیست", "The certificate's status can't be known now"
        ),
        "status-source-unknown": Words(
            "مرجعی برای پرسیدن وضعیت گواهی نیست", "Nobody can be asked for the certificate's status"
        ),
        "status-source-paused": Words(
            "مرجع وضعیت گواهی اکنون پرسیده نمی‌شود",
            "The source of the certificate's status is not asked at the moment",
        ),
        "status-source-failed": Words(
            "مرجع وضعیت گواهی پاسخ نمی‌دهد", "The source of the certificate's status does not answer"
        ),
        "status-timeout": Words(
            "مرجع وضعیت گواهی بسیار کند است", "The source of the certificate's status is too slow"
        ),
        "status-stale": Words(
            "خبر وضعیت گواهی تازه نیست", "What is said of the certificate's status is not of now"
        ),
        "status-untrusted-answer": Words(
            "خبر وضعیت گواهی درخور اعتماد نیست", "What is said of the certificate's status can't be trusted"
        ),
    }
)
"""What happened, by the same keys."""

STEP_NAMES: Mapping[str, Words] = MappingProxyType(
    {
        "CHALLENGE": Words("درخواست ورود", "Challenge: issued to this site, in time, never used"),
        "PARSE": Words("خواندن پاسخ کارت", "Parse: JSON of the expected shape and size"),
        "FORMAT": Words("قالب و الگوریتم", "Format: an accepted format and algorithm"),
        "CERTIFICATE": Words("گواهی", "Certificate: decoded completely"),
        "PURPOSE": Words("کاربرد گواهی", "Purpose: for logging in and nothing else"),
        "POLICY": Words("سیاست و هویت", "Policy: accepted policy, one identity"),
        "TRUST": Words(
            "اعتبار و صادرکننده", "Trust: valid in time, strong key, issued under a trusted authority"
        ),
        "SIGNATURE": Words("امضا", "Signature: by a fitting key, over this origin and this nonce"),
        "STATUS": Words("وضعیت", "Status: neither suspended nor revoked"),
    }
)
"""What each step checks, by the step's name."""
