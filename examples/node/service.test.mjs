import { afterAll, beforeAll, expect, test } from "vitest";

import { service } from "./service.mjs";

let address;

beforeAll(async () => {
  await new Promise((listening) => service.listen(0, "127.0.0.1", listening));
  address = `http://127.0.0.1:${service.address().port}/clips`;
});

afterAll(() => service.close());

const post = (body) => fetch(address, { method: "POST", body: JSON.stringify(body) });

test("answers with a clip that plays", async () => {
  const { url } = await (await post({ prompt: "A lighthouse at dawn" })).json();
  const clip = await fetch(url);
  expect(clip.headers.get("content-type")).toBe("video/mp4");
  expect((await clip.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
});

test("tells what is wrong with a prompt", async () => {
  const answer = await post({ prompt: "x".repeat(2501) });
  expect(answer.status).toBe(422);
  expect((await answer.json()).error[0]).toMatchObject({ loc: ["body", "prompt"], type: "string_too_long" });
});

test("passes on that fal refuses what a prompt shows", async () => {
  const answer = await post({ prompt: "fakefal:content_policy_violation" }); // a word for the emulator: see docs/testing.md
  expect((await answer.json()).error[0].type).toBe("content_policy_violation");
});

test("has paid for one clip", async () => {
  const { jobs } = await (await fetch(`${process.env.FAKEFAL_URL}/_fakefal/ledger`)).json();
  expect(jobs.filter(({ charge }) => charge === "charged").length).toBe(1);
});
