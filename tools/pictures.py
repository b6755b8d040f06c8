"""Make the pictures of both READMEs: run the demo, and take what its console shows.

    make pictures

Needs Chromium. The demo's story is four simulated hours; the pictures are of its end.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
]  # fmt: skip
WIDE, NARROW = (1280, 800), (390, 844)
# (file, path, size): while the door is open and the van is lost, and at the end of the story.
TROUBLE = (("overview", "/", WIDE), ("overview-phone", "/", NARROW))
AFTERWARDS = (
    ("asset", "/assets/east-gate/fridge-1?range=6h", WIDE),
    ("sms", "/sms", WIDE),
    ("batches", "/batches", WIDE),
)
Pictures = tuple[tuple[str, str, tuple[int, int]], ...]
LANGUAGES = ("en", "zh")
# Real seconds into the story, at 120 times the speed.
TROUBLE_S, AFTERWARDS_S = 36, 112


def console_address(demo: subprocess.Popen[str]) -> str:
    """Return the address that the demo prints."""
    assert demo.stdout is not None
    for line in demo.stdout:
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        if found:
            return found[0]
    raise SystemExit("the demo ended before its console was there")


def take(browser: Browser, address: str, folder: Path, pictures: Pictures) -> None:
    """Take these pictures in both languages."""
    for language in LANGUAGES:
        for name, path, (width, height) in pictures:
            page = browser.new_page(
                viewport={"width": width, "height": height}, device_scale_factor=1.5
            )
            joint = "&" if "?" in path else "?"
            page.goto(f"{address}{path}{joint}lang={language}")
            page.wait_for_timeout(1_200)
            file = folder / f"{name}-{language}.png"
            page.screenshot(path=file, animations="disabled")
            page.close()
            # A third of the size, and no difference to see: the pages have few colours.
            Image.open(file).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(file)


def main() -> int:
    """Run the demo to the end of its story and take the pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "coldwatch", "demo", "--speed", "120", "--dir", state]
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = console_address(demo)
            began = time.monotonic()
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
                for seconds, pictures in ((TROUBLE_S, TROUBLE), (AFTERWARDS_S, AFTERWARDS)):
                    time.sleep(max(0.0, began + seconds - time.monotonic()))
                    take(browser, address, folder, pictures)
                browser.close()
        finally:
            demo.terminate()
            demo.wait(20)
    print(f"pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
