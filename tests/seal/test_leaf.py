"""Two rows have the same bytes only when they are the same row."""

import json

from hypothesis import given
from hypothesis import strategies as st

from renewd.seal.leaf import Form

FORM = Form(["sequence", "name", "detail", "amount"], [None, "", "", None])
values = (
    st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.binary(max_size=2) | st.floats(allow_nan=False)
)
rows = st.tuples(values, values, values, values)


@given(rows, rows)
def test_different_rows_have_different_bytes(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    first, second = FORM.lines([one, other])
    assert (first == second) == (
        [(type(each), each) for each in one] == [(type(each), each) for each in other]
    )


def test_a_row_is_json_without_what_says_nothing() -> None:
    (line,) = FORM.lines([(7, "charge.attempted", "", 0)])
    assert line == b'{"sequence":7,"name":"charge.attempted","amount":0}'
    assert json.loads(FORM.lines([(7, '\u2028 ü \x00"', "", None)])[0])["name"] == '\u2028 ü \x00"'
