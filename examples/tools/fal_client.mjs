// fal's own JavaScript client. To try it without paying: fakefal run -- node run.mjs fal_client
import { readFile, writeFile } from "node:fs/promises";

import { fal } from "@fal-ai/client";

async function save(name, url) {
  const answer = await fetch(url);
  await writeFile(name, Buffer.from(await answer.arrayBuffer()));
  return name;
}

export async function image() {
  const { data } = await fal.subscribe("fal-ai/flux/dev", { input: { prompt: "a lighthouse at dawn" }, logs: true });
  return save("fal-client.jpg", data.images[0].url);
}

export async function video_from_a_file() {
  const start_image_url = await fal.storage.upload(new Blob([await readFile("input.png")], { type: "image/png" }));
  const input = { prompt: "the snow melts", start_image_url, duration: "5" };
  const { data } = await fal.subscribe("fal-ai/kling-video/o1/image-to-video", { input });
  return save("fal-client.mp4", data.video.url);
}

export async function stream() {
  const stream = await fal.stream("fal-ai/flux/dev", { input: { prompt: "a lighthouse at dawn" } });
  for await (const event of stream) console.error(Object.keys(event));
  const { images } = await stream.done();
  return save("fal-client-stream.jpg", images[0].url);
}
