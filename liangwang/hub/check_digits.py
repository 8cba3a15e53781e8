"""Check digits of identity numbers and credit codes as Ibis expressions that cost a few nanoseconds a character."""

import ibis

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015
CHECKS = "0123456789X"


def identity_holds(n: ibis.Value, check: ibis.Value) -> ibis.Value:
    """Whether `check` follows from `n`, the first 17 digits of an identity number (GB 11643-1999, ISO 7064 MOD 11-2).

    With r_k = n mod 10^k, digit k is (r_(k+1) - r_k) / 10^k, and 1/10^k is
    (-1)^k modulo 11; so the sum of digit_k 2^k is a sum of multiples of r_k: sixteen remainders instead of seventeen
    pieces of text, and no division. All terms together stay under 2^62.
    """
    powers = [pow(9, k, 11) for k in range(17)]  # (-2)^k modulo 11
    total = n * powers[16]
    for k in range(1, 17):
        total = total + (n % 10**k) * ((powers[k - 1] - powers[k]) % 11)
    # digits and check: 2 * sum + check = 1 modulo 11, and -2 is 9
    return ibis.literal(CHECKS).substr((total % 11 * 9 + 1) % 11, 1) == check


def born(text: ibis.Value) -> ibis.Value:
    """The date of birth in an 18-character identity number, null where there is no such day."""
    dashed = text.substr(6, 4) + "-" + text.substr(10, 2) + "-" + text.substr(12, 2)
    return dashed.try_cast("date")


def credit_code_holds(text: ibis.Value) -> ibis.Value:
    """Whether the last character of an 18-character unified social credit code is right (GB 32100-2015, MOD 31-3)."""
    alphabet = ibis.literal(ALPHABET)
    total = alphabet.find(text.substr(0, 1))
    for k in range(1, 17):
        total = total + alphabet.find(text.substr(k, 1)) * pow(3, k, 31)
    return alphabet.find(text.substr(17, 1)) == (31 - total % 31) % 31
