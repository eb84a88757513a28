// For test files of node:test.
import { afterEach, beforeEach } from "node:test";
import { begin, end, fakefalFor } from "./lib/fakefal.js";
import { lead } from "./lib/server.js";

lead();
begin("outside-of-tests");
/** @type {string[]} */
const open = [];

beforeEach((context) => {
  const { fullName: name } = /** @type {{ fullName: string }} */ (/** @type {unknown} */ (context));
  const [first] = open;
  open.push(name);
  if (first === undefined) begin(name);
  else if (!name.startsWith(`${first} > `)) {
    throw new Error(
      `fakefal: "${name}" and "${first}" run at the same time in one file and would share a key: ` +
        "leave out concurrency, or put one into a file of its own (files do run at the same time)",
    );
  }
});

afterEach(async (context) => {
  const { fullName: name, passed } = /** @type {{ fullName: string, passed: boolean }} */ (/** @type {unknown} */ (context));
  open.splice(open.lastIndexOf(name), 1);
  if (open.length === 0) await end(!passed);
});

export const fakefal = fakefalFor(() => open.length > 0);
