// What an empty server shows: how to connect programs, with its own URLs, to copy.
import { Code, html } from "./ui.js";

const ENDPOINT = "fal-ai/kling-video/o1/reference-to-video";

const ways = (origin) => [
  ["curl", `curl ${origin}/queue/${ENDPOINT} \\
  --header 'Authorization: Key any-id:any-secret' \\
  --data '{"prompt": "A lighthouse at dawn, slow pan"}'`],
  ["The JavaScript client in a browser", `import { fal } from "@fal-ai/client";

fal.config({ proxyUrl: { url: "${origin}/proxy", when: "always" } });`],
  ["fakefal's own client", `FAKEFAL_URL=${origin} python app.py`],
  ["Any program, unchanged: it gets its own emulator, with a page like this one", "fakefal run -- python app.py"],
];

const parts = (origin) => [
  ["queue.fal.run", `${origin}/queue`], ["fal.run", `${origin}/run`], ["rest.fal.ai", `${origin}/rest`],
  ["v3.fal.media", `${origin}/cdn`], ["api.fal.ai", `${origin}/platform`], ["fal.ai", `${origin}/site`],
  ["control API", `${origin}/_fakefal`], ["all calls as OpenAPI", `${origin}/openapi.json`],
];

export function Start({ link }) {
  const { origin } = location;
  return html`<main id="main" class="start">
    <h1>No jobs yet</h1>
    <p>Requests appear here as they come in. Send one, or <a ...${link({ view: "models", model: ENDPOINT })}>try a model in a form</a>.</p>
    ${ways(origin).map(([title, code]) => html`<section><h2>${title}</h2><${Code} text=${code} label=${title} /></section>`)}
    <section><h2>URLs of this server</h2>
      <dl class="addresses">${parts(origin).map(([name, address]) => html`<dt>${name}</dt><dd><code>${address}</code></dd>`)}</dl></section>
  </main>`;
}
