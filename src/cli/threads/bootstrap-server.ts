import { startBootstrapServer } from "../../../simulators/bootstrap-server/index.js";
import type { BootstrapServerConfig } from "../../config/index.js";
import { hasMembers, serveInThread } from "./serve-in-thread.js";

await serveInThread(startBootstrapServer, (data): data is BootstrapServerConfig => hasMembers(data, ["name", "coap", "http", "peers", "timing", "clients", "bootstrap"]));
