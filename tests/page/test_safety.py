"""What others send does nothing in the page, foreign pages read nothing, and beyond loopback a cookie is needed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import expect

from fakefal.engine.emulator import Emulator
from fakefal.server.serving import serving
from fakefal.settings import Settings
from support.browser import Open
from support.endpoints import I2V, O1
from support.server import KEY, Serve, Server
from support.uploads import upload

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HTML = {"Accept": "text/html,application/xhtml+xml"}
EVIL = (
    "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"
    "<svg onload=window.hit=1><iframe srcdoc='<script>parent.hit = 1</script>'>${window.hit = 1}`\u202egnp.exe"
)
PAGES = ("/", "/?job={id}", "/?view=gallery", "/?view=control", "/?view=models&model={model}")


def test_hostile_texts_are_shown_and_do_nothing(server: Server, open_page: Open) -> None:
    for body in ({"prompt": EVIL}, {"prompt": EVIL, EVIL: EVIL}, {"prompt": {EVIL: [EVIL]}}, EVIL):
        server.submit(O1, body, Authorization="Key <b onclick=1>:x")
    effect = {"effect": "respond", "prompt": EVIL}
    server.http.post("/_fakefal/scenarios", json={**effect, "effect": f"respond(logs=[{EVIL[:20]!r}])"})
    upload(server, b"<script>window.hit = 1</script>", **{"Content-Type": "text/html", "X-Fal-File-Name": "a<b>.html"})
    svg = b"<svg xmlns='http://www.w3.org/2000/svg'><script>window.hit = 1</script></svg>"
    url = upload(server, svg, **{"Content-Type": "image/svg+xml", "X-Fal-File-Name": "a.svg"})
    request_id = server.submit(I2V, {"prompt": EVIL, "start_image_url": url, "duration": EVIL})["request_id"]
    for path in PAGES:
        visit = open_page(server.url + path.format(id=request_id, model=I2V))
        expect(visit.page.locator(".money .sum")).to_be_visible()
        expect(visit.page.get_by_role("main")).to_be_visible()
        if path == "/":
            expect(visit.page.locator("tr[data-job] .prompt").first).to_contain_text("</script><script>window.hit = 1")
        if "job" in path:
            expect(visit.page.get_by_role("article", name="Job")).to_contain_text(
                "<img src=x onerror='window.hit = 1'>"
            )
        assert visit.page.evaluate("window.hit") is None
        assert visit.page.locator("iframe, main script, #app script").count() == 0


def test_the_page_asks_nobody_else(server: Server, open_page: Open) -> None:
    body = {"prompt": "x", "start_image_url": "https://example.com/a.png", "end_image_url": "http://10.0.0.1/b.png"}
    request_id = server.submit(I2V, body)["request_id"]
    for path in PAGES:
        visit = open_page(server.url + path.format(id=request_id, model=I2V))
        expect(visit.page.locator(".money .sum")).to_be_visible()
        expect(visit.page.get_by_role("main")).to_be_visible()
        assert [url for url in visit.requests if not url.startswith(f"{server.url}/")] == []


def test_the_policy_of_the_page_forbids_all_else(server: Server) -> None:
    answer = server.http.get("/", headers=HTML)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "media-src": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in answer.text


def test_programs_get_json_and_fals_hosts_no_page(server: Server) -> None:
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        answer = server.http.get("/", headers=accept)
        assert answer.json()["document"] == "/openapi.json"
        assert answer.json()["fal_hosts"]["queue.fal.run"] == "/queue"
        assert answer.headers["vary"] == "accept"
    for host in ("fal.run", "queue.fal.run", "v3.fal.media", "rest.fal.ai", "fal.ai", "api.fal.ai"):
        for path in ("/", "/_fakefal/page/app.js", "/_fakefal/jobs"):
            answer = server.http.get(path, headers={**HTML, "Host": host})
            assert answer.status_code >= 400
            assert "<html" not in answer.text
    assert [call["path"] for call in server.journal(limit=100)][-1] != "/"


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "../control/guard.py", "vendor/README.md", "%2e%2e/control/page.py"]
)
def test_only_files_of_the_page_are_served(server: Server, name: str) -> None:
    assert server.http.get(f"/_fakefal/page/{name}").status_code == 404


#: What a page may try: to read, to use cookies, to write without a preflight, to listen, to frame.
INTRUDER = """async (url) => {
    const said = [];
    const call = async (path, more) => {
        try {
            const answer = await fetch(url + path, more);
            said.push([path, answer.type, await answer.text()]);
        } catch (error) { said.push([path, "error", ""]); }
    };
    await call("/_fakefal/jobs");
    await call("/_fakefal/jobs", { mode: "no-cors", credentials: "include" });
    await call("/_fakefal/events");
    await call("/", { headers: { accept: "text/html" } });
    await call("/_fakefal/reset", { method: "POST", mode: "no-cors" });
    await call("/_fakefal/clock", { method: "POST", mode: "no-cors", body: '{"speed": 0}' });
    const events = new EventSource(url + "/_fakefal/events");
    said.push(await new Promise((done) => {
        events.onerror = () => done(["stream", "error", ""]);
        events.onmessage = (event) => done(["stream", "read", event.data]);
    }));
    const frame = document.createElement("iframe");
    frame.src = url + "/";
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
    try { said.push(["frame", "read", frame.contentDocument.body.textContent]); }
    catch (error) { said.push(["frame", "error", ""]); }
    return said;
}"""


@contextmanager
def foreign_site(body: str) -> Iterator[str]:
    """A web page that another server on this machine serves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


def test_a_foreign_page_reads_nothing_and_changes_nothing(server: Server, browser: Browser) -> None:
    server.submit(O1, {"prompt": "a private lighthouse"})
    with foreign_site("<h1>elsewhere</h1>") as site:
        page = browser.new_page()
        page.goto(site)
        tried = page.evaluate(INTRUDER, server.url)
        page.close()
    assert "lighthouse" not in str(tried)
    assert {kind for _, kind, _ in tried} <= {"error", "opaque"}
    assert server.control("jobs")["stored"] == 1
    assert server.control("clock")["speed"] == 1


class TestBeyondLoopback:
    """Bound to all addresses, with a token."""

    @pytest.fixture
    def exposed(self) -> Iterator[httpx.Client]:
        settings = Settings(profile="instant", control_token="s3cret-tok3n", development_key=False)
        with (
            serving(emulator=Emulator(settings), host="0.0.0.0") as where,
            httpx.Client(base_url=f"http://127.0.0.1:{where.port}", headers=KEY, trust_env=False) as http,
        ):
            yield http

    def test_a_token_typed_once_opens_the_page(self, exposed: httpx.Client, open_page: Open) -> None:
        exposed.post(f"/queue/{O1}", json={"prompt": "a lighthouse"}).raise_for_status()
        base = str(exposed.base_url).rstrip("/")
        visit = open_page(f"{base}/?q=light")
        page = visit.page
        page.get_by_label("Control token").fill("wrong")
        page.get_by_role("button", name="Open").click()
        expect(page.get_by_role("alert")).to_contain_text("missing or wrong")
        page.get_by_label("Control token").fill("s3cret-tok3n")
        page.get_by_role("button", name="Open").click()
        expect(page.locator("tr[data-job]")).to_contain_text("a lighthouse")
        visit.faults.clear()  # Chromium itself notes the 401s
        (cookie,) = page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/_fakefal")
        assert "s3cret" not in cookie["value"]
        assert page.evaluate("document.cookie") == ""
        page.reload()
        expect(page.locator("tr[data-job]")).to_contain_text("a lighthouse")
        page.get_by_role("button", name="Freeze").click()
        expect(page.get_by_role("group", name="Clock")).to_contain_text("frozen")
        exposed.post(f"/queue/{O1}", json={"prompt": "a second light"}).raise_for_status()
        expect(page.locator("tr[data-job]")).to_have_count(2)

    def test_the_cookie_reads_and_writes_only_with_an_origin_of_its_own(self, exposed: httpx.Client) -> None:
        base = str(exposed.base_url).rstrip("/")
        answer = exposed.post("/_fakefal/session", json={"token": "s3cret-tok3n"})
        assert answer.status_code == 200
        given = answer.headers["set-cookie"].partition(";")[0]
        exposed.cookies.clear()

        def status(method: str, path: str, **headers: str) -> int:
            more: dict[str, Any] = {"json": {}} if method == "POST" else {}
            return exposed.request(method, f"/_fakefal/{path}", headers=headers, **more).status_code

        assert status("GET", "jobs") == 401
        assert status("GET", "jobs", Cookie=given) == 200
        assert status("GET", "events", Cookie="fakefal_session=1") == 401
        assert status("GET", "jobs", Cookie=f"{given}0") == 401
        assert status("POST", "clock", Cookie=given) == 401
        assert status("POST", "clock", Cookie=given, Origin="http://elsewhere.example") == 403
        assert status("POST", "clock", Cookie=given, Origin=base) == 200
        assert status("POST", "clock", Cookie=given, Origin=base, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert status("GET", "jobs", Authorization="Bearer s3cret-tok3n") == 200

    @pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
    def test_no_cookie_for_others(self, exposed: httpx.Client, headers: dict[str, str]) -> None:
        answer = exposed.post("/_fakefal/session", json={"token": "s3cret-tok3n"}, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers

    def test_the_page_itself_is_not_for_foreign_names(self, exposed: httpx.Client) -> None:
        assert exposed.get("/", headers={**HTML, "Host": "evil.example"}).status_code == 403
        assert exposed.get("/", headers=HTML).status_code == 200


def test_on_loopback_no_token_is_asked_for(serve: Serve, open_page: Open) -> None:
    page = open_page(serve().url).page
    expect(page.get_by_role("heading", name="No jobs yet")).to_be_visible()
    assert page.context.cookies() == []
