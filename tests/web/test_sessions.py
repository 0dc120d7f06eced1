"""Sessions: they end by age, by idleness, by leaving, with the account and with the person."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from gateway.cli import main
from gateway.clock import SECOND
from gateway.config import web as config
from gateway.errors import HadirError
from gateway.web import slips
from gateway.web.accounts import CODE_S, OWN_CODE_S, Accounts
from gateway.web.session_limits import YEAR_S, SessionLimits
from gateway.web.sessions import MOST, Kept, device_of
from gateway.web.viewer import Role, Viewer
from tests.web.conftest import NOON, Web


def account(web: Web) -> str:
    return web.site.accounts.of_person(web.person(), "panrb")


def browser(web: Web, secret: str) -> httpx.AsyncClient:
    client = web.client()
    client.cookies.set(web.site.cookie, secret, domain="kantor.test", path="/")
    return client


def listed(web: Web, viewer: Viewer) -> list[Kept]:
    """Its sessions, as its page lists them."""
    return web.site.accounts.sessions.of(viewer.account, web.site.accounts.limits.of(viewer))


def operator(web: Web) -> str:
    """An employee who is an operator as well."""
    mine = account(web)
    web.site.accounts.grant(mine, [Role.OPERATOR], ["panrb"])
    return mine


async def test_a_session_ends_when_it_is_idle_and_at_its_age_in_any_case(web: Web) -> None:
    accounts, web_config = web.site.accounts, web.site.office.web
    session = accounts.sign_in(operator(web))
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
    assert listed(web, used.viewer) == []


async def test_whom_nothing_but_a_code_signs_in_is_still_signed_in_tomorrow(web: Web) -> None:
    """A code is spent: without an issuer only the server's command line would help."""
    client, mine = web.client(), account(web)
    signed = await client.post("/masuk", data={"kode": web.site.accounts.new_code(mine)})
    assert f"Max-Age={YEAR_S};" in signed.headers["set-cookie"]
    idle_s = web.site.office.web.code_days * 86_400
    for _ in range(5):
        web.clock.advance(idle_s - 1)
        assert (await client.get("/")).status_code == 200
    web.clock.advance(idle_s + 1)
    assert (await client.get("/")).status_code == 303
    session = web.site.accounts.sign_in(mine)
    assert session is not None
    assert len(listed(web, session.viewer)) == 1
    while web.site.accounts.viewer(session=session.secret):
        web.clock.advance(86_400)
    assert web.clock.office() - NOON > 365 * 86_400 * SECOND


async def test_whoever_becomes_an_operator_has_an_operators_short_session(web: Web) -> None:
    session = web.site.accounts.sign_in(account(web))
    assert session is not None
    web.clock.advance(86_400)
    assert web.site.accounts.viewer(session=session.secret)
    web.site.accounts.grant(session.viewer.account, [Role.OPERATOR], ["panrb"])
    assert web.site.accounts.viewer(session=session.secret) is None


def test_who_has_an_issuer_has_short_sessions() -> None:
    by_claim = {"units": {"BKN": "bkn"}, "unit_claim": "org", "unit": None}
    issuers = [
        config.Issuer.model_validate(
            {"id": f"i-{n}", "name": "X", "url": "https://x.example", "client_id": "x", **more}
        )
        for n, more in enumerate(({"unit": "panrb"}, by_claim))
    ]
    limits = SessionLimits(config.Web(issuers=tuple(issuers), code_days=7))
    employee = {"account": "a-1", "pid": "p-1", "roles": frozenset({Role.EMPLOYEE})}
    idle = [limits.of(Viewer(unit=unit, **employee)).idle_s for unit in ("panrb", "bkn", "menpan", "_")]  # type: ignore[arg-type]
    assert idle == [240 * 60, 240 * 60, 7 * 86_400, 7 * 86_400]


async def test_a_code_for_ones_other_device_is_shown_once_ends_soon_and_not_made_often(web: Web) -> None:
    client = web.employee()
    assert "Kode untuk peranti lain" in (await client.get("/akun")).text
    codes = []
    for _ in range(3):
        page = await client.post("/akun/kode")
        codes += re.findall(r"[2-9A-Z]{5}-[2-9A-Z]{5}", page.text)
    assert len(codes) == 3
    assert (await client.post("/akun/kode")).status_code == 429
    assert codes[-1] not in (await client.get("/akun")).text
    assert (await web.client().post("/masuk", data={"kode": codes[0]})).status_code == 403
    other = web.client()
    assert (await other.post("/masuk", data={"kode": codes[-1]})).status_code == 303
    assert (await other.get("/")).status_code == 200
    web.clock.advance(3600)
    late = re.findall(r"[2-9A-Z]{5}-[2-9A-Z]{5}", (await client.post("/akun/kode")).text)
    web.clock.advance(OWN_CODE_S + 1)
    assert OWN_CODE_S < CODE_S
    assert (await web.client().post("/masuk", data={"kode": late[0]})).status_code == 403


async def test_an_operator_makes_no_code_of_their_own(web: Web) -> None:
    """Else a session that is found open would never end."""
    session = web.site.accounts.sign_in(operator(web))
    assert session is not None
    client = browser(web, session.secret)
    assert "Kode untuk peranti lain" not in (await client.get("/akun")).text
    assert (await client.post("/akun/kode", data={"csrf": session.viewer.csrf})).status_code == 404


def test_a_screen_on_a_wall_is_not_idle(web: Web) -> None:
    kiosk = web.site.accounts.create(roles=[Role.KIOSK])
    session = web.site.accounts.sign_in(kiosk)
    assert session is not None
    web.clock.advance(200 * 86_400)
    web.site.accounts.sign_in(account(web))  # sweeps
    assert web.site.accounts.viewer(session=session.secret)
    web.clock.advance(YEAR_S)
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
    (of_foreign,) = listed(web, foreign.viewer)
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
    assert slips.code_by(accounts, printer, person)
    accounts.grant(person, [Role.OPERATOR], ["panrb"])
    assert slips.code_by(accounts, printer, person)
    for roles, units in (([Role.OPERATOR], ["*"]), ([Role.OPERATOR], ["bkn"]), ([Role.INTEGRATOR], ["panrb"])):
        other = account(web)
        accounts.grant(other, roles, units)
        with pytest.raises(HadirError, match="may more"):
            slips.code_by(accounts, printer, other)
    accounts.disable(person)
    with pytest.raises(HadirError, match="disabled"):
        slips.code_by(accounts, printer, person)
