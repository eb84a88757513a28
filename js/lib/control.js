// Calls of the control API. They use node:http, since tests replace fetch and timers.
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true });
const AS_SENT = ["arguments", "tags"];

/** The emulator, and the running test's key with its file. They stay, whatever a test does to its environment. */
export const current = { url: "", key: "", file: "" };

/**
 * Ask or change what the emulator has of the running test's key.
 *
 * @param {"GET" | "POST"} method
 * @param {string} path
 * @param {Record<string, any>} [given] the query of GET, or the body of POST
 * @returns {Promise<any>} the answer, its names in camel case
 */
export async function control(method, path, given = {}) {
  const url = new URL(`/_fakefal/${path}`, current.url);
  url.searchParams.set("key", current.key.split(":")[0]);
  const body = method === "POST" ? JSON.stringify(given) : undefined;
  if (!body) {
    for (const [name, value] of Object.entries(given)) [value].flat().forEach((one) => url.searchParams.append(name, one));
  }
  const { status, text, hint } = await answered(method, url, body);
  const answer = JSON.parse(text);
  if (status >= 400) throw new Error(explained(answer.detail ?? `fakefal: ${path}: ${hint || text}`));
  return camel(answer);
}

/**
 * @param {string} method
 * @param {URL} url
 * @param {string | undefined} body
 * @returns {Promise<{ status: number, text: string, hint: string }>}
 */
function answered(method, url, body) {
  return new Promise((resolve, reject) => {
    const failed = (/** @type {Error} */ error) =>
      reject(new Error(`fakefal: the server at ${url.origin} does not answer: ${error.message}`));
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const sent = request(url, { method, agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part) => (text += part)).on("error", failed);
      const hint = String(response.headers["x-fakefal-hint"] ?? "");
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text, hint }));
    });
    sent.on("error", failed).end(body);
  });
}

/** @param {string | { loc: string[], msg: string }[]} detail */
function explained(detail) {
  if (typeof detail === "string") return detail;
  return `fakefal: ${detail.map(({ loc, msg }) => `${loc.slice(1).join(".")}: ${msg}`).join("; ")}`;
}

/**
 * @param {any} value
 * @returns {any}
 */
function camel(value) {
  if (Array.isArray(value)) return value.map(camel);
  if (value === null || typeof value !== "object") return value;
  const spelt = (/** @type {string} */ name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  const pairs = Object.entries(value).map(([name, held]) => [spelt(name), AS_SENT.includes(name) ? held : camel(held)]);
  return Object.fromEntries(pairs);
}
