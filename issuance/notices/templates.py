"""What holders are told: fixed texts in Persian and English, which therefore hold nobody's data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType


@unique
class Template(StrEnum):
    """A message's name; stored, never change one."""

    CARD_HELD = "card-held"
    CARD_RELEASED = "card-released"
    CARD_REKEYED = "card-rekeyed"
    CARD_UNCOLLECTED = "card-uncollected"


@dataclass(frozen=True)
class Texts:
    """One message in both languages, at most 500 characters each."""

    persian: str
    english: str


TEXTS: Mapping[Template, Texts] = MappingProxyType(
    {
        Template.CARD_HELD: Texts(
            "کارت هوشمند ملی شما به‌طور موقت معلق شده است، زیرا ممکن است کلیدهای این دسته از کارت‌ها "
            "امن نباشند. اطلاعات شما فاش نشده است. با همراه داشتن کارت به نزدیک‌ترین دفتر مراجعه کنید "
            "تا کلیدهای آن رایگان نو شوند.",
            "Your national smart card is suspended for the time being, because the keys of cards of its kind "
            "may not be safe. No data of yours has been disclosed. Bring the card to any office: its keys "
            "are renewed there, free of charge.",
        ),
        Template.CARD_RELEASED: Texts(
            "تعلیق کارت هوشمند ملی شما که به‌سبب بررسی ایمنی کلیدها انجام شده بود، پایان یافت.",
            "The suspension of your national smart card, made while its keys were examined, has ended.",
        ),
        Template.CARD_REKEYED: Texts(
            "کلیدهای کارت هوشمند ملی شما نو شدند و کارت دوباره معتبر است.",
            "The keys of your national smart card have been renewed, and the card is valid again.",
        ),
        Template.CARD_UNCOLLECTED: Texts(
            "کارت هوشمند ملی شما آماده است و هنوز تحویل گرفته نشده است. با شناسنامه یا گذرنامه به دفتر خود "
            "مراجعه کنید؛ کارتی که تحویل گرفته نشود بازگردانده و باطل می‌شود.",
            "Your national smart card is ready and has not been collected yet. Come to your office with your "
            "birth certificate or passport; a card that is not collected is taken back and ends.",
        ),
    }
)
