// What a user reads when a test fails.
import { describe, it, test } from "node:test";
import { fal } from "@fal-ai/client";
import { fakefal } from "fakefal/node";

test("careless", async () => {
  await fal.queue.submit("fal-ai/flux/dev", { input: { prompt: "x" } });
  await fakefal.assertCareful();
});

test("unknown model", async () => {
  await fal.subscribe("fal-ai/flux/devv", { input: { prompt: "x" } });
});

describe("at once", { concurrency: true }, () => {
  it("one", () => new Promise((resolve) => setImmediate(resolve)));
  it("two", () => {});
});

test("afterwards", async () => {
  await fakefal.requests();
});
