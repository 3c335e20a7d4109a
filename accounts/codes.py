"""Decides what an e-mail code is: six random digits, kept only as a salted hash keyed with SECRET_KEY."""

import secrets

from django.utils.crypto import constant_time_compare, salted_hmac

DIGITS = 6


def new_code() -> str:
    """Return six unpredictable digits, leading zeros included."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"


def new_salt() -> str:
    """Return a salt of 32 hexadecimal characters."""
    return secrets.token_hex(16)


def hash_code(*, salt: str, code: str) -> str:
    """Return the hash to store; with the salt alone all million codes would soon be tried, hence the key."""
    return salted_hmac(f"accounts.codes:{salt}", code, algorithm="sha256").hexdigest()


def matches(*, salt: str, code_hash: str, code: str) -> bool:
    """Tell whether ``code`` is the one that was hashed, in time that does not depend on where they differ."""
    return constant_time_compare(hash_code(salt=salt, code=code), code_hash)
