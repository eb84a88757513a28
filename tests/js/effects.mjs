// What a program with fal's own JavaScript client sees under each effect, all at the same time.  Effects come as a
// JSON list on standard input; what was seen goes to standard output as JSON, by the effect.
// "EFFECT once" happens to the first sending only.
import http from "node:http";
import { text } from "node:stream/consumers";
import { ApiError, ValidationError, createFalClient } from "@fal-ai/client";

const ENDPOINT = "fal-ai/kling-video/o1/reference-to-video";
const CONTROL = `${process.env.FAKEFAL_URL}/_fakefal`;
const SPEED = 100; // how much faster than in life the client waits between its tries
const sleep = globalThis.setTimeout;
globalThis.setTimeout = (then, wait, ...rest) => {
  const caller = new Error().stack.split("\n")[2]; // fetch measures its own time limits by this function: they stay
  return sleep(then, caller.includes("@fal-ai") ? wait / SPEED : wait, ...rest);
};

const arrivals = {};
const receiver = http.createServer((request, response) => {
  arrivals[request.url] = (arrivals[request.url] ?? 0) + 1;
  request.resume().on("end", () => response.end());
});
await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));

function clientOf(key, effect) {
  const [name, once] = effect.split(" once");
  let sent = 0;
  const requestMiddleware = async (request) => {
    if (request.method !== "POST" || (sent++ && once !== undefined)) return request;
    return { ...request, headers: { ...request.headers, "X-Fakefal-Effect": name } };
  };
  return createFalClient({ credentials: `${key}:secret`, requestMiddleware });
}

async function cancelled(fal, input) {
  const { request_id: requestId } = await fal.queue.submit(ENDPOINT, { input });
  await fal.queue.cancel(ENDPOINT, { requestId });
  await fal.queue.subscribeToStatus(ENDPOINT, { requestId, pollInterval: 100 });
  return fal.queue.result(ENDPOINT, { requestId });
}

async function announced(fal, input, key) {
  const webhookUrl = `http://127.0.0.1:${receiver.address().port}/${key}`;
  await fal.queue.submit(ENDPOINT, { input, webhookUrl });
  const headers = { "content-type": "application/json" };
  await fetch(`${CONTROL}/clock?key=${key}`, { method: "POST", headers, body: '{"advance": 0}' }); // until it was sent
  return { data: arrivals[`/${key}`] ?? 0 };
}

const subscribed = (fal, input) => fal.subscribe(ENDPOINT, { input, pollInterval: 100 });
const impatient = (fal, input) => fal.subscribe(ENDPOINT, { input, pollInterval: 100, timeout: 60_000 });
const others = {
  cancel_ignored: cancelled,
  stuck: impatient,
  webhook_lost: announced,
  webhook_duplicate: announced,
  webhook_bad_signature: announced,
};
const ran = (fal, input) => fal.run(ENDPOINT, { input });

async function look(effect, key, call) {
  let seen;
  try {
    seen = { data: (await call(clientOf(key, effect), { prompt: "x" }, key)).data };
  } catch (error) {
    seen = { error: error.constructor.name, message: error.message };
    if (error instanceof ApiError) seen = { error: seen.error, status: error.status, body: error.body };
    if (error instanceof ValidationError) seen.fieldErrors = error.fieldErrors;
  }
  const ledger = await (await fetch(`${CONTROL}/ledger?key=${key}`)).json();
  return { ...seen, jobs: ledger.jobs.length };
}

const effects = JSON.parse(await text(process.stdin));
const seen = await Promise.all(
  effects.map(async (effect, index) => ({
    queue: await look(effect, `queue-${index}`, others[effect] ?? subscribed),
    run: effect === "stuck" ? null : await look(effect, `run-${index}`, ran),
  })),
);
receiver.close();
console.log(JSON.stringify(Object.fromEntries(effects.map((effect, index) => [effect, seen[index]]))));
