// A service that has clips made by fal: POST /clips {"prompt": ...} answers with the clip's address.
import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { ApiError, fal } from "@fal-ai/client";

const MODEL = "fal-ai/kling-video/o1/reference-to-video";

async function makeClip({ prompt }) {
  const { data } = await fal.subscribe(MODEL, { input: { prompt, duration: "5" } });
  return { url: data.video.url };
}

export const service = createServer(async (request, response) => {
  const answer = (status, body) =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (request.method !== "POST" || request.url !== "/clips") return answer(404, { error: "not here" });
  try {
    answer(200, await makeClip(await json(request)));
  } catch (error) {
    if (!(error instanceof ApiError)) return answer(500, { error: "out of order" });
    answer(error.status === 422 ? 422 : 502, { error: error.body.detail ?? error.message });
  }
});

if (process.argv[1] === import.meta.filename) service.listen(process.env.PORT ?? 3000);
