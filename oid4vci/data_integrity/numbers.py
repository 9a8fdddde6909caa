"""Numbers that every reader of JSON has alike (RFC 7493 2.2, RFC 8785 3.2.2.3): those that a double holds exactly."""

__all__ = ("is_double",)


def is_double(number: int | float) -> bool:
    """Whether a double holds it: all up to 2^53, and some beyond, which JavaScript writes without an exponent up to 10^21."""
    try:
        return float(number) == number
    except OverflowError:
        return False
