import type { LwM2mServerConfig } from "../../src/config/index.js";
import { serveInThread } from "../../src/operator/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { startLwM2mServer } from "./server.js";

const isConfig = (data: unknown): data is LwM2mServerConfig =>
  typeof data === "object" && data !== null && ["name", "coap", "http", "peers", "operatorToken", "timing", "plants", "admission"].every((name) => name in data);

await serveInThread(isConfig, (config) => startLwM2mServer(config, realPorts(config.name)));
