import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";

import { createFalClient } from "@fal-ai/client";

let site, address, fal;

before(async () => {
  site = spawn("node_modules/.bin/next", ["start", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface(site.stdout)) {
    address ??= line.match(/http:\/\/localhost:\d+/)?.[0];
    if (line.includes("Ready")) break;
  }
  site.stdout.resume();
  // as the client in the page: it has no key, and calls the route
  fal = createFalClient({ credentials: () => undefined, proxyUrl: { url: `${address}/api/fal/proxy`, when: "always" } });
});

after(async () => {
  site.kill();
  await once(site, "exit");
});

test("the page is there", async () => {
  assert.match(await (await fetch(address)).text(), /Draw a lighthouse/);
});

test("the route adds the key", async () => {
  const { data } = await fal.subscribe("fal-ai/flux/dev", { input: { prompt: "A lighthouse at dawn" } });
  assert.match(data.images[0].url, /\.jpeg$/);
});

test("the route lets no other model through", async () => {
  const other = fal.subscribe("fal-ai/flux/schnell", { input: { prompt: "A lighthouse at dawn" } });
  await assert.rejects(other, { status: 400 });
});
