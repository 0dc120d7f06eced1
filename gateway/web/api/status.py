"""/healthz, /readyz and /metrics: for whoever keeps this process running."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import PlainTextResponse, Response

from gateway.errors import TransientError
from gateway.web.live import STATUSES
from gateway.web.site import TheSite
from gateway.web.viewer import Allowed, Anyone, Role, SignIn, Viewer

router = APIRouter(include_in_schema=False)
Somebody = Annotated[Viewer | None, Depends(Anyone())]


class Scraping(Allowed):
    """A guard of what only programs read: who is not known is told so, and is not sent to where people sign in."""

    async def __call__(self, request: Request) -> Viewer:
        """As its parent, with 401."""
        try:
            return await super().__call__(request)
        except SignIn as error:
            raise HTTPException(error.status_code, error.detail, error.headers) from error


Scraper = Annotated[Viewer, Depends(Scraping(Role.OPERATOR, Role.INTEGRATOR))]


@router.get("/healthz")
async def alive(_: Somebody) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def ready(site: TheSite, _: Somebody) -> Response:
    """It hears the broker, and can read the ledger."""
    wrong = [] if site.live.connected else ["no broker"]
    try:
        await site.reading.ask(lambda view: view.last_id())
    except TransientError:
        wrong.append("no ledger")
    return PlainTextResponse("\n".join(wrong or ["ok"]) + "\n", 503 if wrong else 200)


@router.get("/metrics")
async def metrics(site: TheSite, _: Scraper) -> Response:
    """Prometheus text. Nobody is in it."""
    counts = dict.fromkeys(STATUSES, 0)
    for now in site.live.all():
        counts[now.status] += 1
    lines = [
        "# TYPE hadir_web_connected gauge",
        f"hadir_web_connected {int(site.live.connected)}",
        "# TYPE hadir_web_readers gauge",
        f"hadir_web_readers {site.stream.readers.count}",
        "# TYPE hadir_web_followers gauge",
        f"hadir_web_followers {site.followers.readers.count}",
        "# TYPE hadir_places gauge",
        *(f'hadir_places{{status="{status}"}} {count}' for status, count in counts.items()),
        "# TYPE hadir_gateway_ready gauge",
        *(
            f'hadir_gateway_ready{{gateway="{one.id}"}} {int(not site.live.gone(one.id))}'
            for one in site.office.gateways
        ),
        "# TYPE hadir_gateway_waiting gauge",
        *(
            f'hadir_gateway_waiting{{gateway="{name}"}} {told["backlog"]["count"]}'
            for name, told in sorted(site.live.health.items())
            if told.get("backlog")
        ),
        "# TYPE hadir_web_total counter",
        *(f'hadir_web_total{{name="{name}"}} {count}' for name, count in site.counters.snapshot().items()),
    ]
    return PlainTextResponse(
        "\n".join(line.replace("\\", "") for line in lines) + "\n", media_type="text/plain; version=0.0.4"
    )
