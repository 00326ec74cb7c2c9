import { describe, expect, it } from "vitest";
import { realClock } from "../../ports/real/index.js";
import { RoleError, startRoleThread } from "./role-thread.js";

const script = new URL("../testing/fake-role.mjs", import.meta.url);
const start = (config: object, onLost: (reason: string) => void = () => {}) => startRoleThread("fake", script, config, realClock(), onLost);

describe("a role in a thread of its own", () => {
  it("says where it serves, and leaves when told to", async () => {
    const role = await start({ port: 4711 });
    expect(role.coap).toEqual({ host: "127.0.0.1", port: 4711 });
    await role.stop();
    await role.stop();
  });

  it("that cannot start is our error, with its reason", async () => {
    await expect(start({ fail: "the port is taken" })).rejects.toThrow(new RoleError("fake did not start: the port is taken"));
    await expect(start({ throw: "broken" })).rejects.toThrow(/fake broke: broken/);
    await expect(start({ exit: 3 })).rejects.toThrow("fake ended unexpectedly with 3");
  });

  it("that ends by itself later is heard of", async () => {
    const lost = new Promise<string>((resolve) => void start({ port: 1, exitAfterReady: true }, resolve));
    expect(await lost).toBe("fake ended unexpectedly with 0");
  });
});
