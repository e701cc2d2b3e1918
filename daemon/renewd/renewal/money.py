"""Money as integer minor units of one ISO 4217 currency; never a float, never a guess."""

import re
from dataclasses import dataclass
from typing import Self

_EXPONENTS = {
    **dict.fromkeys(
        (
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ),
        0,
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
_WRITTEN = re.compile(r"(?P<units>\d{1,12})(?:\.(?P<cents>\d{1,3}))? (?P<currency>[A-Z]{3})")


def exponent(currency: str) -> int:
    """How many decimal digits the currency's minor unit has (ISO 4217: USD 2, JPY 0, KWD 3)."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True)
class Money:
    """An amount: `minor` is in minor units (7000 is 70.00 USD), `currency` an ISO 4217 code."""

    minor: int
    currency: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an amount as people write it, such as `70.00 USD` or `900 JPY`.

        Raises ValueError with what to write instead; digits beyond the currency's minor unit are refused.
        """
        found = _WRITTEN.fullmatch(text.strip())
        if found is None:
            raise ValueError('not an amount of money; write e.g. "70.00 USD"')
        digits = exponent(found["currency"])
        cents = found["cents"] or ""
        if len(cents) not in (0, digits):
            raise ValueError(
                f'{found["currency"]} has {digits} decimal digits; write e.g. "{cls(7000, found["currency"])}"'
            )
        return cls(int(found["units"] + cents.ljust(digits, "0")), found["currency"])

    def __str__(self) -> str:
        """Write the amount as `parse` reads it."""
        digits = exponent(self.currency)
        if digits == 0:
            return f"{self.minor} {self.currency}"
        sign, minor = ("-" if self.minor < 0 else ""), abs(self.minor)
        return f"{sign}{minor // 10**digits}.{minor % 10**digits:0{digits}d} {self.currency}"
