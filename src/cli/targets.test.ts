import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { bootstrapServerSchema, loadYaml, lwm2mServerSchema, resolveBootstrapServer, resolveLwM2mServer } from "../config/index.js";
import { readTarget } from "../harness/index.js";
import { packageRoot, realFiles } from "../ports/real/index.js";

const folder = join(packageRoot, "targets");
const names = ["MUSTER_OPERATOR_BS", "MUSTER_OPERATOR_A", "MUSTER_OPERATOR_B", "MUSTER_TOKEN_A", "MUSTER_TOKEN_B", "PLATFORM_USER", "PLATFORM_PASSWORD", "PLATFORM_API_KEY"];
const env = Object.fromEntries(names.map((name) => [name, `${name}-of-the-test`]));
const read = (name: string) => realFiles.read(join(folder, name));

describe("the example target files", () => {
  it("can be read", async () => {
    const files = (await realFiles.list(folder)).filter((name) => name.endsWith(".yaml"));
    expect(files).toEqual(expect.arrayContaining(["reference.yaml", "served.yaml"]));
    for (const file of files) expect(readTarget(await read(file), file, env).name).toBe(file.replace(".yaml", ""));
  });

  it("agree with the configurations of the roles they reach", async () => {
    const target = readTarget(await read("served.yaml"), "served.yaml", env);
    const bootstrapServer = resolveBootstrapServer(loadYaml(await read("served/bootstrap-server.yaml"), "bs", bootstrapServerSchema).value, { env });
    expect(target.bootstrapServer).toMatchObject({ uris: { nosec: `coap://127.0.0.1:${bootstrapServer.coap.port}` }, smp: `http://127.0.0.1:${bootstrapServer.http.port}`, operator: { token: bootstrapServer.operatorToken } });
    for (const [name, file] of [["A", "served/server-a.yaml"], ["B", "served/server-b.yaml"]] as const) {
      const server = resolveLwM2mServer(loadYaml(await read(file), file, lwm2mServerSchema).value, { env });
      const role = target.servers[name];
      expect(role).toMatchObject({ uris: { nosec: `coap://127.0.0.1:${server.coap.port}` }, smp: `http://127.0.0.1:${server.http.port}`, operator: { token: server.operatorToken } });
      const peer = bootstrapServer.peers.find(({ smp }) => smp === `http://127.0.0.1:${server.http.port}`);
      expect(peer).toMatchObject({ token: target.pairTokens[name], shortServerIds: server.peers[0]?.shortServerIds, tenant: server.peers[0]?.tenant });
      expect(peer?.uris).toContain(`coap://127.0.0.1:${server.coap.port}`);
      if (role.kind === "running") for (const uri of Object.values(role.secondUris)) expect(peer?.uris).toContain(uri);
      expect(server.peers[0]).toMatchObject({ token: peer?.token, smp: `http://127.0.0.1:${bootstrapServer.http.port}` });
      expect(server.timing).toEqual(target.timing);
    }
  });
});
