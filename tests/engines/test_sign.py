"""Codes: published vectors, round trip, and 10,000 mutations of which none is accepted."""

import random

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from liangwang.engines import sign
from liangwang.engines.sign import EXPIRES, ISSUED, ISSUER, NONCE, Fault, Signer, Unverified, Verifier

PREFIX = "LW1:"
KEY = ec.generate_private_key(ec.SECP256R1())
SIGNER = Signer.of(KEY, PREFIX)
VERIFIER = Verifier.of([KEY.public_key()], PREFIX)
AT = 1_585_699_200
CLAIMS = {
    ISSUER: "SH",
    EXPIRES: AT + 600,
    ISSUED: AT,
    NONCE: b"8 bytes!",
    -70001: 2,
    -70002: "张*",
    -70003: b"x" * 8,
}


def fault_of(text: str, at_s: int = AT) -> Fault | None:
    try:
        VERIFIER.verify(text, at_s=at_s)
    except Unverified as refused:
        return refused.fault
    return None


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0")],
)
def test_base45_agrees_with_the_examples_of_rfc_9285(data: bytes, text: str) -> None:
    assert sign.base45(data) == text
    assert sign.from_base45(text) == data


@pytest.mark.parametrize("text", ["GGW", "::", "a00", "0", "0000", "A\n0"])
def test_base45_refuses_what_no_encoder_writes(text: str) -> None:
    with pytest.raises(ValueError, match="base45"):
        sign.from_base45(text)


@given(st.binary(max_size=200))
def test_base45_gives_back_every_byte_string(data: bytes) -> None:
    assert sign.from_base45(sign.base45(data)) == data


def test_a_code_is_short_and_reads_back() -> None:
    text = SIGNER.mint(CLAIMS)
    assert VERIFIER.verify(text, at_s=AT) == CLAIMS
    assert len(text) <= 221  # QR version 8, error level M, alphanumeric
    assert sign.qr_svg(text).startswith("<svg")


def test_times_are_judged_with_a_minute_of_skew() -> None:
    text = SIGNER.mint(CLAIMS)
    assert fault_of(text, AT - 60) is None
    assert fault_of(text, AT - 61) is Fault.EARLY
    assert fault_of(text, AT + 660) is None
    assert fault_of(text, AT + 661) is Fault.EXPIRED


def test_another_key_is_unknown() -> None:
    other = Signer.of(ec.generate_private_key(ec.SECP256R1()), PREFIX)
    assert fault_of(other.mint(CLAIMS)) is Fault.UNKNOWN_KEY


def test_a_stolen_key_id_does_not_help() -> None:
    thief = Signer.of(ec.generate_private_key(ec.SECP256R1()), PREFIX)
    posing = Signer(PREFIX, SIGNER.kid, thief.key, thief.cose)
    assert fault_of(posing.mint(CLAIMS)) is Fault.FORGED


def test_the_second_signature_that_ecdsa_allows_is_refused() -> None:
    token = sign.from_base45(SIGNER.mint(CLAIMS)[len(PREFIX) :])
    other = (sign.ORDER - int.from_bytes(token[-32:], "big")).to_bytes(32, "big")
    assert fault_of(PREFIX + sign.base45(token[:-32] + other)) is Fault.FORGED


def test_a_text_of_one_kind_cannot_pose_as_another() -> None:
    other = Signer.of(KEY, "LX1:").mint(CLAIMS)
    assert fault_of(PREFIX + other[len("LX1:") :]) is Fault.FORGED


def test_an_unsigned_header_cannot_be_added() -> None:
    message = cbor2.loads(sign.from_base45(SIGNER.mint(CLAIMS)[len(PREFIX) :]))
    message.value[1] = {99: "added"}
    assert fault_of(PREFIX + sign.base45(cbor2.dumps(message))) is Fault.UNREADABLE


def test_no_mutation_of_10_000_is_accepted() -> None:
    dice = random.Random(20200412)
    text = SIGNER.mint(CLAIMS)
    token = bytearray(sign.from_base45(text[len(PREFIX) :]))
    accepted = 0
    for n in range(10_000):
        if n % 2:
            changed = bytearray(token)
            for _ in range(dice.choice([1, 1, 1, 2, 5])):
                changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
            forged = PREFIX + sign.base45(bytes(changed))
        else:
            at = dice.randrange(len(text))
            forged = dice.choice(
                [
                    text[:at] + dice.choice(sign.ALPHABET) + text[at + 1 :],
                    text[:at] + text[at + 1 :],
                    text[:at] + dice.choice(sign.ALPHABET) + text[at:],
                    text[:at],
                    text + dice.choice(sign.ALPHABET),
                    text[:at] + text[at:].lower(),
                ]
            )
        if forged != text and fault_of(forged) is None:
            accepted += 1
    assert accepted == 0


@given(st.text(max_size=300))
def test_any_text_is_refused_without_a_crash(text: str) -> None:
    assert fault_of(PREFIX + text) is not None


def test_the_engine_says_that_it_works() -> None:
    assert sign.check() is None
