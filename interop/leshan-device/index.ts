import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { DeviceSpec } from "../../simulators/device/index.js";
import type { DeviceActor, DeviceProvider, Property } from "../../src/harness/index.js";
import { packageRoot } from "../../src/ports/real/index.js";
import { asked, ForeignDevice } from "../foreign-device/actor.js";
import { HostProcess } from "../node-coap-device/host-process.js";
import { written } from "../node-coap-device/hosted.js";

/**
 * Devices on Leshan's client library for the harness (`muster run --devices-on leshan`): one Java process (interop/leshan/client) hosts all of them. What the
 * library cannot be asked for is unsupported before anything is sent.
 */
export async function deviceProvider(): Promise<DeviceProvider> {
  const folder = join(packageRoot, "interop/.cache/leshan/client");
  if (!existsSync(join(folder, "classes/Main.class"))) throw new Error("Leshan's client library is not installed: run interop/setup");
  const host = await HostProcess.launch("java", ["-cp", `${folder}/classes:${folder}/lib/*`, "Main"], "leshan");
  return {
    name: "leshan",
    implementation: "Leshan client 2.0.0-M18",
    can: { misbehave: false, actions: true, psk: true, publicKeys: false },
    facts: {
      name: "leshan",
      lacks: new Map<Property, string>([
        ["register-again", "the library registers when its own engine finds it due"],
        ["two-accounts", "the library registers with one LwM2M Server only"],
        ["factory-resources", "the library's Server object takes no other resources from the factory"],
        ["raw-request", "the library sends what its own engine finds due"],
        ["power-cycle", "the library cannot be stopped without its De-register and started with what it holds"],
        ["sleep", "the library's queue mode is not set up here"],
        ["silence", "the library keeps its sockets to itself"],
        ["disable-resource", "/1/x/4 is optional (LwM2M Core 1.1 §E.2), and the library's Server object has none"],
      ]),
    },
    async create(spec: DeviceSpec): Promise<DeviceActor> {
      await asked("leshan", host.send({ type: "create", spec: written(spec) }, z.null()));
      return new ForeignDevice("leshan", host, spec.endpoint);
    },
    close: () => host.stop(),
  };
}
