import type { LwM2mServerInput } from "../src/config/index.js";
import { formatAddress } from "../src/ports/index.js";
import { realPorts } from "../src/ports/real/index.js";
import { startLwM2mServer } from "../simulators/lwm2m-server/index.js";
import { residentAfterCollection, serverConfig } from "./roles.js";

const role = await startLwM2mServer(serverConfig({ clients: JSON.parse(process.argv[2] ?? "[]") as NonNullable<LwM2mServerInput["clients"]> }), realPorts("bench"));
process.on("message", () => void residentAfterCollection().then((bytes) => process.send?.(bytes)));
// A benchmark that took too long is ended from outside and cannot say so.
process.once("disconnect", () => process.exit());
process.send?.({ uri: `coap://${formatAddress(role.coap)}`, secureUri: role.coaps === undefined ? "" : `coaps://${formatAddress(role.coaps)}` });
