import type { Fakefal } from "./types.js";

export type * from "./types.js";
/** fal, as the running test sees it. Importing it sends every call of this process to fal to the emulator. */
export const fakefal: Fakefal;
