// A user's suite: `fakefal run --profile instant -- npx vitest run`.
import { ValidationError } from "@fal-ai/client";
import { describe, expect, test } from "vitest";
import { makeVideo } from "./videos.mjs";

describe("makeVideo", () => {
  test("gives an address from which the video can be read", async () => {
    const { url } = await makeVideo("A lighthouse at dawn, slow pan");
    const response = await fetch(url);
    expect(response.headers.get("content-type")).toBe("video/mp4");
    expect((await response.arrayBuffer()).byteLength).toBeGreaterThan(10_000);
  });

  test("reports the end", async () => {
    const states = [];
    await makeVideo("A lighthouse at dawn", (state) => states.push(state));
    expect(states.at(-1)).toBe("COMPLETED");
  });

  test.for([
    ["fakefal:content_policy_violation", 422, "content_policy_violation"],
    ["x".repeat(2501), 422, "string_too_long"],
  ])("passes fal's refusals on", async ([prompt, status, type]) => {
    const error = await makeVideo(prompt).catch((error) => error);
    expect(error).toBeInstanceOf(ValidationError);
    expect(error.status).toBe(status);
    expect(error.fieldErrors.map((one) => one.type)).toEqual([type]);
  });

  test("runs many at once", async () => {
    const videos = await Promise.all(Array.from({ length: 20 }, (_, number) => makeVideo(`clip ${number}`)));
    expect(new Set(videos.map(({ requestId }) => requestId)).size).toBe(20);
  });
});

test("meets this run's emulator, not fal", async () => {
  const ledger = await (await fetch(`${process.env.FAKEFAL_URL}/_fakefal/ledger`)).json();
  expect(ledger.jobs.length).toBe(24);
  expect(process.env.FAL_KEY).toBe("fakefal-run:not-a-real-key");
});
