"""A headless Chromium that tests drive through its own protocol, over two pipes; no network."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--mute-audio"),
    *("--disable-sync", "--disable-extensions", "--hide-scrollbars"),
)
PATIENCE = 60.0  # seconds for one answer


def program() -> str:
    """Where Chromium is; a skip, which says so, where it is not."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser here to look at pages ({', '.join(PROGRAMS)})")
    return found


class Tab:
    """One tab, and everything that it said since it was opened.

    Attributes:
        complaints: console messages, exceptions and log entries.
        requests: the addresses that were asked for.
    """

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back = to, back
        self._left = b""
        self._count = 0
        self._session = ""
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer of the browser to one command."""
        self._count += 1
        number = self._count
        asked: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        while True:
            said = self._message()
            if said.get("id") == number:
                assert "error" not in said, f"{method}: {said['error']}"
                result: dict[str, Any] = said["result"]
                return result

    def _message(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._left:
            assert time.monotonic() < end, "the browser does not answer"
            part = os.read(self._back, 1 << 16)
            assert part, "the browser has gone"
            self._left += part
        line, _, self._left = self._left.partition(b"\0")
        said: dict[str, Any] = json.loads(line)
        self._note(said.get("method", ""), said.get("params", {}))
        return said

    def _note(self, method: str, params: dict[str, Any]) -> None:
        self.events.append(method)
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params["exceptionDetails"])[:600])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(params["args"])[:600])
        elif method == "Log.entryAdded":
            self.complaints.append(json.dumps(params["entry"])[:600])
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, page: Path) -> float:
        """Opens a page; the seconds until it was loaded and its scripts had run."""
        self.events.clear()
        start = time.monotonic()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self.events:
            self._message()
        self.run("1")
        return time.monotonic() - start

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found.get("exceptionDetails")
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """One key, as a person would press it."""
        codes = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36}
        codes |= {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        said = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, **said)

    def click(self, selector: str) -> None:
        """A click in the middle of the first element of a selector."""
        place = self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const r = e.getBoundingClientRect();"
            "return [r.x + Math.min(r.width / 2, 40), r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=place[0],
                y=place[1],
                button="left",
                clickCount=1,
            )

    def prefer(self, scheme: str, width: int = 1280) -> None:
        """What the system asks for: "light" or "dark", and how wide the window is."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )


@contextmanager
def tab() -> Iterator[Tab]:
    """A tab of a browser that is ended afterwards; a skip where there is no browser."""
    path = program()
    (their_in, to), (back, their_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(prefix="verifai-browser-") as profile:
        words = [path, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        line = f"exec {shlex.join(words)} 3<&{their_in} 4>&{their_out}"
        process = subprocess.Popen(
            ["bash", "-c", line],
            pass_fds=(their_in, their_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        try:
            yield Tab(to, back)
        finally:
            os.close(to)
            os.close(back)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            if process.poll() is None:
                process.kill()
                process.wait()
