"""Media at addresses that no public service reaches, in every form in which programs write them."""

from __future__ import annotations

from typing import Any

import pytest

from fakefal_contracts import check
from fakefal_contracts.addresses import is_loopback, is_public, unreachable_kind
from support.endpoints import I2V, O1, O3

KINDS = {
    "loopback": [
        "localhost",
        "LocalHost.",
        "app.localhost",
        "127.0.0.1",
        "127.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0X7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
    "private": ["10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.257", "3232235777", "[fd00::1]", "[::ffff:a00:1]"],
    "link-local": ["169.254.169.254", "0xa9fea9fe", "[fe80::1]", "[fe80::1%25eth0]", "[fe80::1%e0]"],
    "carrier-grade": ["100.64.0.1", "100.127.255.255"],
    "unspecified": ["0", "0.0.0.0", "0.0.0.1", "[::]"],
    "multicast": ["224.0.0.1", "[ff02::1]"],
    "documentation": ["192.0.2.1", "198.51.100.7", "203.0.113.9", "[2001:db8::1]", "[3fff::1]"],
    "reserved": ["192.0.0.192", "168.63.129.16", "198.19.0.1", "255.255.255.255", "[64:ff9b:1::1]", "[2001::1]"],
}
PUBLIC = [
    "example.com",
    "8.8.8.8",
    "134744072",
    "9.255.255.255",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "[2606:4700::1111]",
    "[::ffff:8.8.8.8]",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "1.2.3.4.5",
    "256.1.1.1",
    "08.8.8.8",
]
PICTURES = {"frontal_image_url": "https://a.example/f.png", "reference_image_urls": ["https://a.example/r.png"]}
LOCAL = "http://localhost:3000/a"
FIELDS: list[tuple[str, dict[str, Any], tuple[Any, ...]]] = [
    (I2V, {"start_image_url": LOCAL}, ("start_image_url",)),
    (I2V, {"start_image_url": "https://a.example/b.png", "end_image_url": LOCAL}, ("end_image_url",)),
    (O1, {"image_urls": ["https://a.example/b.png", LOCAL]}, ("image_urls", 1)),
    (O1, {"elements": [PICTURES | {"frontal_image_url": LOCAL}]}, ("elements", 0, "frontal_image_url")),
    (O1, {"elements": [PICTURES | {"reference_image_urls": [LOCAL]}]}, ("elements", 0, "reference_image_urls", 0)),
    (O3, {"start_image_url": LOCAL}, ("start_image_url",)),
    (O3, {"elements": [{"video_url": LOCAL}]}, ("elements", 0, "video_url")),
]


@pytest.mark.parametrize(("kind", "host"), [(kind, host) for kind, hosts in KINDS.items() for host in hosts])
def test_a_host_that_nobody_reaches_is_refused_by_its_kind(kind: str, host: str) -> None:
    assert unreachable_kind(host) == kind
    assert is_loopback(host) is (kind == "loopback")
    report = check(I2V, {"prompt": "x", "start_image_url": f"http://{host}:3000/a.png"})
    assert [(error.type, error.loc) for error in report.errors] == [("file_download_error", ("start_image_url",))]


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_host_is_left_unchecked(host: str) -> None:
    report = check(I2V, {"prompt": "x", "start_image_url": f"http://{host}/a.png"})
    assert (report.ok, report.warnings, len(report.unchecked)) == (True, (), 1)


@pytest.mark.parametrize(("endpoint_id", "media", "loc"), FIELDS)
def test_every_media_field_is_looked_at(endpoint_id: str, media: dict[str, Any], loc: tuple[Any, ...]) -> None:
    errors = check(endpoint_id, {"prompt": "x"} | media).errors
    assert [(error.type, error.loc, error.rule.id.rpartition(".")[2]) for error in errors] == [
        ("file_download_error", loc, "reachable")
    ]
    assert (
        "no public service reaches localhost (loopback address); upload it, for example with fal_client.upload_file"
        in errors[0].hint
    )


@pytest.mark.parametrize("host", ["minio", "nas.local", "host.docker.internal", "media.svc.internal.", "pc.lan"])
def test_a_name_of_one_network_is_a_warning(host: str) -> None:
    report = check(I2V, {"prompt": "x", "start_image_url": f"http://{host}:9000/a.png"})
    assert report.ok
    assert [(one.code, one.loc) for one in report.warnings] == [("local_name", ("start_image_url",))]


@pytest.mark.parametrize(("address", "public"), [("8.8.8.8", True), ("fe80::1%eth0", False), ("::ffff:8.8.8.8", True)])
def test_addresses_that_names_lead_to_are_judged_by_the_same_list(address: str, public: bool) -> None:
    assert is_public(address) is public
