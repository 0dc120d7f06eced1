"""Credentials and the site's key."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from gateway.credentials import KEY_BYTES, SiteKey, canonical, checked, derive
from gateway.errors import ConfigError, HadirError

KEY = SiteKey(bytes(range(KEY_BYTES)))
BADGE, TAG = "em4100:0F0368568B", "ibeacon:e2c56db5-dffb-48d2-b060-d0f5a71096e0:100:0"
REALM, ELSEWHERE = "bkn", "kemenkeu"
NIP = "198503302003121002"


words = st.text(alphabet="ab:-0\0", max_size=6)


@given(words, words, words, words)
def test_no_two_credentials_share_a_form(value: str, realm: str, other_value: str, other_realm: str) -> None:
    same = canonical(value, realm) == canonical(other_value, other_realm)
    # a technology that ends where its bits begin needs no colon
    forms = [(realm, *text.partition(":")[::2]) for text, realm in ((value, realm), (other_value, other_realm))]
    assert same == (forms[0] == forms[1])


def test_one_number_of_two_agencies_is_two_credentials() -> None:
    assert KEY.index(BADGE, REALM) != KEY.index(BADGE, ELSEWHERE)
    assert KEY.index(BADGE, REALM) == KEY.index(BADGE.lower(), REALM)
    assert len(KEY.index(BADGE, REALM)) == 32


def test_another_key_or_epoch_makes_other_names() -> None:
    other, later = SiteKey(bytes(KEY_BYTES)), SiteKey(bytes(range(KEY_BYTES)), epoch=2)
    for name in (lambda key: key.index(BADGE, REALM), lambda key: key.token("p-1", 1), lambda key: key.sign(b"")):
        assert len({name(KEY), name(other), name(later)}) == 3
    assert KEY.token("p-1", 1) != KEY.token("p-1", 2)
    assert later.unseal(KEY.seal(NIP, "p-1"), "p-1") == NIP, "what is at rest survives a new epoch"


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), st.text(max_size=20))
def test_derived_as_rfc_5869_says(secret: bytes, purpose: str) -> None:
    reference = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hadir/{purpose}".encode())
    assert derive(secret, purpose) == reference.derive(secret)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "site.key"
    made = SiteKey.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SiteKey.load(path).index(BADGE, REALM) == made.index(BADGE, REALM)
    with pytest.raises(FileExistsError):
        SiteKey.create(path)
    assert path.read_text().split()[2] not in f"{made!r}{made}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o660])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "site.key"
    SiteKey.create(path)
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        SiteKey.load(path)


@pytest.mark.parametrize(
    "text", ["", "hadir-site-key-1 1 00", "x 1 " + "00" * 32, "hadir-site-key-1 ² " + "00" * 32, "\xff", "a b c d"]
)
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.key"
    path.write_bytes(text.encode("latin-1"))
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="is not a site key"):
        SiteKey.load(path)
    with pytest.raises(ConfigError, match="hadir init"):
        SiteKey.load(tmp_path / "nothing")


@pytest.mark.parametrize(
    "value", [BADGE, TAG, "eddystone-uid:" + "0a" * 10 + ":" + "0b" * 6, "mifare:04a1b2c3d4e5f6", " EM4100:0f0368568b "]
)
def test_credentials_that_can_be_enrolled(value: str) -> None:
    assert checked(value) == value.strip().lower()


@pytest.mark.parametrize(
    "value",
    ["", "0F0368568B", "em4100:", "em4100:0F036856", "em4100:0F0368568G", TAG + "0:0", TAG.replace(":100:", ":0100:"),
     "eddystone-eid:0011223344556677", "eddystone-url:https://x.id", "mifare:", "mi fare:77", "mifare:" + "0" * 129],
)  # fmt: skip
def test_what_cannot_be_enrolled_is_refused_and_not_repeated(value: str) -> None:
    with pytest.raises(HadirError) as caught:
        checked(value)
    bits = value.partition(":")[2]
    assert not bits or bits not in str(caught.value)
