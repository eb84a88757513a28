"""A gallery that has pictures drawn by fal."""

import fal_client
import httpx
from flask import Flask, Response, request

app = Flask(__name__)


@app.get("/picture")
def draw():
    """Draw what the visitor names."""
    result = fal_client.subscribe("fal-ai/flux/dev", arguments={"prompt": request.args["prompt"]})
    file = httpx.get(result["images"][0]["url"]).raise_for_status()
    return Response(file.content, mimetype=file.headers["content-type"])
