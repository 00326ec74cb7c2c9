import { startLwM2mServer } from "../../../simulators/lwm2m-server/index.js";
import type { LwM2mServerConfig } from "../../config/index.js";
import { hasMembers, serveInThread } from "./serve-in-thread.js";

await serveInThread(startLwM2mServer, (data): data is LwM2mServerConfig => hasMembers(data, ["name", "coap", "http", "peers", "timing", "admission"]));
