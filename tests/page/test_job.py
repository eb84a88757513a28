"""One job: the result itself, where its time went, what is wrong with its arguments, and the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.browser import Open
from support.endpoints import I2V, O1
from support.receivers import Receiver
from support.server import SECRET, Serve, Server

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

PICTURE = "https://v3b.fal.media/files/b/rabbit/NaslJIC7F2WodS6DFZRRJ.png"


def section(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name="Job").get_by_role("region", name=name, exact=True)


@pytest.fixture
def look(open_page: Open, server: Server) -> Any:
    """Submit, and open the job's own address."""

    def open_job(endpoint_id: str, arguments: Any, **headers: str) -> Page:
        request_id = server.submit(endpoint_id, arguments, **headers)["request_id"]
        page = open_page(f"{server.url}/?job={request_id}").page
        expect(page.get_by_role("article", name="Job")).to_contain_text(request_id)
        return page

    return open_job


def plays(media: Locator, seconds: float) -> None:
    """Wait until it was played so far."""
    reached = "(media, at) => new Promise(done => { media.ontimeupdate = () => media.currentTime > at && done(); })"
    media.evaluate(reached, seconds)


MP4 = (O1, {"prompt": "a lighthouse", "duration": "5"}, ".mp4")
WEBM = ("fal-ai/ben/v2/video", {"video_url": "https://example.com/clip.mp4", "output_format": "webm"}, ".webm")


@pytest.mark.parametrize(("endpoint_id", "arguments", "ending"), [MP4, WEBM], ids=["MP4", "WebM"])
def test_its_clip_plays_by_itself(
    server: Server, open_page: Open, endpoint_id: str, arguments: Any, ending: str
) -> None:
    request_id = server.submit(endpoint_id, arguments)["request_id"]
    page = open_page(f"{server.url}/?job={request_id}", reduced_motion="no-preference").page
    clip = section(page, "Result").locator("video")
    plays(clip, 0.3)
    assert clip.evaluate("clip => [clip.duration >= 5, clip.videoWidth > 0, clip.error]") == [True, True, None]
    assert clip.evaluate("clip => new URL(clip.currentSrc).pathname").endswith(ending)


def test_it_waits_to_be_started_by_who_wants_little_motion(look: Any) -> None:
    page = look(O1, {"prompt": "a lighthouse", "duration": "5"})
    clip = section(page, "Result").locator("video")
    expect(clip).to_be_visible()
    assert clip.evaluate("clip => clip.paused && !clip.autoplay")
    clip.evaluate("clip => clip.play()")
    plays(clip, 0.3)


def test_its_sound_and_its_pictures_open(look: Any) -> None:
    page = look("fal-ai/elevenlabs/tts/eleven-v3", {"text": "Hello there"})
    sound = section(page, "Result").locator("audio")
    sound.evaluate("sound => sound.play()")
    plays(sound, 0.1)
    page = look("fal-ai/flux/dev", {"prompt": "a lighthouse", "num_images": 2})
    pictures = section(page, "Result").locator("img")
    expect(pictures).to_have_count(2)
    for at in range(2):
        pictures.nth(at).evaluate("picture => picture.decode()")


def test_a_refusal_shows_rule_and_hint_at_its_field(look: Any) -> None:
    page = look(I2V, {"prompt": "x", "start_image_url": PICTURE, "duration": 5})
    broken = section(page, "Arguments").locator(".field.broken")
    expect(broken).to_have_count(1)
    expect(broken.locator("dt")).to_have_text("duration")
    expect(broken).to_contain_text('send it as a string: "5"')
    expect(broken).to_contain_text("o1.image-to-video.duration.one_of")
    page = look(I2V, {"prompt": "x"})
    broken = section(page, "Arguments").locator(".field.broken")
    expect(broken.locator("dt")).to_have_text("start_image_url")
    expect(broken).to_contain_text("missing")


def test_arguments_show_their_pictures_and_never_those_of_others(look: Any) -> None:
    page = look(I2V, {"prompt": "x", "start_image_url": PICTURE, "end_image_url": "https://example.com/private.png"})
    thumbs = section(page, "Arguments").locator("img")
    expect(thumbs).to_have_count(1)
    thumbs.evaluate("picture => picture.decode()")
    expect(section(page, "Arguments")).to_contain_text("https://example.com/private.png")


def test_the_waterfall_has_queue_attempts_and_webhook_tries(serve: Serve, open_page: Open, receiver: Receiver) -> None:
    server = serve(profile="quick")
    server.http.post("/_fakefal/clock", json={"speed": 0})
    receiver.answers = [500]
    effect = {"X-Fakefal-Effect": "retry_then_succeed(attempts=1)"}
    given = {"params": {"fal_webhook": receiver.url}, "json": {"prompt": "x"}, "headers": effect}
    request_id = server.http.post(f"/queue/{O1}", **given).json()["request_id"]  # type: ignore[arg-type]
    server.advance(2.8)
    page = open_page(f"{server.url}/?job={request_id}").page
    spans = section(page, "Timeline").locator(".span:not(.axis)")
    expect(spans.locator(".name")).to_have_text(["Queue", "Attempt 1", "Attempt 2", "Webhook 1", "Webhook 2"])
    expect(spans.locator(".took")).to_have_text(["0.50 s", "0.20 s", "2.0 s", "+2.7 s answered 500", "+7.7 s due"])
    server.advance(10)
    expect(spans.locator(".took").last).to_have_text("+7.7 s delivered")
    expect(section(page, "Log")).to_contain_text("Attempt 1 failed")


def test_the_wire_shows_both_sides_without_a_secret(look: Any) -> None:
    page = look(O1, {"prompt": "a lighthouse"}, **{"X-Fal-Queue-Priority": "low"})
    wire = section(page, "HTTP messages")
    for summary in wire.locator("summary").all()[:2]:
        summary.click()
    expect(wire).to_contain_text("Authorization: Key tester:***")
    expect(wire).to_contain_text("X-Fal-Queue-Priority: low")
    expect(wire).to_contain_text("status: 200 OK")
    expect(wire).to_contain_text("x-fal-billable-units: 5.0")
    expect(wire).to_contain_text("1 call about it")
    assert SECRET not in page.content()


def test_a_job_that_is_unknown_says_so(open_page: Open, server: Server) -> None:
    server.submit(O1, {"prompt": "x"})
    visit = open_page(f"{server.url}/?job=nothing")
    expect(visit.page.get_by_role("article", name="Job")).to_contain_text("NOT_FOUND")
    visit.faults.clear()  # Chromium itself notes the 404


def test_the_gallery_has_results_and_uploads(server: Server, open_page: Open) -> None:
    server.submit(O1, {"prompt": "x"})
    server.submit("fal-ai/flux/dev", {"prompt": "x"})
    server.submit(I2V, {"prompt": "x", "start_image_url": "data:image/png;base64," + "A" * 1000})
    page = open_page(f"{server.url}/?view=gallery").page
    results = page.get_by_role("region", name="Results").get_by_role("listitem")
    expect(results).to_have_count(2)
    expect(page.get_by_role("region", name="Uploads").get_by_role("listitem")).to_have_count(1)
    results.first.locator("img").evaluate("picture => picture.decode()")
    results.first.get_by_role("link").last.click()
    expect(page.get_by_role("article", name="Job")).to_contain_text("flux/dev")
