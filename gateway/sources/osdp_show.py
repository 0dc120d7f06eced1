"""What an OSDP reader shows of what a tap has done, as the fields of libosdp's commands."""

from __future__ import annotations

from typing import Any, Literal

Outcome = Literal["taken", "left", "refused"]
"""As gateway.feedback has it, which stands above the sources."""


def light(library: Any, outcome: Outcome) -> dict[str, Any]:
    """A temporary colour; all times in 100 ms."""
    color = library.LED_COLOR_RED if outcome == "refused" else library.LED_COLOR_GREEN
    on, off = (2, 2) if outcome == "left" else (15, 0)
    return {
        "led_number": 0,
        "temporary": True,
        "control_code": 2,  # set it and start the timer
        "on_count": on,
        "off_count": off,
        "on_color": color,
        "off_color": library.LED_COLOR_NONE,
        "timer_count": 15,
    }


def sound(outcome: Outcome) -> dict[str, int]:
    """Beeps of the default tone; all times in 100 ms."""
    on, times = {"taken": (1, 1), "left": (1, 2), "refused": (8, 1)}[outcome]
    return {"control_code": 2, "on_count": on, "off_count": 1, "rep_count": times}
