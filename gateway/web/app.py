"""The application: routes, middleware, and what an error looks like to a person and to a program."""

from __future__ import annotations

from http import HTTPStatus
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from pkgutil import iter_modules

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from gateway.errors import HadirError, PermanentError, TransientError
from gateway.web import api, pages
from gateway.web.openapi import document
from gateway.web.rendering import own_path
from gateway.web.security import HEADERS, Guarded
from gateway.web.site import Site
from gateway.web.viewer import SignIn

STATIC = Path(__file__).parent / "static"
HTMX = files("django_htmx") / "static" / "django_htmx"
"""The wheel brings htmx's own file; nothing of Django is imported."""
API = "/api/"
LONGEST_PATH = 512
"""To go on with after signing in."""


class Static(StaticFiles):
    """Files that browsers keep for an hour and ask for again after."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """As its parent, with a time to keep."""
        response = await super().get_response(path, scope)
        response.headers.setdefault("Cache-Control", "public, max-age=3600")
        return response


def build(site: Site) -> FastAPI:
    """The application of one site. Every module of pages/ and api/ that has a `router` is part of it."""
    app = FastAPI(
        title="hadir",
        summary="Presence of a shared office: places, check-ins, reservations, devices, reports.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.site = site
    app.state.parts = {}
    for package in (pages, api):
        for found in sorted(iter_modules(package.__path__), key=lambda module: module.name):
            module = import_module(f"{package.__name__}.{found.name}")
            if hasattr(module, "router"):
                app.include_router(module.router)
    app.openapi = document(app)  # type: ignore[method-assign]
    app.mount("/static/htmx", Static(directory=str(HTMX)), name="htmx")
    app.mount("/static", Static(directory=STATIC), name="static")
    app.add_exception_handler(StarletteHTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HadirError, _failed)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _broken)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Guarded, encrypted=site.office.web.encrypted, proxies=site.office.web.proxies)
    return app


def problem(request: Request, status: int, title: str, **more: object) -> Response:
    """An error as the reader can use it: problem+json (RFC 9457) for programs, a page for people."""
    site: Site = request.app.state.site
    if request.url.path.startswith(API) or "text/html" not in request.headers.get("accept", ""):
        body = {"type": "about:blank", "title": title, "status": status, **more}
        return JSONResponse(body, status, media_type="application/problem+json")
    viewer = getattr(request.state, "viewer", None)
    again = SignIn(_form_of(request)).location
    return site.pages.page(request, "galat.html", viewer, status=status, code=status, why=title, again=again)


def _form_of(request: Request) -> str:
    """The page of ours that a change was sent from; `/` where the browser does not say."""
    host, _, path = request.headers.get("referer", "").partition("://")[2].partition("/")
    return own_path(f"/{path}") if host == request.headers.get("host") and len(path) < LONGEST_PATH else "/"


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, StarletteHTTPException):
        raise error
    if isinstance(error, SignIn) and not request.url.path.startswith(API) and request.method == "GET":
        return RedirectResponse(error.location, status_code=303)
    title = str(error.detail) or HTTPStatus(error.status_code).phrase
    response = problem(request, error.status_code, title)
    response.headers.update(error.headers or {})
    return response


async def _unreadable(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    wrong = [{"where": "/".join(map(str, item["loc"])), "why": item["msg"]} for item in error.errors()]
    return problem(request, 422, "the request has mistakes", errors=wrong[:50])


async def _failed(request: Request, error: Exception) -> Response:
    site: Site = request.app.state.site
    site.counters.add("web.failed", type(error).__name__)
    if isinstance(error, TransientError):
        response = problem(request, 503, str(error))
        response.headers["Retry-After"] = "5"
        return response
    return problem(request, 400 if isinstance(error, PermanentError) else 500, str(error))


async def _gone(request: Request, error: Exception) -> Response:
    """Nobody reads it, unless the body was too large or too slow: then security.py says so in its place."""
    del error
    return problem(request, 400, "the request was not whole")


async def _broken(request: Request, error: Exception) -> Response:
    """A mistake of ours: it is logged by the server, and says nothing of itself outside."""
    site: Site = request.app.state.site
    site.counters.add("web.broken", type(error).__name__)
    response = problem(request, 500, "a mistake of hadir itself; the log has it")
    response.headers.update(HEADERS)  # this answer is made outside of the middleware
    return response


__all__ = ["HTTPException", "build", "problem"]
