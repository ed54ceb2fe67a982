"""What personal data looks like. Better one too many masked than one too few."""

from collections.abc import Callable
from typing import Final

EMAIL: Final = r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
#: International numbers, and Chinese mobile numbers as they are usually written.
PHONE: Final = r"(?<![\w.])(?:\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}|1[3-9]\d{9})(?!\w|\.\d)"
CARD: Final = r"(?<![\d.-])(?:\d[ -]?){12,18}\d(?![\d-])"
IPV4: Final = r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?!\w|\.\d)"
IPV6: Final = r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}(?![\w:])"
IBAN: Final = r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?(?!\w)"
#: Chinese resident identity numbers: region, date of birth, order, check character.
IDENTITY: Final = r"(?<!\d)[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx](?!\d)"
#: Keys of well-known services, ours among them.
CREDENTIAL: Final = (
    r"(?<!\w)(?:sk-[\w-]{16,}|fw_[0-9a-f]{12}_[\w-]{20,}|gh[pousr]_\w{20,}|xox[abp]-[\w-]{10,}|AKIA[0-9A-Z]{16}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})"
)


def luhn(text: str) -> bool:
    """Whether the digits of `text` pass the check of card numbers (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


#: Kind → patterns, and a check that a match has to pass.
KNOWN: Final[dict[str, tuple[tuple[str, ...], Callable[[str], bool] | None]]] = {
    "email": ((EMAIL,), None),
    "phone": ((PHONE,), None),
    "card": ((CARD,), luhn),
    "ip": ((IPV4, IPV6), None),
    "iban": ((IBAN,), None),
    "identity": ((IDENTITY,), None),
    "secret": ((CREDENTIAL,), None),
}
