// A program that `fakefal run` starts: it prints how its calls are redirected, and ends with the run of tests.
// Arguments: the process with which it ends, and the files that it removes then.
import { rmSync } from "node:fs";
import { Socket } from "node:net";
import { isAlive } from "./server.js";

const CHECK_MILLISECONDS = 250;
const [owner, ...files] = process.argv.slice(2);
const preload = /** @type {Record<symbol, string | undefined>} */ (/** @type {unknown} */ (Socket))[
  Symbol.for("fakefal.preload")
];
process.stdout.write(`${JSON.stringify({ keeper: process.pid, preload, environ: process.env })}\n`);

setInterval(() => {
  if (isAlive(Number(owner))) return;
  for (const file of files) rmSync(file, { force: true });
  process.exit(0);
}, CHECK_MILLISECONDS);
