// fal's own JavaScript client, unmodified, on every endpoint.
// Usage: node client.mjs FOLDER EXAMPLES.json [PROXY_URL].  Saves the videos and prints what it saw as JSON.
import assert from "node:assert";
import fs from "node:fs";
import path from "node:path";
import { createFalClient, ValidationError } from "@fal-ai/client";

const [folder, examplesFile, proxyUrl] = process.argv.slice(2);
const examples = JSON.parse(fs.readFileSync(examplesFile, "utf8"));
const fal = createFalClient(proxyUrl ? { proxyUrl: { url: proxyUrl, when: "always" } } : {});
const seen = {};

async function save(name, result) {
  const video = result.data.video;
  const response = await fetch(video.url);
  assert.equal(response.headers.get("content-type"), "video/mp4");
  const content = Buffer.from(await response.arrayBuffer());
  assert.equal(content.length, video.file_size);
  fs.writeFileSync(path.join(folder, `${name}.mp4`), content);
}

const picture = new File([fs.readFileSync(path.join(folder, "picture.png"))], "a picture.png", { type: "image/png" });
const uploaded = await fal.storage.upload(picture);
seen.uploaded = uploaded;
assert.equal((await (await fetch(uploaded)).arrayBuffer()).byteLength, picture.size);

for (const [endpointId, input] of Object.entries(examples)) {
  const name = endpointId.replace("fal-ai/kling-video/", "").replaceAll("/", "-");
  seen[name] = {};
  for (const mode of proxyUrl ? ["polling"] : ["polling", "streaming"]) {
    const updates = [];
    const result = await fal.subscribe(endpointId, {
      input,
      logs: true,
      mode,
      pollInterval: 10,
      onQueueUpdate: (update) => updates.push([update.status, update.logs?.length ?? null]),
    });
    assert.ok(result.requestId);
    assert.ok(updates.some(([status, lines]) => status === "IN_PROGRESS" && lines > 0), JSON.stringify(updates));
    seen[name][mode] = updates.map(([status]) => status);
    await save(`${name}-${mode}`, result);
  }
  await save(`${name}-run`, await fal.run(endpointId, { input }));
}

const imageToVideo = "fal-ai/kling-video/o1/image-to-video";
const { request_id: requestId } = await fal.queue.submit(imageToVideo, {
  input: { prompt: "x", start_image_url: picture },
});
await fal.queue.cancel(imageToVideo, { requestId });
assert.equal((await fal.queue.status(imageToVideo, { requestId })).status, "COMPLETED");

try {
  await fal.run(imageToVideo, { input: { prompt: "x" } });
} catch (error) {
  assert.ok(error instanceof ValidationError);
  seen.refusal = [error.status, error.getFieldErrors("start_image_url")];
}
console.log(JSON.stringify(seen));
