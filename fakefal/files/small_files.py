"""The smallest valid file of each kind that is not a picture, clip or sound."""

from __future__ import annotations

import json
import struct
import tarfile
import zipfile
from collections.abc import Callable
from io import BytesIO

_CORNERS = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
"""The one triangle of every 3D model."""
_POSITIONS = b"".join(struct.pack("<3f", *corner) for corner in _CORNERS)
_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def small_file(ending: str, caption: str) -> bytes:
    """A valid file of this kind; a file with text contains the caption."""
    return _MAKERS[ending](caption or "fakefal")


def _gltf(buffer: dict[str, object]) -> bytes:
    tree = {
        "asset": {"version": "2.0", "generator": "fakefal"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3", "min": [0, 0, 0], "max": [1, 1, 0]}
        ],
        "bufferViews": [{"buffer": 0, "byteLength": len(_POSITIONS)}],
        "buffers": [{"byteLength": len(_POSITIONS), **buffer}],
    }
    return json.dumps(tree).encode()


def _glb(_: str) -> bytes:
    tree = _gltf({})
    tree += b" " * (-len(tree) % 4)
    chunks = ((b"JSON", tree), (b"BIN\0", _POSITIONS))
    body = b"".join(struct.pack("<I", len(raw)) + kind + raw for kind, raw in chunks)
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def _embedded_gltf(_: str) -> bytes:
    from base64 import b64encode

    return _gltf({"uri": "data:application/octet-stream;base64," + b64encode(_POSITIONS).decode()})


def _obj(_: str) -> bytes:
    corners = "".join(f"v {x} {y} {z}\n" for x, y, z in _CORNERS)
    return f"# fakefal\no triangle\n{corners}f 1 2 3\n".encode()


def _ply(_: str) -> bytes:
    corners = "".join(f"{x} {y} {z}\n" for x, y, z in _CORNERS)
    fields = "".join(f"property float {axis}\n" for axis in "xyz")
    return (
        f"ply\nformat ascii 1.0\nelement vertex 3\n{fields}element face 1\n"
        f"property list uchar int vertex_indices\nend_header\n{corners}3 0 1 2\n"
    ).encode()


def _stl(_: str) -> bytes:
    return b"fakefal".ljust(80, b"\0") + struct.pack("<I12fH", 1, 0, 0, 1, *(part for at in _CORNERS for part in at), 0)


def _fbx(_: str) -> bytes:
    """The text form of FBX, which importers read as well."""
    corners = ",".join(str(part) for corner in _CORNERS for part in corner)
    return (
        "; FBX 7.3.0 project file\nFBXHeaderExtension:  {\n\tFBXHeaderVersion: 1003\n\tFBXVersion: 7300\n}\n"
        'Objects:  {\n\tGeometry: 1, "Geometry::triangle", "Mesh" {\n'
        f"\t\tVertices: *9 {{\n\t\t\ta: {corners}\n\t\t}}\n"
        "\t\tPolygonVertexIndex: *3 {\n\t\t\ta: 0,1,-3\n\t\t}\n\t}\n"
        '\tModel: 2, "Model::triangle", "Mesh" {\n\t\tVersion: 232\n\t}\n}\n'
        'Connections:  {\n\tC: "OO",2,0\n\tC: "OO",1,2\n}\n'
    ).encode()


def _usdz(_: str) -> bytes:
    """A zip of one stored layer whose content starts at a multiple of 64 bytes, as the format requires."""
    points = ", ".join(map(str, _CORNERS))
    layer = (
        '#usda 1.0\n(\n    defaultPrim = "triangle"\n)\ndef Mesh "triangle"\n{\n    int[] faceVertexCounts = [3]\n'
        f"    int[] faceVertexIndices = [0, 1, 2]\n    point3f[] points = [{points}]\n}}\n"
    )
    name = "triangle.usda"
    padding = -(30 + len(name) + 4) % 64
    return _zip(name, layer, extra=struct.pack("<HH", 0x1986, padding) + bytes(padding))


def _zip(name: str, text: str, *, extra: bytes = b"") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo(name, _LONG_AGO)
        entry.extra = extra
        archive.writestr(entry, text)
    return out.getvalue()


def _tar(caption: str) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        content = caption.encode()
        entry = tarfile.TarInfo("output.txt")
        entry.size = len(content)
        archive.addfile(entry, BytesIO(content))
    return out.getvalue()


def _safetensors(_: str) -> bytes:
    """One weight of 0 in the format of the safetensors library."""
    header = json.dumps({"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + bytes(4)


def _npy(_: str) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + bytes(4)


def _splat(_: str) -> bytes:
    """One Gaussian: position, scale, colour, rotation."""
    return struct.pack("<6f8B", 0, 0, 0, 1, 1, 1, 255, 255, 255, 255, 128, 128, 128, 128)


def _blend(_: str) -> bytes:
    """The header of a Blender file and its end block."""
    return b"BLENDER-v400ENDB" + bytes(20)


def _pdf(_: str) -> bytes:
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>",
    )
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)
    return out + b"xref\n0 4\n0000000000 65535 f \n" + table + end


_MAKERS: dict[str, Callable[[str], bytes]] = {
    "glb": _glb,
    "gltf": _embedded_gltf,
    "obj": _obj,
    "mtl": lambda _: b"newmtl white\nKd 1.0 1.0 1.0\n",
    "ply": _ply,
    "stl": _stl,
    "fbx": _fbx,
    "usdz": _usdz,
    "splat": _splat,
    "blend": _blend,
    "zip": lambda caption: _zip("output.txt", caption),
    "tar": _tar,
    "safetensors": _safetensors,
    "pt": lambda caption: _zip("archive/data.txt", caption),
    "npy": _npy,
    "bin": str.encode,
    "json": lambda caption: json.dumps({"made_by": caption}).encode(),
    "jsonl": lambda caption: json.dumps({"made_by": caption}).encode() + b"\n",
    "yaml": lambda caption: b"made_by: " + json.dumps(caption).encode() + b"\n",
    "csv": lambda caption: b"made_by\n" + json.dumps(caption).encode() + b"\n",
    "txt": lambda caption: caption.encode() + b"\n",
    "srt": lambda caption: f"1\n00:00:00,000 --> 00:00:01,000\n{caption}\n".encode(),
    "vtt": lambda caption: f"WEBVTT\n\n00:00.000 --> 00:01.000\n{caption}\n".encode(),
    "html": lambda _: b"<!doctype html><title>fakefal</title>\n",
    "pdf": _pdf,
}
