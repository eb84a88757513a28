import { fakefal } from "fakefal/vitest";
import { afterAll, beforeAll, expect, test } from "vitest";

import { service } from "./service.mjs";

let address;

beforeAll(async () => {
  await new Promise((listening) => service.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${service.address().port}/clips`;
});

afterAll(() => service.close());

const post = (body) => fetch(address, { method: "POST", body: JSON.stringify(body) });

test("answers with a clip that plays, and pays once", async () => {
  const { url } = await (await post({ prompt: "A lighthouse at dawn" })).json();
  const clip = await fetch(url);
  expect(clip.headers.get("content-type")).toBe("video/mp4");
  expect((await clip.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
  expect((await fakefal.ledger()).usd).toBe(0.56);
  await fakefal.assertCareful();
});

test("tells what is wrong with a prompt", async () => {
  const answer = await post({ prompt: "x".repeat(2501) });
  expect(answer.status).toBe(422);
  expect((await answer.json()).error[0]).toMatchObject({ loc: ["body", "prompt"], type: "string_too_long" });
});

test("passes on that fal refuses what a prompt shows", async () => {
  await fakefal.inject("content_policy_violation");
  const answer = await post({ prompt: "A lighthouse at dawn" });
  expect((await answer.json()).error[0].type).toBe("content_policy_violation");
});

test("waits for a clip of an hour", async () => {
  await fakefal.respond({ video: "https://example.com/clip.mp4", seconds: 3600 });
  const answer = post({ prompt: "A lighthouse at dawn" });
  await expect.poll(async () => (await fakefal.requests()).length).toBe(1);
  await fakefal.advance(3600); // emulated seconds
  expect(await (await answer).json()).toEqual({ url: "https://example.com/clip.mp4" });
});
