import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import type { DeviceSpec } from "../../simulators/device/index.js";
import type { DeviceActor, DeviceProvider, Property } from "../../src/harness/index.js";
import { packageRoot } from "../../src/ports/real/index.js";
import { asked, ForeignDevice } from "../foreign-device/actor.js";
import { HostProcess } from "../node-coap-device/host-process.js";
import { written } from "../node-coap-device/hosted.js";

/**
 * Devices on Wakaama, through its npm package, for the harness (`muster run --devices-on wakaama`): `host.js` holds their values, a native process each speaks
 * for them. What the package cannot be asked for is unsupported before anything is sent.
 */
export async function deviceProvider(): Promise<DeviceProvider> {
  const cache = join(packageRoot, "interop/.cache");
  const folder = join(cache, "wakaama");
  if (!existsSync(join(folder, "node_modules/node-red-contrib-lwm2m")) || !existsSync(join(cache, "bind-loopback.so"))) throw new Error("Wakaama's npm client is not installed: run interop/setup");
  const host = await HostProcess.launch(process.execPath, [fileURLToPath(new URL("./host.js", import.meta.url)), folder, join(cache, "bind-loopback.so")], "wakaama");
  return {
    name: "wakaama",
    implementation: "Wakaama npm client 2.12.3",
    lwm2m: "1.0",
    can: { misbehave: false, actions: true, psk: true, publicKeys: false },
    facts: {
      name: "wakaama",
      lacks: new Map<Property, string>([
        ["lwm2m-1.1", "its client is one of LwM2M 1.0"],
        ["resource-instances", "that came with LwM2M 1.1"],
        ["bootstrap-discover", "its native client answers every Bootstrap-Discover 4.00"],
        ["bootstrap-trigger", "LwM2M 1.0 has no /1/x/9"],
        ["bootstrap-request", "the package has no call for a bootstrap: its native client asks for one when it has no other server to go to"],
        ["update", "the package has no call for an Update: it is sent when the lifetime is nearly over, or the server created or deleted an instance"],
        ["register-again", "the package registers when its native client finds it due"],
        ["factory-resources", "what LwM2M 1.1 added to the Server object means nothing to it"],
        ["raw-request", "the package sends what its native client finds due"],
        ["sleep", "the package listens all the time"],
        ["silence", "the package keeps its socket to itself"],
        ["resume", "its tinydtls resumes no session"],
        ["session-events", "its tinydtls keeps them to itself"],
        ["held-keys", "it is not asked for them here"],
      ]),
    },
    async create(spec: DeviceSpec): Promise<DeviceActor> {
      await asked("wakaama", host.send({ type: "create", spec: written(spec) }, z.null()));
      return new ForeignDevice("wakaama", host, spec.endpoint);
    },
    close: () => host.stop(),
  };
}
