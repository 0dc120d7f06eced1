"""The desk display: what is drawn, point by point, and how a panel asks for it."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import pytest
import segno
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from gateway.clock import SECOND
from gateway.web.codes import made
from gateway.web.eink import HEIGHT, QUIET, STATUSES, WIDTH, Face, png
from gateway.web.live import STATUSES as OF_PLACES
from gateway.web.pages.display import face, reserved_until
from gateway.web.viewer import Role
from tests.web.conftest import NOON, Web
from tests.web.mine.book import Book
from tests.web.office import DESK, OTHER, ready, told

URL = "https://hadir.contoh.go.id/d/K7QM4X2P"


def shown(**more: Any) -> Face:
    return Face(
        **{
            "name": "Meja 1",
            "where": "Timur, Lantai 1",
            "status": "free",
            "word": "Bebas",
            "more": "",
            "url": URL,
            **more,
        }
    )


def opened(body: bytes) -> Image.Image:
    image = Image.open(BytesIO(body))
    image.load()
    return image


def matrix_of(image: Image.Image, url: str) -> list[list[int]]:
    """Modules at the right of the picture, as a reader samples them: in their middles."""
    size = len(segno.make(url, error="m", micro=False).matrix)
    scale = min(4, HEIGHT // (size + 2 * QUIET))
    left, top = WIDTH - (size + QUIET) * scale, (HEIGHT - size * scale) // 2
    middle = scale // 2
    return [
        [int(image.getpixel((left + x * scale + middle, top + y * scale + middle)) == 0) for x in range(size)]
        for y in range(size)
    ]


@pytest.mark.parametrize("status", STATUSES)
def test_it_is_296_by_128_of_one_bit_and_the_code_is_the_desks(status: str) -> None:
    body = png(shown(status=status))
    width, height, depth, colour = struct.unpack(">IIBB", body[16:26])
    assert (width, height, depth, colour) == (296, 128, 1, 0), "as its header says"
    wanted = [[int(bool(module)) for module in row] for row in segno.make(URL, error="m", micro=False).matrix]
    assert matrix_of(opened(body), URL) == wanted
    assert len(body) < 2_000


def test_each_state_has_a_shape_of_its_own_beside_its_word() -> None:
    assert set(STATUSES) == set(OF_PLACES)
    shapes = {status: opened(png(shown(status=status))).crop((0, 74, 40, 106)).tobytes() for status in STATUSES}
    assert len(set(shapes.values())) == len(STATUSES)


def test_the_same_face_is_the_same_picture_and_another_is_not() -> None:
    assert png(shown()) == png(shown())
    faces = [shown(), shown(word="Terpakai"), shown(more="s.d. 15.00"), shown(name="Meja 2"), shown(url=URL[:-1] + "Q")]
    assert len({png(one) for one in faces}) == len(faces)


@given(
    name=st.text(min_size=1, max_size=120),
    where=st.text(max_size=120),
    word=st.text(max_size=60),
    more=st.text(max_size=120),
    status=st.sampled_from(STATUSES),
)
@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_no_text_leaves_its_room(name: str, where: str, word: str, more: str, status: str) -> None:
    image = opened(png(shown(name=name, where=where, word=word, more=more, status=status)))
    empty = opened(png(shown(name="", where="", word="", status=status)))
    size = len(segno.make(URL, error="m", micro=False).matrix)
    box = (WIDTH - (size + 2 * QUIET) * 3, 0, WIDTH, HEIGHT)
    assert image.crop(box).tobytes() == empty.crop(box).tobytes(), "nothing is written over the code"


def test_an_address_that_no_phone_would_read_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        png(shown(url="https://" + "x" * 250))


# --- served ---------------------------------------------------------------------------------------------------------


def code_of(web: Web, place: str = DESK) -> str:
    code = made(web.site.office, web.site.key).of(place)
    assert code is not None
    return code


async def test_a_panel_asks_with_its_token_and_draws_only_what_is_new(web: Web) -> None:
    path = f"/display/{code_of(web)}.png"
    assert (await web.client().get(path)).status_code == 303, "a browser signs in"
    client = web.client()
    account = web.site.accounts.create(roles=[Role.DISPLAY])
    client.headers.update(
        {
            "authorization": f"Bearer {web.site.accounts.new_token(account, 'panel')}",
            "accept": "image/png",
        }
    )
    unknown = await client.get(path)
    assert (unknown.status_code, unknown.headers["content-type"]) == (200, "image/png")
    assert unknown.headers["cache-control"] == "private, no-cache"
    same = await client.get(path, headers={"if-none-match": f'"x", W/{unknown.headers["etag"]}'})
    assert (same.status_code, same.content) == (304, b"")
    told(web.site.live, DESK, "vacant", NOON, life="free")
    free = await client.get(path, headers={"if-none-match": unknown.headers["etag"]})
    assert free.status_code == 200
    assert free.content != unknown.content
    ready(web.site.live, NOON, "lost")
    assert (await client.get(path)).headers["etag"] == unknown.headers["etag"], "a lost gateway's word is none"
    assert (await client.get(path.lower())).status_code == 200
    assert (await client.get("/display/22222222.png")).status_code == 404
    told(web.site.live, DESK, "occupied", NOON, life="taken", life_since=NOON)
    ready(web.site.live, NOON)
    assert (await client.get(f"{path}?bahasa=en")).content != (await client.get(path)).content


async def test_what_it_says_of_each_state(web: Web) -> None:
    live, language = web.site.live, web.site.pages.named("id")

    def says(place: str = DESK) -> tuple[str, str]:
        now = live.now(place)
        assert now is not None
        made_ = face(web.site, now, language, URL)
        assert (made_.name, made_.where) == ("Meja 1" if place == DESK else "Meja 2", "Timur, Lantai 1")
        return made_.word, made_.more

    assert says() == ("Tidak diketahui", "gerbangnya tidak terdengar")
    told(live, DESK, "vacant", NOON, life="free")
    assert says() == ("Bebas", "")
    told(live, DESK, "occupied", NOON, life="taken", life_since=NOON)
    assert says() == ("Terpakai", "sejak 10.30")
    told(live, OTHER, "vacant", NOON, life="reserved", life_since=NOON)
    assert says(OTHER) == ("Dipesan", "")
    now = live.now(OTHER)
    assert now is not None
    assert face(web.site, now, language, URL, NOON + 16_200 * 10**9).more == "s.d. 15.00"
    live.set_connected(False)
    assert says()[0] == "Terpakai", "a claim outlives the silence of its day"
    assert says(OTHER) == ("Tidak diketahui", "sambungan ke broker terputus"), "a reservation does not"


async def test_displays_may_be_public_and_nobody_is_on_them(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    public = web.site.office.web.model_copy(update={"display": "public"})
    monkeypatch.setitem(web.site.office.__dict__, "web", public)
    answer = await web.client().get(f"/display/{code_of(web)}.png")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, no-cache"


async def test_until_when_a_desk_is_reserved_comes_from_the_ledger(web: Web) -> None:
    book, hour = Book(web), 3600 * SECOND
    told(web.site.live, DESK, "vacant", NOON, life="reserved", life_since=NOON)
    now = web.site.live.now(DESK)
    assert now is not None
    assert await reserved_until(web.site, now) == 0

    def booked(ref: str, kind: str, at: int, due: int, until: int) -> None:
        book.tell(
            f"desk.reservation.{kind}", NOON + at, place=DESK, booking_ref=ref, due=NOON + due, until=NOON + until
        )

    booked("over", "created", -5 * hour, -4 * hour, -2 * hour)
    booked("now", "created", -4 * hour, -hour, hour)
    booked("next", "created", -3 * hour, 5 * hour, 6 * hour)
    assert await reserved_until(web.site, now) == NOON + hour
    booked("now", "changed", -2 * hour, -hour, 2 * hour)
    assert await reserved_until(web.site, now) == NOON + 2 * hour
    booked("now", "cancelled", -hour, -hour, 2 * hour)
    assert await reserved_until(web.site, now) == NOON + 6 * hour, "the next one that there is"
    book.close()
