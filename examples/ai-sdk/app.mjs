// A picture and then a clip of a lighthouse, by the AI SDK and fal.
import { writeFile } from "node:fs/promises";

import { fal } from "@ai-sdk/fal";
import { experimental_generateVideo as generateVideo, generateImage } from "ai";

const { image } = await generateImage({
  model: fal.image("fal-ai/flux/dev"),
  prompt: "A lighthouse at dawn",
  aspectRatio: "16:9",
});
await writeFile("lighthouse.jpg", image.uint8Array);

const { video } = await generateVideo({
  model: fal.video("fal-ai/kling-video/v2.5-turbo/pro/image-to-video"),
  prompt: { text: "The sun rises", image: image.uint8Array },
});
await writeFile("lighthouse.mp4", video.uint8Array);

console.log("saved lighthouse.jpg and lighthouse.mp4");
