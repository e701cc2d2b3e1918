"""What a look-up must make of the payments that a gateway lists for one period: all pairs, ours and another attempt's.

Whatever has taken money, or may yet, is never hidden by something else.
"""

from renewd.renewal.outcome import Absent, Declined, Done, Finding, Mismatch, Pending, Unknown

_TABLE = """
ours      alone     taken     wrong     pending   unclear   declined
none      absent    done      mismatch  pending   unknown   absent
taken     done      mismatch  mismatch  mismatch  mismatch  done
wrong     mismatch  mismatch  mismatch  mismatch  mismatch  mismatch
pending   pending   mismatch  mismatch  pending   pending   pending
unclear   unknown   mismatch  mismatch  pending   unknown   unknown
declined  declined  done      mismatch  pending   unknown   declined
"""
_FINDINGS: dict[str, type[Finding]] = {
    each.__name__.lower(): each for each in (Absent, Declined, Done, Mismatch, Pending, Unknown)
}
_HEAD, *_ROWS = (line.split() for line in _TABLE.strip().splitlines())

#: What became of our payment, of that of another attempt (each empty where there is none), and what is to be found.
PAIRS = [
    (ours.replace("none", ""), other.replace("alone", ""), _FINDINGS[finding])
    for ours, *findings in _ROWS
    for other, finding in zip(_HEAD[1:], findings, strict=True)
]
#: Of these, the pairs that a gateway can have whose every payment is taken, pending or declined.
CLEAR_PAIRS = [pair for pair in PAIRS if "unclear" not in pair]
