// fal's own JavaScript client, unmodified, on the roads beside the queue: tokens, and files with a life of their own.
// Prints what it saw as JSON.
import { ApiError, createFalClient } from "@fal-ai/client";

const endpointId = "fal-ai/kling-video/o1/image-to-video";
const api = "https://api.fal.ai/v1";
const headers = { authorization: `Key ${process.env.FAL_KEY}`, "content-type": "application/json" };
const fal = createFalClient();
const seen = {};

const initialAcl = { default: "forbid", rules: [{ user: "somebody", decision: "allow" }] };
const file = new File(["for few"], "note.txt", { type: "text/plain" });
const url = await fal.storage.upload(file, { lifecycle: { expiresIn: "1h", initialAcl } });
const about = `url=${encodeURIComponent(url)}`;
const body = JSON.stringify({ expiration_seconds: 60 });
const signed = await (await fetch(`${api}/storage/files/sign?${about}`, { method: "POST", headers, body })).json();
seen.forbidden = (await fetch(url)).status;
seen.signed = await (await fetch(signed.signed_url)).text();
seen.acl = await (await fetch(`${api}/storage/files/acl?${about}`, { headers })).json();

// Streaming as a browser does it: the client asks for a token and sends it instead of the key.
const asked = [];
const browser = createFalClient({
  fetch: (target, init) => {
    asked.push(String(target));
    return fetch(target, init);
  },
});
console.warn = () => {};
try {
  const stream = await browser.stream(endpointId, { input: { prompt: "x" }, connectionMode: "client" });
  await stream.done();
} catch (error) {
  seen.stream = [error instanceof ApiError, error.status, error.body?.detail];
}
seen.token = asked.some((target) => /^https:\/\/fal\.run\/.*\/stream\?fal_jwt_token=[\w-]+\.[\w-]+$/.test(target));
console.log(JSON.stringify(seen));
