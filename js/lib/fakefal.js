// What a test asks of the emulator.
import { AssertionError } from "node:assert";
import { randomBytes } from "node:crypto";
import { renameSync, writeFileSync } from "node:fs";
import { control, current } from "./control.js";

const MOST_REQUESTS = 10_000;
const LONGEST_NAME = 80;
const SHOWN_CALLS = 1000;

/**
 * Give a test a key of its own, which its name and a random end make.
 *
 * @param {string} name
 */
export function begin(name) {
  const plain = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, LONGEST_NAME);
  current.key = `${plain}-${randomBytes(4).toString("hex")}:not-a-real-key`;
  process.env.FAL_KEY = current.key;
  writeFileSync(`${current.file}.new`, current.key);
  renameSync(`${current.file}.new`, current.file); // whoever reads it finds a whole key
}

/**
 * Forget what a test did. Of a test that failed, say what to change in its calls.
 *
 * @param {boolean} failed
 */
export async function end(failed) {
  if (failed) {
    /** @type {{ method: string, path: string, status: number, hint: string }[]} */
    const calls = await control("GET", "journal", { limit: SHOWN_CALLS });
    const hinted = new Map(calls.filter(({ hint }) => hint).map((call) => [call.hint, call])); // its oldest call
    for (const { method, path, status, hint } of [...hinted.values()].reverse()) {
      console.error(`fakefal: ${method} ${path} -> ${status}: ${hint}`);
    }
  }
  await control("POST", "reset");
}

/**
 * The id of a request, as a part of a URL.
 *
 * @param {any} request
 */
function idOf(request) {
  const id = typeof request === "string" ? request : request?.requestId ?? request?.request_id;
  if (typeof id === "string" && id) return encodeURIComponent(id);
  const given = request === undefined ? "undefined" : JSON.stringify(request);
  throw new TypeError(`fakefal: ${given} is no request: give its id, or what fal.queue.submit or requests() returned`);
}

/**
 * Build what a test file imports.
 *
 * @param {() => boolean} enter sees before each use that the running test has its key; false where no test runs
 * @returns {import("../types.js").Fakefal}
 */
export function fakefalFor(enter) {
  const needTest = () => {
    if (!enter()) throw new Error("fakefal: no test runs here: call it in a test or in beforeEach");
  };
  /** @type {typeof control} */
  const ask = async (...call) => {
    needTest();
    return await control(...call);
  };
  return {
    get url() {
      return current.url;
    },
    get key() {
      needTest();
      return current.key;
    },
    async requests() {
      return (await ask("GET", "requests", { limit: MOST_REQUESTS })).reverse();
    },
    async ledger() {
      const { usd, maybeUsd, jobs } = await ask("GET", "ledger");
      return { usd, maybeUsd, jobs: jobs.reverse() };
    },
    async inject(rule, when = {}) {
      await ask("POST", "scenarios", { effect: rule, ...when });
    },
    async respond({ endpoint, prompt, nth, probability, ...answer }) {
      const given = Object.entries(answer).filter(([, value]) => value !== undefined);
      const effect = `respond(${given.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ")})`;
      await ask("POST", "scenarios", { effect, endpoint, prompt, nth, probability });
    },
    async advance(/** @type {[number | "start" | "end", import("../types.js").Named?]} */ ...[how, ...requests]) {
      if (typeof how !== "number" && how !== "start" && how !== "end") {
        throw new TypeError(`fakefal: advance takes seconds, "start" or "end", and not ${JSON.stringify(how)}`);
      }
      if (requests.length > 0) {
        const id = idOf(requests[0]);
        await ask("POST", `requests/${id}/advance`, typeof how === "number" ? { seconds: how } : { to: how });
      } else if (typeof how === "number") await ask("POST", "clock", { advance: how });
      else throw new TypeError(`fakefal: only a request can be brought to its ${how}: advance("${how}", request)`);
    },
    async assertCareful({ allow = [] } = {}) {
      const { proven, text } = await ask("GET", "verdict", { allow });
      if (proven) throw new AssertionError({ message: `${text}\n(allow: [...] lets kinds pass)` });
    },
  };
}
