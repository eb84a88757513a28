// `import "fakefal"`, which says what to import instead.
export const fakefal = undefined; // without the name, an import of it would fail before this module runs

throw new Error('fakefal: import from "fakefal/vitest" or, for node:test, from "fakefal/node"');
