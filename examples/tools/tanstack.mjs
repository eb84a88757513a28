// TanStack AI with its fal adapters, each with the model of its own example. To try it without paying:
// fakefal run -- node run.mjs tanstack
import { readFile, writeFile } from "node:fs/promises";

import {
  generateAudio,
  generateImage,
  generateSpeech,
  generateTranscription,
  generateVideo,
  getVideoJobStatus,
} from "@tanstack/ai";
import { falAudio, falImage, falSpeech, falTranscription, falVideo } from "@tanstack/ai-fal";

async function save(name, url) {
  const answer = await fetch(url);
  await writeFile(name, Buffer.from(await answer.arrayBuffer()));
  return name;
}

export async function image() {
  const { images } = await generateImage({ adapter: falImage("fal-ai/flux/dev"), prompt: "a cat", numberOfImages: 1 });
  return save("tanstack.jpg", images[0].url);
}

async function finished(adapter, jobId, name) {
  for (;;) {
    const { status, url, error } = await getVideoJobStatus({ adapter, jobId });
    if (error) throw new Error(error);
    if (status === "completed") return save(name, url);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function video() {
  const adapter = falVideo("fal-ai/kling-video/v2.5-turbo/pro/text-to-video");
  const { jobId } = await generateVideo({ adapter, prompt: "a lighthouse at dawn", size: "16:9" });
  return finished(adapter, jobId, "tanstack.mp4");
}

export async function video_of_five_seconds() {
  const adapter = falVideo("fal-ai/kling-video/v2.5-turbo/pro/text-to-video");
  const { jobId } = await generateVideo({ adapter, prompt: "a lighthouse at dawn", duration: 5 });
  return finished(adapter, jobId, "tanstack-5s.mp4");
}

export async function speech() {
  const { audio, format } = await generateSpeech({
    adapter: falSpeech("fal-ai/kokoro/american-english"),
    text: "Hello, world!",
    voice: "af_heart",
  });
  await writeFile(`tanstack-speech.${format}`, Buffer.from(audio, "base64"));
  return `tanstack-speech.${format}`;
}

export async function music() {
  const { audio } = await generateAudio({
    adapter: falAudio("fal-ai/diffrhythm"),
    prompt: "An upbeat electronic track with synths",
    duration: 10,
  });
  return save("tanstack-music.wav", audio.url);
}

export async function transcription() {
  const audio = new File([await readFile("input.mp3")], "input.mp3", { type: "audio/mpeg" });
  const { text } = await generateTranscription({ adapter: falTranscription("fal-ai/whisper"), audio, language: "en" });
  return text;
}
