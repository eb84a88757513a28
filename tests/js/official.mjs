// One call by a client as its documentation shows it: what is audited for docs/audit.md.
// Usage: official.mjs fal|ai-sdk
const BY = {
  async fal() {
    const { fal } = await import("@fal-ai/client");
    await fal.subscribe("fal-ai/kling-video/o1/reference-to-video", { input: { prompt: "x" } });
  },
  async "ai-sdk"() {
    const { generateImage } = await import("ai");
    const { fal } = await import("@ai-sdk/fal");
    await generateImage({ model: fal.image("fal-ai/flux-pro/v1.1"), prompt: "x" });
  },
};
await BY[process.argv[2]]();
