// A user's suite with the npm package and node:test.
import assert from "node:assert/strict";
import { before, beforeEach, describe, it, test } from "node:test";
import { fal } from "@fal-ai/client";
import { fakefal } from "fakefal/node";

const endpoint = "fal-ai/flux/dev";
const input = { prompt: import.meta.url };

test("a test sees its own requests", async (context) => {
  await fal.subscribe(endpoint, { input });
  await context.test("and so do its parts", async () => {
    await fal.subscribe(endpoint, { input: { prompt: "part" } });
  });
  const requests = await fakefal.requests();
  assert.deepEqual(requests.map((one) => one.arguments.prompt), [input.prompt, "part"]);
  assert.equal((await fakefal.ledger()).usd, 0.05);
  await fakefal.assertCareful();
  console.log(`server ${fakefal.url}`);
});

describe("a suite", () => {
  before(() => assert.rejects(fakefal.inject("stuck"), /no test runs here/));
  beforeEach(async () => assert.deepEqual(await fakefal.requests(), []));

  it("begins with none", async () => {
    assert.deepEqual(await fakefal.requests(), []);
    await fakefal.inject("stuck");
    const { request_id } = await fal.queue.submit(endpoint, { input });
    assert.equal((await fal.queue.status(endpoint, { requestId: request_id })).status, "IN_PROGRESS");
    const [one] = await fakefal.requests();
    await assert.rejects(fakefal.advance("endd", one), /'start' or 'end'/);
  });

  it("ends with none", async () => {
    assert.deepEqual(await fakefal.requests(), []);
  });
});
