"""The emulator refuses media that fal could not download, and still takes its own files, however they are addressed."""

from __future__ import annotations

import pytest

from fakefal.testing import Fakefal
from support.endpoints import I2V
from support.media import picture
from support.server import KEY, Serve, Server
from support.uploads import upload


def test_media_on_this_machine_cannot_be_downloaded(server: Server) -> None:
    answer = server.result(I2V, {"prompt": "x", "start_image_url": "http://localhost:3000/a.png"})
    assert answer.status_code == 422
    (item,) = answer.json()["detail"]
    assert (item["type"], item["loc"]) == ("file_download_error", ["body", "start_image_url"])
    assert "no public service reaches localhost" in answer.headers["x-fakefal-hint"]


def test_a_path_gets_the_advice_to_upload_the_file(server: Server) -> None:
    answer = server.result(I2V, {"prompt": "x", "start_image_url": "photo.jpg"})
    said = (
        "'photo.jpg' is not an http(s) or data: address; if it is a file of this machine, upload it, for example with"
    )
    assert said in answer.headers["x-fakefal-hint"]


def test_downloading_is_not_tried_there(serve: Serve) -> None:
    server = serve(fetch=True)
    answer = server.result(I2V, {"prompt": "x", "start_image_url": f"{server.url}/queue"})
    assert [item["type"] for item in answer.json()["detail"]] == ["file_download_error"]


def test_a_name_of_one_network_is_accepted_with_a_warning(server: Server) -> None:
    answer = server.result(I2V, {"prompt": "x", "start_image_url": "http://minio:9000/a.png"})
    assert answer.status_code == 200
    assert "minio looks like the name of one network" in answer.headers["x-fakefal-hint"]


@pytest.mark.parametrize("host", [{}, {"Host": "queue.fal.run"}])
@pytest.mark.parametrize("base", ["{url}", "http://192.168.1.5:8710", "http://fake.localhost/below"])
def test_files_of_the_emulator_stay_good_by_every_base_url(server: Server, host: dict[str, str], base: str) -> None:
    uploaded = upload(server, picture())
    address = uploaded.replace(server.url, base.format(url=server.url))
    path = f"/{I2V}" if host else f"/queue/{I2V}"
    answer = server.http.post(path, json={"prompt": "x", "start_image_url": address}, headers=KEY | host)
    request = f"/queue/fal-ai/kling-video/requests/{answer.json()['request_id']}"
    assert server.http.get(request).status_code == 200


def test_files_below_the_public_url_stay_good(serve: Serve) -> None:
    server = serve(public_url="http://10.0.0.5:8710")
    uploaded = upload(server, picture())
    assert uploaded.startswith("http://10.0.0.5:8710/cdn/files/")
    answer = server.submit(I2V, {"prompt": "x", "start_image_url": uploaded})
    assert server.http.get(answer["response_url"].replace("http://10.0.0.5:8710", "")).status_code == 200


def test_the_fixture_refuses_them_too() -> None:
    import fal_client

    with Fakefal() as fake:
        with pytest.raises(fal_client.FalClientHTTPError, match="Failed to download the file"):
            fal_client.SyncClient(key="a:b").subscribe(I2V, {"prompt": "x", "start_image_url": "http://127.1/a.png"})
        assert [one.succeeded for one in fake.requests] == [False]
