"use client";

import { useState } from "react";

import { fal } from "@fal-ai/client";

fal.config({ proxyUrl: "/api/fal/proxy" });

export default function Page() {
  const [address, setAddress] = useState();
  const draw = async () => {
    const { data } = await fal.subscribe("fal-ai/flux/dev", { input: { prompt: "A lighthouse at dawn" } });
    setAddress(data.images[0].url);
  };
  return (
    <main>
      <button onClick={draw}>Draw a lighthouse</button>
      {address && <img src={address} alt="A lighthouse at dawn" />}
    </main>
  );
}
