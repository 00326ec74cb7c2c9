import { lwm2mServerConfig, timing } from "../../config/index.js";
import type { Target } from "../../harness/index.js";
import { formatAddress, silentLog } from "../../ports/index.js";
import type { Ports } from "../../ports/index.js";
import { Device, DeviceHost } from "../../../simulators/device/index.js";
import { startLwM2mServer } from "../../../simulators/lwm2m-server/index.js";
import { within } from "../within.js";
import { ok, problem } from "./finding.js";
import type { Finding } from "./finding.js";

const trialMs = 8_000;

/** One device that registers with server A, or with a reference of our own, and leaves. */
export async function oneDevice(target: Target, admission: "open" | "credential" | undefined, ports: Ports): Promise<Finding> {
  const { A } = target.servers;
  if (A.kind === "running") {
    if (A.uris.nosec === undefined) return ok("device", "server A speaks DTLS only: a device without a credential there is not tried");
    return registered(A.uris.nosec, admission, target, ports);
  }
  const server = await startLwM2mServer(
    lwm2mServerConfig({ name: "server-a", coap: "127.0.0.1:0", http: "127.0.0.1:0", operatorToken: ports.secrets.token(), admission: "open", lab: true, timing: "lab" }),
    { ...ports, log: silentLog },
  );
  try {
    return await registered(`coap://${formatAddress(server.coap)}`, "open", target, ports);
  } finally {
    await within(server.stop(), trialMs);
  }
}

async function registered(uri: string, admission: "open" | "credential" | undefined, target: Target, ports: Ports): Promise<Finding> {
  const endpoint = `ab-doctor-${ports.secrets.bytes(4).toString("hex")}`;
  const { coap, device: times } = target.timing.profile === "lab" ? target.timing : { ...timing("lab"), coap: target.timing.coap };
  let refusal: string | undefined;
  let settled = (): void => {};
  const done = new Promise<void>((resolve) => (settled = resolve));
  const host = new DeviceHost(ports, {
    onState: (_device, _from, to) => {
      if (to === "registered" || to === "failed") settled();
    },
    onMeasure: () => {},
    onFailure: (_device, reason) => {
      refusal ??= reason;
      settled();
    },
  });
  const device = new Device(host, { endpoint, lwm2m: "1.1", personality: "default", seed: 1, servers: [{ uri, shortServerId: 101, lifetime: 60 }], timing: { coap, device: times } });
  device.start();
  await within(done, trialMs);
  const at = device.fleetState;
  await within(new Promise<void>((resolve) => device.stop(true, resolve)), trialMs);
  if (at === "registered") return ok("device", `${endpoint} registered with ${uri} and left`);
  if (admission === "credential" && refusal?.includes("4.") === true) return ok("device", `${endpoint} was refused by ${uri} (${refusal}), as its admission by credential says`);
  return problem("device", `${endpoint} could not register with ${uri}: ${refusal ?? "no answer"}`, admission === "credential" ? "see the server's log" : "see the server's log; does it admit endpoint names it does not know, with NoSec?");
}
