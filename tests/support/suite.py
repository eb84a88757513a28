"""What a program sees of the service through the client: the same claims over a socket, in process, and at fal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from fakefal_client import Completed, InProgress, NotFound, OverBudget, Queued, RequestRefused
from fakefal_client.kling import KlingO1ReferenceToVideo, VideoOutput
from support.endpoints import O1, STANDARD
from support.waiting import LIMIT

NOWHERE = "019e161b-0000-7d33-8106-f2de1a3ff595"


class Suite:
    """Subclasses give the fixture ``client``.  What costs money spends at most one short job a test."""

    def test_a_job_from_submit_to_its_video(self, client: Any, tmp_path: Path) -> None:
        before = client.budget.spent
        job = self.paid(client, KlingO1ReferenceToVideo(prompt="A lighthouse at dawn, slow pan"))
        seen = list(job.updates())
        order = [Queued, InProgress, Completed]
        ranks = [order.index(type(update)) for update in seen]
        assert ranks == sorted(ranks)
        assert ranks[-1] == 2
        assert seen[-1].inference_seconds is not None
        output = job.result()
        assert isinstance(output, VideoOutput)
        progress: list[Any] = []
        saved = job.download(tmp_path / "clip.mp4", on_progress=progress.append)
        assert saved.read_bytes()[4:8] == b"ftyp"
        assert progress[-1].done == saved.stat().st_size
        assert client.budget.pending == 0
        assert client.budget.spent - before == job.estimated_usd
        assert client.resume(job.request_id, O1).status() == Completed(
            job.request_id, client.resume(job.request_id, O1).status().logs, seen[-1].inference_seconds
        )
        assert not job.cancel(), "it is over"

    @pytest.mark.parametrize("road", ["subscribe", "run"])
    @pytest.mark.parametrize("endpoint_id", [O1, STANDARD])
    def test_a_refusal_names_the_field_and_costs_nothing(self, client: Any, road: str, endpoint_id: str) -> None:
        """A missing prompt: seen refused at fal, under every schema."""
        before = client.budget.spent
        with pytest.raises(RequestRefused) as caught:
            getattr(client, road)(endpoint_id, {}, preflight=False, reserve_usd=0)
        fields = {field.loc: field for field in caught.value.fields}
        assert fields["body", "prompt"].type == "missing"
        assert (caught.value.status, caught.value.maybe_paid) == (422, False)
        assert caught.value.request_id
        assert (client.budget.spent, client.budget.pending) == (before, 0)

    def test_an_unknown_job_is_not_found(self, client: Any) -> None:
        with pytest.raises(NotFound) as caught:
            client.resume(NOWHERE, O1).status()
        assert caught.value.status == 404

    @pytest.mark.parametrize("size", [10, 300_000])
    def test_an_upload_can_be_read(self, client: Any, size: int) -> None:
        content = b"%06d" % size * (size // 6)
        address = client.upload(content, file_name="note.txt", content_type="text/plain")
        assert httpx.get(address, timeout=LIMIT).content == content

    def test_prices_need_no_call(self, client: Any) -> None:
        assert float(client.estimate(KlingO1ReferenceToVideo(prompt="x", duration="10")).usd) == 1.12
        with pytest.raises(OverBudget):
            client.submit(KlingO1ReferenceToVideo(prompt="x"), reserve_usd=1_000_000)

    def paid(self, client: Any, request: Any) -> Any:
        """A job, where the budget allows it."""
        try:
            return client.submit(request)
        except OverBudget as error:
            pytest.skip(f"NOT TESTED: {error}")
