// Vercel's AI SDK with its fal provider, as its pages show it. To try it without paying: fakefal run -- node run.mjs ai_sdk
import { readFile, writeFile } from "node:fs/promises";

import { fal } from "@ai-sdk/fal";
import {
  experimental_generateSpeech as generateSpeech,
  experimental_generateVideo as generateVideo,
  experimental_transcribe as transcribe,
  generateImage,
} from "ai";

export async function image() {
  const { image } = await generateImage({
    model: fal.image("fal-ai/flux/dev"),
    prompt: "A serene mountain landscape at sunset",
    aspectRatio: "16:9",
  });
  await writeFile("ai-sdk.jpg", image.uint8Array);
  return "ai-sdk.jpg";
}

export async function edited_image() {
  const { image } = await generateImage({
    model: fal.image("fal-ai/flux-pro/kontext/max"),
    prompt: { text: "Put a donut next to the flour.", images: [await readFile("input.png")] },
  });
  await writeFile("ai-sdk-edited.jpg", image.uint8Array);
  return "ai-sdk-edited.jpg";
}

export async function video() {
  const { video } = await generateVideo({
    model: fal.video("hunyuan-video"),
    prompt: "A lighthouse at dawn, slow pan",
    providerOptions: { fal: { pollIntervalMs: 100 } },
  });
  await writeFile("ai-sdk.mp4", video.uint8Array);
  return "ai-sdk.mp4";
}

export async function video_of_five_seconds() {
  const { video } = await generateVideo({
    model: fal.video("kling-video/v2.5-turbo/pro/text-to-video"),
    prompt: "A lighthouse at dawn, slow pan",
    duration: 5,
    providerOptions: { fal: { pollIntervalMs: 100 } },
  });
  await writeFile("ai-sdk-5s.mp4", video.uint8Array);
  return "ai-sdk-5s.mp4";
}

export async function speech() {
  const { audio } = await generateSpeech({
    model: fal.speech("fal-ai/minimax/speech-02-hd"),
    text: "Hello from the AI SDK!",
  });
  await writeFile("ai-sdk.mp3", audio.uint8Array);
  return "ai-sdk.mp3";
}

export async function transcription_by_whisper() {
  const { text } = await transcribe({ model: fal.transcription("whisper"), audio: await readFile("input.mp3") });
  return text;
}

export async function transcription_by_wizper() {
  const { text } = await transcribe({ model: fal.transcription("wizper"), audio: await readFile("input.mp3") });
  return text;
}
