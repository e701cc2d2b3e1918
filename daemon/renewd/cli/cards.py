"""Card numbers, so that none is ever kept: renewd holds the gateway's tokens, and nothing that could be charged without it."""

import re
from itertools import accumulate

# Digits in groups, as people write them; what stands between the groups may be a space or a dash of any kind.
_RUN = re.compile(r"\d(?:[\s\u2010-\u2015._-]{0,2}\d){12,}")
_GAP = re.compile(r"\D+")
SHORTEST, LONGEST = 13, 19
# No payment card begins with 0, and 89 is telecommunications (ITU-T E.118): an ICCID is Luhn-valid too.
_NO_CARD = ("0", "89")
_ICCID_OR_EID = (18, 19, 20, 32)


def looks_like_card(text: str) -> bool:
    """Say whether a text holds 13 to 19 digits, together or in groups, that could be the number of a payment card."""
    runs = _RUN.findall(text)
    return bool(runs) and any(_holds_card(_GAP.split(run)) for run in runs)


def _holds_card(groups: list[str]) -> bool:
    whole = "".join(groups)
    if whole.startswith("89") and len(whole) in _ICCID_OR_EID:
        return False
    return any(
        SHORTEST <= len(part) <= LONGEST and not part.startswith(_NO_CARD) and _luhn(part)
        for start in range(len(groups))
        for part in accumulate(groups[start : start + LONGEST])
    )


def _luhn(digits: str) -> bool:
    """Say whether the last digit is the check digit of those before it (ISO/IEC 7812-1, annex B)."""
    doubled = (int(digit) * 2 for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(sum(divmod(each, 10)) for each in doubled)) % 10 == 0
