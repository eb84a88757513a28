// For test files of Vitest.
import * as vitest from "vitest";
import { begin, end, fakefalFor } from "./lib/fakefal.js";
import { lead } from "./lib/server.js";

const preload = lead();
const { getCurrentTest } = vitest.TestRunner ?? (await import("vitest/suite"));
let running = ""; // no hooks: they would belong to the first file of a worker that keeps its modules
begin("outside-of-tests");

/** Give the running test its key, and each repetition another. */
function enter() {
  const test = getCurrentTest();
  if (!test) return;
  const { retryCount = 0, repeatCount = 0 } = test.result ?? {};
  const attempt = `${test.id} ${retryCount} ${repeatCount}`;
  if (attempt === running) return;
  running = attempt;
  begin(test.name);
  test.context.onTestFinished(() => end(Boolean(test.result?.errors?.length)));
}

preload.caller = () => {
  enter();
  return process.env.FAKEFAL_CALLER;
};

export const fakefal = fakefalFor(() => {
  const test = getCurrentTest();
  if (test?.concurrent) {
    throw new Error(
      `fakefal: "${test.name}" runs at the same time as other tests of its file, which would share its key: ` +
        "leave out concurrent, or put it into a file of its own (files do run at the same time)",
    );
  }
  enter();
});
