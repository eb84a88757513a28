"""Keys, tokens and signed addresses are in no log, however much is logged, and not in the journal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx

from support.endpoints import O1
from support.programs import ready
from support.server import SECRET
from support.waiting import LIMIT

SERVE = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from fakefal.cli import main
main(["serve", "--port", "0", "--ready-file", sys.argv[1]])
"""


class TestSecrets:
    def test_keys_and_tokens_are_never_logged(self, tmp_path: Path) -> None:
        file, log = tmp_path / "ready.json", tmp_path / "log"
        environ = {**os.environ, "FAKEFAL_KEYS": f"tester:{SECRET}", "FAKEFAL_CONTROL_TOKEN": SECRET[::-1]}
        environ["FAKEFAL_PROFILE"] = "instant"
        with log.open("wb") as out:
            command = [sys.executable, "-X", "dev", "-c", SERVE, str(file)]
            process = subprocess.Popen(command, stderr=out, stdout=out, env=environ, cwd=tmp_path)
        try:
            tokens = self._use(ready(process, file)["url"])
        finally:
            process.terminate()
            process.wait(LIMIT)
        said = log.read_text("utf-8", "replace")
        assert "DEBUG:" in said
        for secret in (SECRET, SECRET[::-1], *tokens):
            assert secret not in said

    @staticmethod
    def _use(url: str) -> list[str]:
        """Every way in which a secret is sent, well and badly; returns the tokens that were given out."""
        good = {"Authorization": f"Key tester:{SECRET}"}
        with httpx.Client(base_url=url, headers=good, trust_env=False) as http:
            assert http.post(f"/run/{O1}", json={"prompt": "x", "duration": SECRET}).status_code == 422
            assert http.post(f"/queue/{O1}", json={"prompt": "x"}).status_code == 200
            token = http.post("/rest/storage/auth/token", json={}).json()["token"]
            upload = http.post("/rest/storage/upload/initiate", json={"file_name": "a", "content_type": "a/b"}).json()
            assert http.put(upload["upload_url"], content=b"x").is_success
            http.post("/cdn/files/upload", content=b"x", headers={"Authorization": f"Bearer {token}"})
            http.get(f"/run/{O1}/stream", params={"fal_jwt_token": SECRET})
            http.post(f"/queue/{O1}", content=SECRET.encode())
            for header in (SECRET, f"Key {SECRET}", f"Key x:{SECRET}", f"Bearer {SECRET}"):
                http.post(f"/queue/{O1}", json={}, headers={"Authorization": header})
                http.get("/_fakefal/health", headers={"Authorization": header})
            control = {"Authorization": f"Bearer {SECRET[::-1]}"}
            hook = {"fal_webhook": f"{url}/hook?token={SECRET}"}
            assert http.post(f"/queue/{O1}", params=hook, json={"prompt": "x"}).is_success
            http.post("/_fakefal/clock", json={"advance": 0}, headers=control)
            assert http.get("/_fakefal/webhooks", headers=control).json()[0]["attempts"]
            journal = http.get("/_fakefal/journal", headers=control)
            assert journal.status_code == 200
            assert SECRET not in journal.text
        return [token, httpx.URL(upload["upload_url"]).params["upload_token"]]
