"""The command `hadir`. Each subcommand imports what it needs, so that the edge role stays small.

Exit status: 0 well, 1 the work failed, 2 the command or the configuration is wrong, 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from gateway.errors import ConfigError, HadirError
from gateway.evaluate import cli as evaluating
from gateway.survey import cli as surveying

EXIT_FAILED = 1
EXIT_WRONG = 2
EXIT_STOPPED = 130


def parser() -> argparse.ArgumentParser:
    """All subcommands and their arguments."""
    top = argparse.ArgumentParser(prog="hadir", description="Edge gateway for smart-office presence.")
    top.add_argument("--log", default="warning", choices=["debug", "info", "warning", "error"], help="how much to log")
    top.add_argument("--version", action="version", version=f"hadir {version('hadir')}")
    sub = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return sub.add_parser(name, help=text, description=text)

    def daemon(name: str, text: str) -> argparse.ArgumentParser:
        made = add(name, text)
        made.add_argument("file", type=Path, metavar="office.yaml")
        made.add_argument("--clock", metavar="START@ANCHORxSPEED", help="scaled office time, for simulations")
        made.add_argument("--trace", type=Path, metavar="FILE", help="append latency traces (JSON Lines) to FILE")
        made.add_argument("--with-parent", action="store_true", help="stop when standard input closes")
        return made

    demo = add("demo", "Run a simulated office on an embedded broker and store.")
    demo.add_argument("--seconds", type=_seconds, default=0, help="stop after so many seconds (0: until Ctrl-C)")
    demo.add_argument("--speed", type=_speed, default=60, help="office seconds a second (60, the most)")
    demo.add_argument("--seed", type=int, default=1, help="one seed, one day")
    demo.add_argument("--json", action="store_true", help="no table; one JSON object last")
    demo.add_argument("--folder", type=Path, help="keep everything in this folder (default: a temporary one)")
    demo.add_argument("--faults", action="store_true", help="frames are lost and damaged; a line and a battery fail")
    demo.add_argument("--no-ble", action="store_true", help="tags through the replay source, without D-Bus")
    demo.add_argument(
        "--control",
        choices=["always_unknown", "always_occupied", "hold_of_an_hour"],
        help="run a deliberately wrong rule: the checks must fail",
    )

    run = daemon("run", "Run one gateway.")
    run.add_argument("--gateway", required=True, metavar="ID", help="which of office.yaml's gateways this box is")
    run.add_argument("--control", help=argparse.SUPPRESS)
    daemon("ingest", "Run the archive: commit, acknowledge, project.")
    daemon("serve", "Run the web application, on the archive's box.")
    up = daemon("up", "Run every role of an office on this machine.")
    up.add_argument("--log-folder", type=Path, help="write the roles' output to files here")
    up.add_argument("--no-web", action="store_true", help="without the web application")

    init = add("init", "Make a site: keys and office.yaml.")
    init.add_argument("folder", type=Path)
    init.add_argument("--site", default="kantor", help="identifier of the site")
    check = add("check", "Check office.yaml: every mistake with file, line and what to do.")
    check.add_argument("file", type=Path)
    schema = add("schema", "Write the contract: JSON Schemas and AsyncAPI.")
    schema.add_argument("folder", type=Path, nargs="?", default=Path("docs/contract"))
    decode = add("decode", "Decode frames: JSON Lines in, JSON Lines out.")
    decode.add_argument("file", type=Path, nargs="?", help="default: standard input")
    devices = add("devices", "List devices.")
    what = devices.add_mutually_exclusive_group(required=True)
    what.add_argument("--supported", action="store_true", help="what the installed drivers read")
    what.add_argument("--guide", type=Path, metavar="FILE", help="write docs/devices.md")
    devices.add_argument("--json", action="store_true", help="an object a line, with media, products and kinds in full")

    people = add("people", "The people table: who holds which card or tag.")
    people.add_argument("file", type=Path, metavar="office.yaml")
    people.add_argument(
        "action",
        choices=["enrol", "add", "list", "disable", "quiet", "unquiet", "erase"],
        help="enrol a person; add a card or tag; disable all of a person's; quiet: no sensing, acts still count; erase",
    )
    people.add_argument("--unit", default="_", help="agency of the person")
    people.add_argument("--credential", action="append", default=[], help="em4100:..., ibeacon:...; may be repeated")
    people.add_argument("--realm", help="realm of the credentials (default: the site)")
    people.add_argument("--pid", help="which person, as enrol and list say it")
    people.add_argument("--name", help="of who is enrolled; sealed, and shown to whom they choose")
    people.add_argument("--staff-number", metavar="NIP", help="of who is enrolled; sealed. Providers sign in by it")

    accounts = add("accounts", "Who may sign in to the web application.")
    accounts.add_argument("file", type=Path, metavar="office.yaml")
    accounts.add_argument(
        "action",
        choices=["code", "token", "list", "disable", "enable", "unlink", "revoke"],
        help="code: print a one-time sign-in code; token: print a bearer token (backend, kiosk, display); unlink: end"
        " its links with OpenID Connect providers; revoke: end its tokens",
    )
    accounts.add_argument("--pid", help="of this person: employee's pages, and whatever --role adds")
    accounts.add_argument("--account", metavar="ID", help="an account that there is, as list says it")
    accounts.add_argument(
        "--role", action="append", default=[], choices=["operator", "analyst", "integrator", "kiosk", "display"]
    )
    accounts.add_argument("--unit", action="append", default=[], help="whose people its roles may see; * for all")
    accounts.add_argument("--place", default="", help="where a kiosk or display hangs: building/floor/zone")
    accounts.add_argument("--label", default="", help="what list calls it")

    labels = add("stickers", "Print QR stickers of desks, rooms and booths: a PDF of label sheets.")
    labels.add_argument("file", type=Path, metavar="office.yaml")
    labels.add_argument("--out", type=Path, default=Path("stickers.pdf"), metavar="FILE")
    labels.add_argument("--place", default="", help="only at or below this place: building/floor/zone")
    labels.add_argument("--url", default="", help="how phones reach the web application (default: web.url)")
    labels.add_argument(
        "--sheet",
        default="63.5x38.1",
        choices=["63.5x38.1", "70x37", "99.1x67.7", "105x74"],
        help="size of a label, mm: 21, 24, 8 or 8 a page of A4",
    )
    labels.add_argument("--skip", type=int, default=0, metavar="N", help="labels that the first sheet has lost already")
    labels.add_argument("--language", default="id", choices=["id", "en"])

    record = add("record", "Record readings (with pseudonyms) of a running gateway.")
    record.add_argument("socket", type=Path, help="control socket of the gateway")
    record.add_argument("output", type=Path)
    record.add_argument("--seconds", type=float, default=0)
    replay = add("replay", "Replay a recording or a zone pack through the whole path into the archive.")
    replay.add_argument("path", type=Path)
    replay.add_argument("--into", type=Path, default=Path("var/replay"), help="folder of the archive")
    replay.add_argument("--speed", type=float, default=0, help="0: as fast as it goes")
    replay.add_argument("--json", action="store_true")

    evaluating.add(add)
    surveying.add(add)
    for name, text in {
        "status": "What a running gateway is doing, and what is wrong.",
        "backlog": "What waits in the outbox.",
        "dead-letters": "Events that were set aside, and why.",
    }.items():
        made = add(name, text)
        made.add_argument("socket", type=Path, help="control socket of the gateway (var/<gateway>/control.sock)")
    tail = add("tail", "Follow events, one JSON object a line.")
    tail.add_argument(
        "source",
        metavar="SOURCE",
        help="control socket of a gateway (as they are committed), office.yaml (over MQTT), or the web's address",
    )
    tail.add_argument("--topic", action="append", default=[], help="MQTT: filter below hadir/v1/ (evt and hist)")
    tail.add_argument("--type", action="append", default=[], help="of this event type only; may be repeated")
    tail.add_argument("--place", default="", help="at this place or below: site/building/floor/...")
    tail.add_argument("--after", default="", metavar="CURSOR", help="web: from this cursor on; 0: from the beginning")
    tail.add_argument("--token-file", type=Path, help="web: a bearer token (or in HADIR_TOKEN)")
    why = add("why", "What was held of a place or a person at a time, and why.")
    why.add_argument(
        "source",
        type=Path,
        nargs="?",
        help="office.yaml (default: the one in this folder), or the control socket of a gateway for what is now",
    )
    why.add_argument("what", metavar="PLACE_OR_PID", help="site/building/floor/zone/space, d-001, or a pid")
    why.add_argument(
        "--at", default="now", metavar="TIME", help='site time: "09:15", "2026-11-26 09:15", RFC 3339 (default: now)'
    )
    why.add_argument("--json", action="store_true", help="one JSON object")
    return top


def _seconds(text: str) -> float:
    if not (seconds := float(text)) >= 0:
        raise argparse.ArgumentTypeError("not below 0")
    return seconds


def _speed(text: str) -> float:
    if not 0 < (speed := float(text)) <= 60:
        raise argparse.ArgumentTypeError(
            "above 0 and at most 60: any faster, and a second tap cannot be told from a card that is still held"
        )
    return speed


def _one_thread() -> None:
    """For numpy's linear algebra: matrices are small, and on a busy box threads that wait for each other spin."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; the process's exit status."""
    _one_thread()
    arguments = parser().parse_args(argv)
    logging.basicConfig(
        level=arguments.log.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    try:
        return _dispatch(arguments)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG
    except HadirError as error:
        sys.stderr.write(f"hadir: {error}\n")
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_STOPPED
    except BrokenPipeError:  # `hadir ... | head`
        sys.stderr.close()
        return 0


def _dispatch(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "demo":
            from gateway.demo.main import demo

            return demo(arguments)
        case "run" | "ingest":
            gc.disable()  # until it runs: daemon.tune_interpreter
            from gateway.start import daemon

            return daemon(arguments)
        case "serve":
            from gateway.web.serve import serve

            return serve(arguments)
        case "stickers":
            from gateway.web.stickers_cli import stickers

            return stickers(arguments)
        case "accounts":
            from gateway.web.accounts_cli import accounts

            return accounts(arguments)
        case "up":
            from gateway.start import up

            return up(arguments)
        case "replay":
            from gateway.replay import replay

            return replay(arguments)
        case "record":
            from gateway.record import record

            return record(arguments)
        case "evaluate" | "learn":
            return evaluating.run(arguments)
        case "survey":
            return surveying.run(arguments)
        case _:
            from gateway.tools import run

            return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
