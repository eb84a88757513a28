// fal's own proxy: it adds the key, which no browser may see.
import { createRouteHandler } from "@fal-ai/server-proxy/nextjs";

export const { GET, POST, PUT } = createRouteHandler({
  allowedEndpoints: ["fal-ai/flux/dev"],
  allowUnauthorizedRequests: true, // an application of yours asks who is there: see isAuthenticated
});
