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

test("a job that has ended cannot be brought to its end", async () => {
  const submitted = await fal.queue.submit(endpoint, { input });
  await assert.rejects(fakefal.advance("end", submitted), /COMPLETED cannot finish; with the profile instant, jobs end at once/);
});

for (const key of ["set:key", "another:key"]) {
  test(`a test that sets FAL_KEY to ${key} sees its own requests`, async () => {
    const own = fakefal.key;
    process.env.FAL_KEY = key;
    assert.equal(fakefal.key, own);
    await fal.queue.submit(endpoint, { input });
    assert.deepEqual((await fakefal.requests()).map((one) => one.key), [own.split(":")[0]]);
    await assert.rejects(fakefal.assertCareful(), /result_never_fetched/);
  });
}

describe("a suite", () => {
  before(() => assert.rejects(fakefal.inject("stuck"), /no test runs here/));
  beforeEach(async () => assert.deepEqual(await fakefal.requests(), []));

  it("begins with none", async () => {
    assert.deepEqual(await fakefal.requests(), []);
    await fakefal.inject("stuck");
    const submitted = await fal.queue.submit(endpoint, { input });
    const { request_id } = submitted;
    assert.equal((await fal.queue.status(endpoint, { requestId: request_id })).status, "IN_PROGRESS");
    const [one] = await fakefal.requests();
    await assert.rejects(fakefal.advance("endd", one), /advance takes seconds, "start" or "end", and not "endd"/);
    await assert.rejects(fakefal.advance(), /"start" or "end", and not undefined/);
    for (const none of [undefined, null, "", {}, { id: "x" }]) {
      await assert.rejects(fakefal.advance(60, none), /is no request: give its id, or what fal.queue.submit/);
    }
    await assert.rejects(fakefal.advance("end", "no-such-id"), /no-such-id.*: no such request is stored/);
    for (const same of [one, request_id, submitted]) await fakefal.advance(60, same);
    assert.equal((await fal.queue.status(endpoint, { requestId: request_id })).status, "IN_PROGRESS");
  });

  it("ends with none", async () => {
    assert.deepEqual(await fakefal.requests(), []);
  });
});
