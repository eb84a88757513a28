"""Takes the pictures of the page for the README: ``python -m tools.screenshots``, or ``make screenshots``."""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from fakefal.server.serving import serving
from fakefal.settings import Settings

FOLDER = Path(__file__).parents[1] / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}
COLOURS = 256
I2V = "fal-ai/kling-video/o1/image-to-video"
R2V = "fal-ai/kling-video/o1/reference-to-video"
PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"
SNOW = {"prompt": "The snow melts rapidly to reveal green grass.", "start_image_url": PICTURE}

#: What a studio may have sent, oldest first: key, model, arguments, effect.
SENT: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    ("studio", "fal-ai/flux/dev", {"prompt": "A lighthouse on a cliff, oil painting", "num_images": 2}, ""),
    ("studio", R2V, {"prompt": "A lighthouse at dawn, slow pan", "duration": "10"}, ""),
    ("studio", R2V, {"prompt": "A lighthouse at dawn, slow pan", "duration": "10"}, ""),
    ("radio", "fal-ai/elevenlabs/tts/eleven-v3", {"text": "Good morning. It is six o'clock."}, ""),
    ("studio", I2V, SNOW | {"duration": "5"}, "retry_then_succeed(attempts=2)"),
    ("shop", I2V, SNOW | {"prompt": "A cup turns on a marble table", "duration": 5}, ""),
    ("shop", I2V, {"prompt": "A chair in an empty room", "duration": "10"}, ""),
    ("shop", "fal-ai/flux/schnell", {"prompt": "A red chair on white", "image_size": "square_hd"}, ""),
    ("radio", "fal-ai/whisper", {"audio_url": "https://example.com/interview.mp3"}, ""),
    ("studio", R2V, {"prompt": "Waves below the lighthouse"}, "runner_disconnected"),
)
RUNNING = (
    ("studio", R2V, {"prompt": "The keeper climbs the stairs, lamp in hand", "duration": "10"}),
    ("shop", I2V, SNOW | {"prompt": "The cup fills with tea"}),
)


def main() -> None:
    """Write the pictures of the list, a job, a refusal and the gallery."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    FOLDER.mkdir(exist_ok=True)
    with (
        serving(Settings(profile="quick", seed="pictures")) as where,
        httpx.Client(base_url=where.url, trust_env=False, timeout=60) as http,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        ids = _send(http)
        for name, path, scheme, shows in (
            ("list", "/", "light", "tr[data-job]"),
            ("job", f"/?job={ids[4]}", "light", ".results video"),
            ("refusal", f"/?job={ids[5]}", "dark", ".broken"),
            ("gallery", "/?view=gallery", "light", ".tile"),
        ):
            page = browser.new_page(viewport=SIZE, color_scheme=scheme, device_scale_factor=1)  # type: ignore[arg-type]
            page.goto(f"{where.url}{path}")
            page.locator(".money .warn").last.wait_for()
            page.locator(shows).first.wait_for()
            _settle(page)
            _write(page.screenshot(), FOLDER / f"{name}.png")
            page.close()
        browser.close()


def _send(http: httpx.Client) -> list[str]:
    """Send all jobs on a frozen clock; returns their ids."""
    http.post("/_fakefal/clock", json={"speed": 0}).raise_for_status()
    ids = []
    for at, (key, model, arguments, effect) in enumerate(SENT):
        ids.append(_submit(http, key, model, arguments, effect))
        http.post("/_fakefal/clock", json={"advance": 0.4 if at == 1 else 37}).raise_for_status()
    for key, model, arguments in RUNNING:
        ids.append(_submit(http, key, model, arguments))
        http.post("/_fakefal/clock", json={"advance": 0.8}).raise_for_status()
    return ids


def _submit(http: httpx.Client, key: str, model: str, arguments: dict[str, Any], effect: str = "") -> str:
    headers = {"Authorization": f"Key {key}:secret"} | ({"X-Fakefal-Effect": effect} if effect else {})
    answer = http.post(f"/queue/{model}", json=arguments, headers=headers)
    request_id: str = answer.raise_for_status().json()["request_id"]
    return request_id


def _settle(page: Page) -> None:
    """Wait until every picture and clip is loaded; clips stop at their second second."""
    page.evaluate(
        """async () => {
            const shown = (video) => new Promise((done) => {
                video.pause();
                video.onseeked = done;
                const seek = () => { video.currentTime = 2; };
                if (video.readyState >= HTMLMediaElement.HAVE_METADATA) seek(); else video.onloadedmetadata = seek;
            });
            await Promise.all([...document.querySelectorAll("main video")].map(shown));
            const pictures = [...document.querySelectorAll("main img")];
            for (const one of pictures) one.loading = "eager";
            await Promise.all(pictures.map((one) => one.decode()));
        }"""
    )


def _write(shot: bytes, path: Path) -> None:
    """Write a picture with few colours: a third of the size, and it looks the same."""
    with Image.open(io.BytesIO(shot)) as picture:
        picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    main()
