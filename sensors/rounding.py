"""Exact rounding of a quotient of integers, so that every machine records the same thousandth."""

from __future__ import annotations


def half_even(dividend: int, divisor: int) -> int:
    """Return the quotient rounded to the nearest integer, a half to the even one; divisor > 0.

    Half to even has no bias: of many exact halves as many go up as down.
    """
    quotient, rest = divmod(dividend, divisor)
    if 2 * rest > divisor or (2 * rest == divisor and quotient % 2):
        quotient += 1
    return quotient
