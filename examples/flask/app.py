"""A gallery that has pictures drawn by fal while the visitor waits."""

import fal_client
from flask import Flask, jsonify, request

app = Flask(__name__)


@app.post("/pictures")
def draw():
    """Draw pictures of what the visitor names; fal's refusal becomes the visitor's."""
    wish = request.get_json()
    arguments = {"prompt": wish["prompt"], "num_images": wish.get("count", 1), "image_size": "landscape_16_9"}
    try:
        result = fal_client.subscribe("fal-ai/flux/dev", arguments=arguments)
    except fal_client.FalClientHTTPError as error:
        if error.status_code == 422:
            return jsonify(error.response.json()), 422
        raise
    return jsonify([picture["url"] for picture in result["images"]])
