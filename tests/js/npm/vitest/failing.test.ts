// What a user reads when a test fails.
import { fal } from "@fal-ai/client";
import { fakefal } from "fakefal/vitest";
import { describe, test } from "vitest";

const endpoint = "fal-ai/flux/dev";

test("careless", async () => {
  await fal.queue.submit(endpoint, { input: { prompt: "x" } });
  await fakefal.assertCareful({ allow: ["result_never_fetched"] });
  await fakefal.assertCareful();
});

test("unknown effect", async () => {
  await fakefal.inject("stuk");
});

test("unknown kind", async () => {
  await fakefal.assertCareful({ allow: ["paid_thrice" as never] });
});

test("unknown model", async () => {
  await fal.subscribe("fal-ai/flux/devv", { input: { prompt: "x" } });
});

describe.concurrent("at once", () => {
  test("concurrent", async () => {
    await fakefal.requests();
  });
});
