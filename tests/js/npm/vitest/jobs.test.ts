// A user's suite with the npm package: two files run at the same time and do not meet.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { fal } from "@fal-ai/client";
import { fakefal, type EmulatedRequest, type Ledger } from "fakefal/vitest";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

fal.config({ credentials: "mine:hard-coded" }); // one key in all files
const endpoint = "fal-ai/flux/dev";
const input = { prompt: import.meta.url };
const retried: string[] = [];

beforeEach(async () => expect(await fakefal.requests()).toEqual([]));
afterEach(async () => expect((await fakefal.requests()).length).toBeLessThan(3));

test("a test sees its own requests", async () => {
  const { data } = await fal.subscribe(endpoint, { input });
  expect((await fetch(data.images[0].url)).headers.get("content-type")).toMatch("image/");
  const [one, ...others]: EmulatedRequest[] = await fakefal.requests();
  expect(one).toMatchObject({ endpointId: endpoint, arguments: input, status: "COMPLETED", resultStatus: 200 });
  expect(others).toEqual([]);
  await fakefal.assertCareful();
  console.log(`server ${fakefal.url}`);
});

test("another test does not", async () => {
  expect(JSON.stringify(process.env)).not.toContain("must-not-be-sent");
  expect(await fakefal.requests()).toEqual([]);
});

test("neither does a test that is tried again", { retry: 1 }, async () => {
  retried.push(fakefal.key);
  expect(await fakefal.requests()).toEqual([]);
  await fal.queue.submit(endpoint, { input });
  expect(new Set(retried).size).toBe(2);
});

describe("what a test does to its environment changes neither its key nor the emulator", () => {
  const changes: [string, () => unknown][] = [
    ["stubbed", () => vi.stubEnv("FAL_KEY", "stubbed:key").stubEnv("FAKEFAL_URL", "http://127.0.0.1:9")],
    ["restored to that of the test before", () => vi.unstubAllEnvs()],
    ["set", () => (process.env.FAL_KEY = "set:key")],
    ["replaced", () => (process.env = { FAL_KEY: "replaced:key" })],
  ];
  const { env } = process;
  afterAll(() => (process.env = env));

  test.each(changes)("%s", async (_, change) => {
    const { key } = fakefal;
    change();
    expect(fakefal.key).toBe(key);
    await fakefal.inject("content_policy_violation when nth=1");
    await expect(fal.subscribe(endpoint, { input })).rejects.toThrow("Unprocessable Entity");
    await fal.queue.submit(endpoint, { input });
    expect((await fakefal.requests()).map((one) => one.key)).toEqual(Array(2).fill(key.split(":")[0]));
    expect((await fakefal.ledger()).jobs).toHaveLength(2);
    await expect(fakefal.assertCareful()).rejects.toThrow("result_never_fetched");
  });
});

test("effects are for one test", async () => {
  await fakefal.inject("content_policy_violation when nth=2");
  await fakefal.inject("content_policy_violation", { prompt: "never" });
  await fal.subscribe(endpoint, { input });
  await expect(fal.subscribe(endpoint, { input: { prompt: "x" } })).rejects.toThrow("Unprocessable Entity");
  const { usd, jobs }: Ledger = await fakefal.ledger();
  expect(jobs.map((job) => job.charge)).toEqual(["charged", "may_be_charged"]);
  expect(usd).toBe(0.025);
});

test("answers of one's own, in emulated time", async () => {
  const result = { images: [{ url: 'https://example.com/"ü".png' }], seed: 1e21, snake_case: [null, true] };
  await fakefal.respond({ result, seconds: 60, logs: ["half"], endpoint: "flux/dev", nth: 1 });
  const { request_id: requestId } = await fal.queue.submit(endpoint, { input });
  const status = async () => (await fal.queue.status(endpoint, { requestId, logs: true })).status;
  await fakefal.advance(59);
  expect(await status()).toBe("IN_PROGRESS");
  await fakefal.advance("end", requestId);
  expect(await status()).toBe("COMPLETED");
  expect((await fal.queue.result(endpoint, { requestId })).data).toEqual(result);
  expect((await fakefal.requests())[0].logs).toEqual(["half"]);
  await expect(fakefal.advance("end" as never)).rejects.toThrow('advance("end", request)');
  await expect(fakefal.respond({})).rejects.toThrow("respond: give what the job answers or how it runs");
  await fakefal.respond({ result: { detail: "no" }, status: 422, billed: true });
  await expect(fal.subscribe(endpoint, { input })).rejects.toThrow("Unprocessable Entity");
  expect((await fakefal.ledger()).jobs.map((job) => job.charge)).toEqual(["charged", "charged"]);
});

test("webhooks come to a server of the test", async () => {
  const came = new Promise((resolve) => {
    const server = createServer((call, answer) => {
      answer.end(() => server.close());
      resolve(call.headers["x-fal-webhook-request-id"]);
    }).listen(0, "127.0.0.1", () => {
      const webhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/done`;
      void fal.queue.submit(endpoint, { input, webhookUrl });
    });
  });
  expect(await came).toBe((await fakefal.requests())[0].requestId);
});

describe("other ways to call fal have the test's key", () => {
  const headers = { authorization: "Key another:hard-coded", "content-type": "application/json" };

  test("node:https", async () => {
    const status = await new Promise((resolve) => {
      const call = request(`https://queue.fal.run/${endpoint}`, { method: "POST", headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      });
      call.end(JSON.stringify(input));
    });
    expect(status).toBe(200);
    expect(await fakefal.requests()).toHaveLength(1);
  });

  test("a child", async () => {
    const init = JSON.stringify({ method: "POST", headers, body: JSON.stringify(input) });
    const program = `fetch("https://queue.fal.run/${endpoint}", ${init}).then((answer) => console.log(answer.status))`;
    expect(spawnSync(process.execPath, ["-e", program], { encoding: "utf8" }).stdout).toBe("200\n");
    expect(await fakefal.requests()).toHaveLength(1);
    expect(process.env.FAL_KEY).toBe(fakefal.key);
  });

  describe("a server that was started before the tests", () => {
    let server: ChildProcess;
    let url: string;

    beforeAll(async () => {
      await expect(fakefal.inject("stuck")).rejects.toThrow("no test runs here");
      const init = JSON.stringify({ method: "POST", headers, body: JSON.stringify(input) });
      const program = `const app = require("http").createServer(async (call, answer) => {
        answer.end(String((await fetch("https://queue.fal.run/${endpoint}", ${init})).status));
      }).listen(0, () => console.log(app.address().port));`;
      server = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "pipe", "inherit"] });
      const [port] = await once(server.stdout!, "data");
      url = `http://localhost:${Number(port)}`;
    });
    afterAll(() => void server.kill());

    test.each(["one test", "another"])("%s", async () => {
      expect(await (await fetch(url)).text()).toBe("200");
      expect(await fakefal.requests()).toHaveLength(1);
    });
  });

  test("but a malformed key stays", async () => {
    const answer = await fetch(`https://queue.fal.run/${endpoint}`, { method: "POST", headers: { authorization: "Key x" } });
    expect(answer.status).toBe(401);
  });
});
