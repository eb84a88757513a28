// A program for fal, as anybody writes it: nothing in it knows of fakefal.
import { createFalClient } from "@fal-ai/client";

const fal = createFalClient();
const endpoint = "fal-ai/kling-video/o1/reference-to-video";

export async function makeVideo(prompt, onState = () => {}) {
  const { data, requestId } = await fal.subscribe(endpoint, {
    input: { prompt, duration: "10", aspect_ratio: "9:16" },
    logs: true,
    pollInterval: 10,
    onQueueUpdate: (update) => onState(update.status),
  });
  return { requestId, url: data.video.url };
}
