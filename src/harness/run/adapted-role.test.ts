import { describe, expect, it } from "vitest";
import { osSecrets, realClock, udpNetwork } from "../../ports/real/index.js";
import { readTarget } from "../targets/index.js";
import { adaptedRole, type AdaptedRoleEnvironment } from "./adapted-role.js";

const secret = "a key of the interface";
const target = `serverA:
  start: { command: [./server], ports: [coap], ready: { output: ready } }
  coap: coap://127.0.0.1:\${coap}
  adapter: http-template
  api: http://127.0.0.1:9
  secrets: { key: { env: API_KEY } }
  calls: { list: { path: /devices, fields: { endpoint: name } } }
`;

function startOf(text: string): Promise<unknown> {
  const { A: role } = readTarget(text, "target.yaml", { API_KEY: secret }).servers;
  if (role.kind !== "adapted") throw new Error("the target has no adapter");
  const environment: AdaptedRoleEnvironment = {
    clock: realClock(),
    secrets: osSecrets,
    network: udpNetwork,
    freePorts: () => Promise.resolve([4711]),
    programs: { start: () => Promise.reject(new Error(`./server ended with 3 before it was ready: no such user: ${secret}`)) },
    onLost: () => {},
  };
  return adaptedRole(role, { name: "server-a", httpPort: 0, peers: [], timing: "lab" }, environment, () => {});
}

describe("a system that the run starts", () => {
  it("tells what it wrote before it ended, without the secrets of its interface", async () => {
    await expect(startOf(target)).rejects.toThrow("server-a: could not be started: ./server ended with 3 before it was ready: no such user: <key>");
  });
});

describe("a system that is running", () => {
  it("is missed before anything is judged by its silence", async () => {
    await expect(startOf("serverA: { adapter: manual, coap: 'coap://127.0.0.1:9' }")).rejects.toThrow("server-a: nobody listens: coap://127.0.0.1:9; start it, or correct coap in the target file");
    await expect(startOf("serverA: { adapter: manual, coap: 'coap://127.0.0.1:9', coaps: 'coaps://127.0.0.1:9' }")).rejects.toMatchObject({ of: "target", message: "server-a: nobody listens: coap://127.0.0.1:9 nor at coaps://127.0.0.1:9; start it, or correct coap and coaps in the target file" });
  });

  it("may have one of its two ports closed", async () => {
    const socket = await udpNetwork.bind({ host: "127.0.0.1" }, { onDatagram: () => {}, onSocketError: () => {} });
    try {
      const started = startOf(`serverA: { adapter: manual, coap: 'coap://127.0.0.1:9', coaps: 'coaps://127.0.0.1:${socket.local.port}' }`);
      await expect(started).resolves.toBeDefined();
    } finally {
      await socket.close();
    }
  });
});
