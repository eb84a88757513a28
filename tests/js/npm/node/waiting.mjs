// Never ends by itself.
import { test } from "node:test";
import "fakefal/node";

test("waits", () => new Promise(() => setInterval(() => {}, 1000)));
