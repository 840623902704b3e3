"""Common Persian names with a usual Latin spelling, as on passports; combined at random, they name nobody."""

from typing import NamedTuple


class Name(NamedTuple):
    """One name in both scripts."""

    persian: str
    latin: str


MALE_NAMES = (
    Name("محمد", "Mohammad"),
    Name("علی", "Ali"),
    Name("حسین", "Hossein"),
    Name("امیرحسین", "Amirhossein"),
    Name("مهدی", "Mahdi"),
    Name("رضا", "Reza"),
    Name("ابوالفضل", "Abolfazl"),
    Name("کیان", "Kian"),
    Name("پویا", "Pouya"),
    Name("بهرام", "Bahram"),
    Name("داریوش", "Dariush"),
    Name("سهراب", "Sohrab"),
    Name("غلامرضا", "Gholamreza"),
    Name("یعقوب", "Yaghoub"),
    Name("ژوبین", "Zhubin"),
    Name("آرش", "Arash"),
    Name("طاها", "Taha"),
    Name("قاسم", "Ghasem"),
)

FEMALE_NAMES = (
    Name("فاطمه", "Fatemeh"),
    Name("زهرا", "Zahra"),
    Name("مریم", "Maryam"),
    Name("زینب", "Zeinab"),
    Name("نازنین", "Nazanin"),
    Name("پریسا", "Parisa"),
    Name("گلنار", "Golnar"),
    Name("شیرین", "Shirin"),
    Name("مژگان", "Mozhgan"),
    Name("آیدا", "Aida"),
    Name("رویا", "Roya"),
    Name("کتایون", "Katayoun"),
    Name("صغری", "Soghra"),
    Name("طاهره", "Tahereh"),
    Name("ثریا", "Sorayya"),
    Name("چیستا", "Chista"),
    Name("یاسمن", "Yasaman"),
    Name("هستی", "Hasti"),
)

SURNAMES = (
    Name("احمدی", "Ahmadi"),
    Name("محمدی", "Mohammadi"),
    Name("طاهری", "Taheri"),
    Name("قزوینی", "Ghazvini"),
    Name("کریمی", "Karimi"),
    Name("یزدانی", "Yazdani"),
    Name("پورحسن", "Pourhasan"),
    Name("چگینی", "Chegini"),
    Name("کاکاوند", "Kakavand"),
    Name("رحمانی", "Rahmani"),
    Name("صفری", "Safari"),
    Name("غیاثوند", "Ghiasvand"),
    Name("بهرامی", "Bahrami"),
    Name("نوری", "Nouri"),
    Name("ژاله‌پور", "Zhalehpour"),
    Name("گودرزی", "Goudarzi"),
    Name("مافی", "Mafi"),
    Name("علی‌اکبری", "Aliakbari"),
    Name("شیخ‌الاسلامی", "Sheikholeslami"),
    Name("مرادخانی", "Moradkhani"),
    Name("رشوند", "Rashvand"),
    Name("ثابت‌قدم", "Sabetghadam"),
    Name("ضیایی", "Ziaei"),
    Name("آذری", "Azari"),
)
