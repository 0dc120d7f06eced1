"""Sessions: they end by age, by idleness, by leaving, with the account and with the person."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from gateway.cli import main
from gateway.errors import HadirError
from gateway.web.accounts import DEVICE_S, Accounts
from gateway.web.sessions import MOST, device_of
from gateway.web.viewer import Role
from tests.web.conftest import Web


def account(web: Web) -> str:
    return web.site.accounts.of_person(web.person(), "panrb")


def browser(web: Web, secret: str) -> httpx.AsyncClient:
    client = web.client()
    client.cookies.set(web.site.cookie, secret, domain="kantor.test", path="/")
    return client


async def test_a_session_ends_when_it_is_idle_and_at_its_age_in_any_case(web: Web) -> None:
    accounts, web_config = web.site.accounts, web.site.office.web
    session = accounts.sign_in(account(web))
    assert session is not None
    web.clock.advance(web_config.idle_minutes * 60 - 1)
    assert accounts.viewer(session=session.secret)
    web.clock.advance(web_config.idle_minutes * 60 + 1)
    assert accounts.viewer(session=session.secret) is None
    used = accounts.sign_in(session.viewer.account)
    assert used is not None
    for _ in range(web_config.session_hours):
        assert accounts.viewer(session=used.secret)
        web.clock.advance(3600)
    web.clock.advance(1)
    assert accounts.viewer(session=used.secret) is None
    assert accounts.sessions.of(session.viewer.account) == []


def test_a_screen_on_a_wall_is_not_idle(web: Web) -> None:
    kiosk = web.site.accounts.create(roles=[Role.KIOSK])
    session = web.site.accounts.sign_in(kiosk)
    assert session is not None
    web.clock.advance(200 * 86_400)
    web.site.accounts.sign_in(account(web))  # sweeps
    assert web.site.accounts.viewer(session=session.secret)
    web.clock.advance(DEVICE_S)
    assert web.site.accounts.viewer(session=session.secret) is None


def test_an_account_has_so_many_sessions_and_the_oldest_ends(web: Web) -> None:
    accounts, mine = web.site.accounts, account(web)
    sessions = []
    for _ in range(MOST + 1):
        web.clock.advance(1)
        sessions.append(accounts.sign_in(mine))
    alive = [accounts.viewer(session=session.secret) is not None for session in sessions if session is not None]
    assert alive == [False] + [True] * MOST


async def test_a_sign_in_makes_a_new_session_and_ends_the_one_before(web: Web) -> None:
    accounts, mine = web.site.accounts, account(web)
    before = accounts.sign_in(mine)
    assert before is not None
    client = browser(web, before.secret)
    await client.post("/masuk", data={"kode": accounts.new_code(mine)})
    assert client.cookies[web.site.cookie] != before.secret
    assert accounts.viewer(session=before.secret) is None
    planted = browser(web, "planted")
    await planted.post("/masuk", data={"kode": accounts.new_code(mine)})
    assert planted.cookies[web.site.cookie] != "planted"


async def test_ones_own_sessions_are_listed_and_end_one_by_one_or_all(web: Web) -> None:
    accounts, mine, other = web.site.accounts, account(web), account(web)
    phone = accounts.sign_in(mine, device=device_of("Mozilla/5.0 (Linux; Android 15; Ponsel Sari)"))
    here, foreign = accounts.sign_in(mine), accounts.sign_in(other)
    assert phone is not None
    assert here is not None
    assert foreign is not None
    client = browser(web, here.secret)
    page = (await client.get("/akun")).text
    assert "Android" in page
    assert "Sari" not in page
    assert "peranti ini" in page
    assert here.secret not in page
    (of_foreign,) = accounts.sessions.of(other)
    form = {"csrf": here.viewer.csrf, "sesi": of_foreign.id}
    assert (await client.post("/akun/keluar", data=form)).status_code == 303
    assert accounts.viewer(session=foreign.secret)
    (shown,) = re.findall(r'name="sesi" value="(\w+)"', page)
    await client.post("/akun/keluar", data={**form, "sesi": shown})
    assert accounts.viewer(session=phone.secret) is None
    left = await client.post("/akun/keluar-semua", data=form)
    assert left.headers["location"] == "/masuk?keluar="
    assert accounts.viewer(session=here.secret) is None


async def test_an_account_ends_with_its_person_also_from_the_command_line(
    web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    accounts, people = web.site.accounts, web.site.people
    pid = web.person()
    mine = accounts.of_person(pid, "panrb")
    session, token, code = accounts.sign_in(mine), accounts.new_token(mine, "uji"), accounts.new_code(mine)
    operator = accounts.sign_in(accounts.create(roles=[Role.OPERATOR], units=["*"]))
    assert session is not None
    assert operator is not None
    accounts.note_lookup(operator.viewer, pid, "panrb", "name", "memeriksa kartu")
    assert len(accounts.lookups(pid)) == 1
    assert main(["people", str(web.site.file), "erase", "--pid", pid]) == 0
    assert accounts.viewer(session=session.secret) is None
    assert accounts.viewer(authorization=f"Bearer {token}") is None
    assert accounts.redeem(code) is None
    assert people.is_erased(pid)
    assert accounts.forget_erased() == 1
    assert accounts.lookups(pid) == []
    assert accounts.holder(pid) == ""
    assert accounts.forget_erased() == 0
    for table in ("account", "session", "token", "code", "lookup"):
        rows = accounts.connection.execute(f"SELECT * FROM {table}").fetchall()
        assert pid not in repr(rows)


def test_a_person_who_changes_units_is_of_the_new_one_at_once(web: Web) -> None:
    pid = web.person(unit="panrb")
    mine = web.site.accounts.of_person(pid, "bkn")  # as it was when the account was made
    session = web.site.accounts.sign_in(mine)
    assert session is not None
    assert session.viewer.unit == "panrb"


def test_codes_and_tokens_of_a_disabled_account_are_not_made(web: Web) -> None:
    accounts, mine = web.site.accounts, account(web)
    session, token, code = accounts.sign_in(mine), accounts.new_token(mine, "uji"), accounts.new_code(mine)
    assert session is not None
    accounts.disable(mine)
    assert accounts.viewer(session=session.secret) is None
    assert accounts.viewer(authorization=f"Bearer {token}") is None
    assert accounts.redeem(code) is None
    assert accounts.sign_in(mine) is None
    for make in (accounts.new_code, lambda one: accounts.new_token(one, "uji")):
        with pytest.raises(HadirError, match="disabled"):
            make(mine)
    accounts.enable(mine)
    assert accounts.redeem(accounts.new_code(mine)) is not None


def test_the_file_has_neither_codes_nor_sessions_nor_tokens_in_it(web: Web) -> None:
    accounts, mine = web.site.accounts, account(web)
    session = accounts.sign_in(mine)
    assert session is not None
    secrets = [session.secret, accounts.new_token(mine, "uji"), accounts.new_code(mine).replace("-", "")]
    folder = web.site.office.path(web.site.office.web.data)
    raw = b"".join(path.read_bytes() for path in Path(folder).iterdir())
    assert [secret for secret in secrets if secret.encode() in raw] == []
    assert all(path.stat().st_mode & 0o077 == 0 for path in Path(folder).iterdir())


def test_the_command_line_makes_accounts_and_ends_them(web: Web, capsys: pytest.CaptureFixture[str]) -> None:
    file, accounts = str(web.site.file), web.site.accounts
    pid = web.person()

    def said(*words: str) -> str:
        assert main(["accounts", file, *words]) == 0
        return capsys.readouterr().out

    def refused(*words: str) -> str:
        assert main(["accounts", file, *words]) == 1
        return capsys.readouterr().err

    code = said("code", "--pid", pid, "--role", "operator", "--unit", "panrb").split()[0]
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}", code)
    session = Accounts.redeem(accounts, code)
    assert session is not None
    assert (session.viewer.roles, session.viewer.units) == ({Role.EMPLOYEE, Role.OPERATOR}, {"panrb"})
    token = said("token", "--role", "integrator", "--unit", "*", "--label", "absensi").strip()
    integrator = accounts.viewer(authorization=f"Bearer {token}")
    assert integrator is not None
    assert integrator.roles == {Role.INTEGRATOR}
    assert "absensi" in said("list")
    assert said("revoke", "--account", integrator.account).startswith(f"{integrator.account}: 1 of its tokens")
    assert accounts.viewer(authorization=f"Bearer {token}") is None
    said("disable", "--pid", pid)
    assert accounts.viewer(session=session.secret) is None
    assert "disabled" in refused("code", "--pid", pid)
    said("enable", "--pid", pid)
    accounts.identities.link("panrb", "subject", session.viewer.account)
    assert "1 of its links" in said("unlink", "--pid", pid)
    assert "there is no account" in refused("disable", "--account", "a-none")
    assert "which account" in refused("disable")
    assert "nobody has the pid" in refused("code", "--pid", "p-none")
    assert "no place" in refused("token", "--role", "kiosk", "--place", "nirgends")


def test_an_operator_prints_no_code_of_an_account_that_may_more(web: Web) -> None:
    accounts = web.site.accounts
    mine = accounts.sign_in(accounts.create(roles=[Role.OPERATOR], units=["panrb"]))
    assert mine is not None
    printer = mine.viewer
    person = account(web)
    assert accounts.code_by(printer, person)
    accounts.grant(person, [Role.OPERATOR], ["panrb"])
    assert accounts.code_by(printer, person)
    for roles, units in (([Role.OPERATOR], ["*"]), ([Role.OPERATOR], ["bkn"]), ([Role.INTEGRATOR], ["panrb"])):
        other = account(web)
        accounts.grant(other, roles, units)
        with pytest.raises(HadirError, match="may more"):
            accounts.code_by(printer, other)
    accounts.disable(person)
    with pytest.raises(HadirError, match="disabled"):
        accounts.code_by(printer, person)
