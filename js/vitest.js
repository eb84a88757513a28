// For test files of Vitest.
import * as vitest from "vitest";
import { begin, end, fakefalFor } from "./lib/fakefal.js";
import { lead } from "./lib/server.js";

const preload = lead();
const { getCurrentTest } = vitest.TestRunner ?? (await import("vitest/suite"));
let running = "";
begin("outside-of-tests");

/** Give the running test its key, and each repetition another; returns whether a test runs. */
function enter() {
  const test = getCurrentTest();
  if (!test) return false;
  const { retryCount = 0, repeatCount = 0 } = test.result ?? {};
  const attempt = `${test.id} ${retryCount} ${repeatCount}`;
  if (attempt !== running) {
    running = attempt;
    begin(test.name);
    test.context.onTestFinished(() => end(Boolean(test.result?.errors?.length)));
  }
  return true;
}

vitest.beforeEach(() => void enter());
preload.enter = enter; // a worker may keep this module for other files, which have no hook of it

export const fakefal = fakefalFor(() => {
  const test = getCurrentTest();
  if (test?.concurrent) {
    throw new Error(
      `fakefal: "${test.name}" runs at the same time as other tests of its file, which would share its key: ` +
        "leave out concurrent, or put it into a file of its own (files do run at the same time)",
    );
  }
  return enter();
});
