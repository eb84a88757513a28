// fal's own JavaScript client streams, with a key and as a browser does it: prints the events as JSON.
import { fal } from "@fal-ai/client";

console.warn = () => {};

async function streamed(endpointId, input) {
  const events = [];
  const stream = await fal.stream(endpointId, { input });
  for await (const event of stream) events.push(event);
  if (JSON.stringify(await stream.done()) !== JSON.stringify(events.at(-1))) throw new Error("the last one is another");
  const browser = await fal.stream(endpointId, { input, connectionMode: "client" });
  await browser.done();
  return events;
}

console.log(
  JSON.stringify({
    text: await streamed("openrouter/router", { prompt: "Say something", model: "google/gemini-2.5-flash" }),
    pictures: await streamed("fal-ai/flux/dev", { prompt: "a lighthouse", seed: 5 }),
    own: await streamed("fal-ai/flux/schnell", { prompt: "a lighthouse" }),
  }),
);
