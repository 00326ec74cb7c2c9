import type { BootstrapServerConfig } from "../../src/config/index.js";
import { serveInThread } from "../../src/operator/index.js";
import { realPorts } from "../../src/ports/real/index.js";
import { startBootstrapServer } from "./server.js";

const isConfig = (data: unknown): data is BootstrapServerConfig =>
  typeof data === "object" && data !== null && ["name", "coap", "http", "peers", "operatorToken", "timing", "plants", "clients", "bootstrap"].every((name) => name in data);

await serveInThread(isConfig, (config) => startBootstrapServer(config, realPorts(config.name)));
