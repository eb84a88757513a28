// fal's own JavaScript client, unmodified but for its sleeps, makes each call of a list, all at the same time.
// Cases come as JSON on standard input; what the program saw of each goes to standard output, by the case's key.
import { text } from "node:stream/consumers";
import { ApiError, createFalClient } from "@fal-ai/client";

const ENDPOINT = "fal-ai/kling-video/o1/reference-to-video";
const CONNECT = 6000; // how long a busy machine may take for it
const SPEED = 100; // how much faster than in life the client waits between its tries
const sleep = globalThis.setTimeout;
globalThis.setTimeout = (then, wait, ...rest) => {
  const caller = new Error().stack.split("\n")[2]; // fetch measures its own time limits by this function: they stay
  return sleep(then, caller.includes("@fal-ai") ? wait / SPEED : wait, ...rest);
};

async function call({ key, call, arguments: input, timeout_seconds: timeout }) {
  const fal = createFalClient({ credentials: `${key}:secret` });
  const caller = call === "submit" ? fal.queue : fal;
  // the client has no time limit for an answer; a program that wants one gives a signal, which counts connecting, too
  const abortSignal = timeout === null ? undefined : AbortSignal.timeout(timeout * 1000 + CONNECT);
  try {
    await caller[call](ENDPOINT, { input, abortSignal });
    return "result";
  } catch (error) {
    return error instanceof ApiError ? `${error.name} ${error.status}` : error.name;
  }
}

const cases = JSON.parse(await text(process.stdin));
const seen = await Promise.all(cases.map(call));
console.log(JSON.stringify(Object.fromEntries(cases.map(({ key }, index) => [key, seen[index]]))));
