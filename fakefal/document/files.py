"""The calls of the REST host and of the CDN."""

from __future__ import annotations

from fakefal.document.operation import (
    JSON,
    KEY,
    UPLOAD,
    DocumentedAnswer,
    Json,
    Operation,
    either,
    file_links,
    link,
    parameter,
    refusals,
    request_body,
    schema,
)
from fakefal.document.queue import ID
from fakefal.wire.rest import STORAGE_TYPES
from fakefal.wire.upload_lifecycle import HEADER
from fakefal_contracts.hosts import Part

REST, FILES = f"/{Part.REST}", f"/{Part.CDN}/files"
RANGE = "^bytes=([0-9]+-[0-9]*|-[0-9]+)$"
BYTES: Json = {"type": "string", "contentMediaType": "application/octet-stream"}
FILE = request_body({}, "application/octet-stream", required=False, text="The bytes of the file, in its media type.")
LIFECYCLE = parameter(
    HEADER,
    "header",
    "How long the file is kept (emulated seconds), and who may read it.",
    content={JSON: {"schema": schema("StorageSettingsBody")}},
)
NAME = parameter("X-Fal-File-Name", "header", "The file name.")
UPLOAD_TOKEN = parameter(
    "upload_token",
    "query",
    "The token in the upload_url from the operation initiate.",
    required=True,
    schema={"type": "string"},
)
WRONG = either("Refusal", "Problems")

UPLOADED = DocumentedAnswer("The file is stored.", "Uploaded", links=file_links())
STORAGE_TYPE = parameter(
    "storage_type",
    "query",
    "The storage: fal-cdn-v3, or gcs as the Python client uses for a fallback.",
    enum=list(STORAGE_TYPES),
)
UPLOADS = {
    "upload": link("upload", "Upload a file with the token."),
    "beginMultipart": link("beginMultipart", "Start a multipart upload."),
}
UPLOAD_ID = {"upload_id": "$response.body#/uploadId"}
OF_UPLOAD = {
    "putPart": link("putPart", "Upload a part.", **UPLOAD_ID),
    "complete": link("completeMultipart", "Complete the multipart upload.", **UPLOAD_ID),
}
"""The path is that of `access_url` in the answer."""

OF_PART = {"complete": link("completeMultipart", "Complete the multipart upload.", upload_id="$request.path.upload_id")}
PART = DocumentedAnswer("The part is stored.", "PartBody", headers=("etag",), links=OF_PART)
UPLOAD_REFUSALS = {**refusals("Refusal", 401, 413, headers=ID), **refusals(WRONG, 422, headers=ID)}
TOKEN_REFUSALS = {**UPLOAD_REFUSALS, **refusals("Refusal", 403, 404, headers=ID)}
INITIATE = {
    200: DocumentedAnswer("The URL to upload to, and the future URL of the file.", "UploadPlace"),
    **refusals("Refusal", 401, 403, 413, headers=ID),
    **refusals(WRONG, 422, headers=ID),
}
OF_ACCOUNT = refusals("Refusal", 401, 403, headers=ID)
FOR_BROWSER = {
    200: DocumentedAnswer("The token, as a JSON string.", {"type": "string"}),
    **OF_ACCOUNT,
    **refusals("Refusal", 400, headers=ID),
    **refusals("Problems", 422, headers=ID),
}

OPERATIONS = {
    f"POST {REST}/storage/auth/token": Operation(
        name="uploadGrant",
        answers={
            200: DocumentedAnswer("A token that is valid for an hour.", "UploadGrant", links=UPLOADS),
            **OF_ACCOUNT,
        },
        security=(KEY,),
    ),
    f"GET {REST}/.well-known/jwks.json": Operation(
        name="signingKeys", answers={200: DocumentedAnswer("The public keys.", "JwksBody", headers=("cache-control",))}
    ),
    f"GET {REST}/users/current": Operation(
        name="currentUser",
        answers={200: DocumentedAnswer("The account.", "Account"), **refusals("Refusal", 401, headers=ID)},
        security=(KEY,),
    ),
    f"GET {REST}/billing/user_balance": Operation(
        name="userBalance",
        answers={
            200: DocumentedAnswer("The balance in US dollars.", {"type": "number"}),
            **refusals("Refusal", 401, headers=ID),
        },
        security=(KEY,),
    ),
    f"POST {REST}/storage/upload/initiate": Operation(
        name="initiate",
        answers=INITIATE,
        security=(KEY,),
        parameters=(STORAGE_TYPE, LIFECYCLE),
        body=request_body("NewFile"),
    ),
    f"POST {REST}/storage/upload/initiate-multipart": Operation(
        name="initiateMultipart",
        answers=INITIATE,
        security=(KEY,),
        parameters=(STORAGE_TYPE, LIFECYCLE),
        body=request_body("NewFile"),
    ),
    f"POST {REST}/tokens": Operation(name="browserToken", answers=FOR_BROWSER, security=(KEY,)),
    f"POST {REST}/tokens/realtime": Operation(name="realtimeToken", answers=FOR_BROWSER, security=(KEY,)),
    f"POST {FILES}/upload": Operation(
        name="upload",
        answers={200: UPLOADED, **UPLOAD_REFUSALS},
        security=(UPLOAD,),
        parameters=(NAME, LIFECYCLE),
        body=FILE,
    ),
    f"POST {FILES}/upload/multipart": Operation(
        name="beginMultipart",
        answers={
            200: DocumentedAnswer(
                "The future URL of the file, and the id of the upload.", "MultipartUpload", links=OF_UPLOAD
            ),
            **refusals("Refusal", 401, 422, headers=ID),
        },
        security=(UPLOAD,),
        parameters=(NAME, LIFECYCLE),
    ),
    f"PUT {FILES}/{{path}}/multipart/{{upload_id}}/{{number}}": Operation(
        name="putPart", answers={200: PART, **TOKEN_REFUSALS}, security=(UPLOAD,), body=FILE
    ),
    f"POST {FILES}/{{path}}/multipart/{{upload_id}}/complete": Operation(
        name="completeMultipart",
        answers={200: UPLOADED, **TOKEN_REFUSALS},
        security=(UPLOAD,),
        body=request_body("PartsBody"),
    ),
    f"PUT {FILES}/{{path}}": Operation(
        name="putFile",
        answers={
            200: DocumentedAnswer("The file or the part is stored.", either("Uploaded", "PartBody")),
            **TOKEN_REFUSALS,
        },
        parameters=(UPLOAD_TOKEN,),
        body=FILE,
    ),
    f"POST {FILES}/{{path}}/complete": Operation(
        name="completeFile",
        answers={200: UPLOADED, **TOKEN_REFUSALS},
        parameters=(UPLOAD_TOKEN,),
        body=request_body("PartsBody"),
    ),
    f"GET {FILES}/{{path}}": Operation(
        name="download",
        answers={
            200: DocumentedAnswer("The whole file.", BYTES, "*/*", headers=("accept-ranges", "cache-control", "etag")),
            206: DocumentedAnswer("The requested ranges.", BYTES, "*/*", headers=("accept-ranges", "etag")),
            400: DocumentedAnswer("The Range header is malformed.", {"type": "string"}, "text/plain"),
            **refusals("Refusal", 401, 403, 404, headers=ID),
            416: DocumentedAnswer("The range is outside the file.", headers=("content-range",)),
        },
        security=(KEY,),
        anonymous=True,
        parameters=(parameter("Range", "header", "The bytes to return.", pattern=RANGE, examples=["bytes=0-99"]),),
    ),
}
