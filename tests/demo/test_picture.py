"""The text pictures of digits and what they say about changes."""

import pytest
from flint import fmpq

from verifai.demo.picture import beside, changes, describe_change, float_text, picture

BLACK, WHITE = fmpq(0), fmpq(1)


def test_a_picture_is_eight_lines_of_eight_double_characters() -> None:
    rows = picture([BLACK] * 63 + [WHITE])
    assert [len(row) for row in rows] == [16] * 8
    assert rows[7] == " " * 14 + "@@"
    assert set("".join(rows[:7])) == {" "}


def test_changes_mark_lighter_darker_and_unchanged() -> None:
    before = [fmpq(1, 2)] * 64
    after = [fmpq(1, 4), fmpq(3, 4), *before[2:]]
    assert changes(before, after)[0] == "--++" + " ." * 6


def test_describe_change_counts_and_names_the_largest_exactly() -> None:
    before = [BLACK] * 64
    after = [*before]
    after[9], after[10] = fmpq(1, 10), fmpq(1, 20)
    assert describe_change(before, after) == (
        "2 of 64 pixels changed, by at most 0.1; "
        "the largest change, at row 1, column 1, from 0 to 1/10"
    )


@pytest.mark.parametrize(
    ("value", "expected"), [(fmpq(1, 4), "0.25"), (fmpq(-3), "-3"), (fmpq(1, 3), "≈ 0.333333")]
)
def test_numbers_say_when_they_are_rounded(value: fmpq, expected: str) -> None:
    assert float_text(value) == expected


def test_pictures_side_by_side_line_up() -> None:
    assert beside(("a", "bb"), (["xx", "x"], ["y", "yy"]), gap=1) == ["a  bb", "xx y", "x  yy"]


def test_pictures_of_different_heights_are_refused() -> None:
    with pytest.raises(ValueError):
        beside(("a", "b"), (["x"], ["y", "z"]))
