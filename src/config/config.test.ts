import { describe, expect, it } from "vitest";
import { ConfigError, bootstrapServerConfig, bootstrapServerSchema, checkFlags, fleetSchema, isMet, loadYaml, lwm2mServerConfig, lwm2mServerSchema, matchesPattern, nearest, resolveBootstrapServer } from "./index.js";
import type { ConfigProblem } from "./index.js";

const problemsOf = (attempt: () => unknown): readonly ConfigProblem[] => {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error("nothing was wrong");
};

const inFile = (text: string) => problemsOf(() => loadYaml(text, "muster.yaml", bootstrapServerSchema));

describe("a role's YAML file", () => {
  it("is read with its defaults", () => {
    const { value } = loadYaml("coap: 127.0.0.1:5700\npeers:\n  - id: operator-a\n    tenant: a\n    tokenEnv: TOKEN_A\n", "muster.yaml", bootstrapServerSchema);
    expect(value.coap).toEqual({ host: "127.0.0.1", port: 5700 });
    expect(value.http).toEqual({ host: "127.0.0.1", port: 8783 });
    expect(value.peers[0]).toMatchObject({ id: "operator-a", endpoints: ["*"], shortServerIds: [1, 65534] });
    expect(value.timing).toBe("rfc");
  });

  it("may be empty", () => {
    expect(loadYaml("# nothing yet\n", "muster.yaml", lwm2mServerSchema).value.admission).toBe("credential");
  });

  it("says what a handshake without a credential gets", () => {
    const defaults = lwm2mServerConfig({ operatorToken: "o".repeat(32) });
    expect(defaults).toMatchObject({ credentialSlots: 2, unknownIdentity: 115, stagedIdentity: "silence", handshakeStorm: 10 });
    expect(defaults.coaps).toBeUndefined();
    const set = loadYaml("coaps: 127.0.0.1:5684\nunknownIdentity: silence\nstagedIdentity: 40\n", "f.yaml", lwm2mServerSchema).value;
    expect(set).toMatchObject({ coaps: { host: "127.0.0.1", port: 5684 }, unknownIdentity: "silence", stagedIdentity: 40 });
    expect(problemsOf(() => loadYaml("unknownIdentity: 42\n", "f.yaml", lwm2mServerSchema))[0]).toMatchObject({ line: 1, key: "unknownIdentity", message: "is no answer to a handshake", fix: "use silence, 20, 40, 49, 51 or 115" });
  });

  it("names file, line, column, key and fix of a wrong value", () => {
    expect(inFile("http: 127.0.0.1:8080\ncoap: nowhere\n")).toEqual([{ source: "muster.yaml", line: 2, column: 1, key: "coap", message: '"nowhere" is not HOST:PORT', fix: "write it as 127.0.0.1:5683 or [::1]:5683" }]);
  });

  it("finds the line of a key inside a list", () => {
    const [problem] = inFile("peers:\n  - id: operator-a\n    tenant: a\n    smp: ftp://x\n");
    expect(problem).toMatchObject({ line: 4, column: 5, key: "peers.0.smp" });
  });

  it("points at the list entry when the key is missing in it", () => {
    const [problem] = inFile("peers:\n  - id: operator-a\n");
    expect(problem).toMatchObject({ line: 2, key: "peers.0.tenant", message: "is missing", fix: "give it a text" });
  });

  it("suggests the key that was meant", () => {
    const [problem] = inFile("coapp: 127.0.0.1:5683\n");
    expect(problem).toMatchObject({ line: 1, key: "coapp", message: "is not a known key", fix: 'did you mean "coap"?' });
    expect(inFile("timing:\n  profile: lab\n  coap:\n    ackTimeout: 100\n")[0]).toMatchObject({ line: 4, key: "timing.coap.ackTimeout", fix: 'did you mean "ackTimeoutMs"?' });
    expect(inFile("peers:\n  - id: a\n    tenant: a\n    tokenEvn: X\n")[0]).toMatchObject({ line: 4, fix: 'did you mean "tokenEnv"?' });
  });

  it("names what is wrong with a client's key by its place, and never shows it", () => {
    const client = (psk: string) => inFile(`clients:\n  - "a-*"\n  - endpoint: dev-1\n    psk: ${psk}\n`)[0];
    expect(client('{ key: "00112233canary" }')).toMatchObject({ line: 4, key: "clients.1.psk.key", message: "is not a key in hex" });
    expect(client('{ key: "00112233445566" }')).toMatchObject({ key: "clients.1.psk.key", message: "is shorter than 16 bytes" });
    expect(client(`{ key: "${"00".repeat(65)}" }`)).toMatchObject({ message: "is not a key in hex", fix: expect.stringContaining("64 bytes") as string });
    expect(client(`{ identity: "${"i".repeat(129)}", key: "${"00".repeat(16)}" }`)).toMatchObject({ key: "clients.1.psk.identity", message: "has 129 bytes" });
    expect(inFile("clients:\n  - testDevices: { seed: one, pattern: ab-* }\n")[0]).toMatchObject({ key: "clients.0.testDevices.seed", fix: "give it a number" });
  });

  it("wants each identity once", () => {
    const psk = { identity: "one", key: "00112233445566778899aabbccddeeff" };
    const problems = problemsOf(() => bootstrapServerConfig({ operatorToken: "operator-token-of-a-test", clients: [{ endpoint: "dev-1", psk }, { endpoint: "dev-2", psk }] }));
    expect(problems).toMatchObject([{ key: "clients", message: '"dev-1" and "dev-2" have one identity' }]);
  });

  it("has an account's URI, mode and key go together", () => {
    const account = (fields: string, endpoint = "dev-1") => inFile(`bootstrap:\n  - endpoint: "${endpoint}"\n    accounts:\n      - { shortServerId: 101, ${fields} }\n`)[0];
    const psk = 'psk: { identity: one, key: "00112233445566778899aabbccddeeff" }';
    expect(account("uri: coaps://h, securityMode: psk")).toMatchObject({ key: "bootstrap.0.accounts.0.psk", message: "is missing" });
    expect(account(`uri: coap://h, ${psk}`)).toMatchObject({ key: "bootstrap.0.accounts.0.psk", message: "goes with securityMode psk only" });
    expect(account(`uri: coap://h, securityMode: psk, ${psk}`)).toMatchObject({ key: "bootstrap.0.accounts.0.uri", fix: "write it as coaps://HOST:PORT" });
    expect(account(`uri: coaps://h, securityMode: psk, ${psk}`, "dev-*")).toMatchObject({ key: "bootstrap.0.accounts.0.psk", message: "would be the key of many devices" });
    expect(account('uri: coaps://h, securityMode: psk, psk: { identity: one, key: "00canary" }')).toMatchObject({ key: "bootstrap.0.accounts.0.psk.key", message: "is not a key in hex" });
  });

  it("takes keys in the clear, and devices without DTLS whatever they have, in a laboratory only", () => {
    expect(inFile("secretTransport: cleartext\n")).toMatchObject([{ key: "secretTransport", fix: "set lab: true, or use jwe" }]);
    expect(inFile("nosec: always\n")).toMatchObject([{ key: "nosec", fix: "set lab: true, or use without-credentials" }]);
    expect(loadYaml("lab: true\nsecretTransport: cleartext\nnosec: always\n", "f.yaml", bootstrapServerSchema).value).toMatchObject({ secretTransport: "cleartext", nosec: "always" });
  });

  it("lists what a choice may be", () => {
    expect(inFile("timing: fast\n")[0]).toMatchObject({ key: "timing", fix: "use lab or rfc, or a mapping" });
    expect(problemsOf(() => loadYaml("admission: never\n", "f.yaml", lwm2mServerSchema))[0]).toMatchObject({ key: "admission", fix: "use one of open, credential" });
  });

  it("reports broken YAML with its line", () => {
    expect(inFile("coap: 127.0.0.1:5683\npeers: [\n")[0]).toMatchObject({ line: 3, fix: "correct the line" });
    expect(inFile("coap: a\ncoap: b\n")[0]?.line).toBe(2);
    expect(inFile("- coap\n")[0]).toMatchObject({ message: "is not a mapping of keys" });
  });

  it("refuses a Short Server ID that two accounts share", () => {
    const account = '{ uri: "coap://127.0.0.1:5783", shortServerId: 101 }';
    expect(inFile(`bootstrap:\n  - endpoint: "a-*"\n    accounts: []\n`)[0]).toMatchObject({ message: "is empty", fix: "give an account, or writes that stand without one" });
    expect(inFile(`bootstrap:\n  - endpoint: "a-*"\n    accounts:\n      - ${account}\n      - ${account}\n`)[0]).toMatchObject({ line: 5, message: "Short Server ID 101 is used twice" });
  });

  it("writes every problem on a line of its own", () => {
    const error = new ConfigError(inFile("coap: x\nhttp: y\n"));
    expect(error.message.split("\n")).toHaveLength(2);
    expect(error.message).toContain('muster.yaml:1:1: coap: "x" is not HOST:PORT; write it as');
  });
});

describe("tokens", () => {
  const file = loadYaml("peers:\n  - id: a\n    tenant: a\n    tokenEnv: TOKEN_A\noperatorTokenEnv: OPERATOR\n", "muster.yaml", bootstrapServerSchema);

  it("come from the environment", () => {
    const config = resolveBootstrapServer(file.value, { env: { TOKEN_A: "t".repeat(32), OPERATOR: "o".repeat(32) } });
    expect(config.peers[0]?.token).toBe("t".repeat(32));
    expect(config.operatorToken).toBe("o".repeat(32));
  });

  it("that cannot be had are named with the variable and the line", () => {
    const [problem] = problemsOf(() => resolveBootstrapServer(file.value, { env: {}, source: "muster.yaml", locate: (path) => file.locate(path) }));
    expect(problem).toMatchObject({ source: "muster.yaml", line: 2, key: "peers.0.token", message: "the environment variable TOKEN_A is not set", fix: "set it: export TOKEN_A=..." });
  });

  it("are made where none is named, if the caller makes some", () => {
    const config = bootstrapServerConfig({ peers: [{ id: "a", tenant: "a" }] }, { env: {}, generate: (key) => `made-for-${key}` });
    expect(config.operatorToken).toBe("made-for-operatorToken");
    expect(config.peers[0]?.token).toBe("made-for-peers.0.token");
    expect(() => bootstrapServerConfig({})).toThrow(/operatorToken: is missing; give operatorToken, or operatorTokenEnv/);
  });

  it("that are too short are refused", () => {
    expect(inFile("operatorToken: abc\n")[0]?.message).toContain("too short");
  });
});

describe("a configuration written in code", () => {
  it("is plain data that a worker can be given", () => {
    const config = lwm2mServerConfig({ name: "server-a", operatorToken: "o".repeat(32), timing: "lab", admission: "credential", shortServerId: 101 });
    expect(structuredClone(config)).toEqual(config);
    expect(config.name).toBe("server-a");
    expect(config.timing.coap.ackTimeoutMs).toBe(200);
  });
});

describe("flags", () => {
  it("are checked by the schema of the file and named as typed", () => {
    expect(problemsOf(() => checkFlags({ devices: "ten", server: "coap://127.0.0.1" }, fleetSchema))).toEqual([{ source: "--devices", key: "", message: "is not a whole number", fix: "use a number such as 100" }]);
    expect(problemsOf(() => checkFlags({ devices: "10", endpointPattern: "same", server: "coap://127.0.0.1" }, fleetSchema))[0]).toMatchObject({ source: "--endpoint-pattern", fix: "write it as my-fleet-{index:08d}" });
    expect(problemsOf(() => checkFlags({ devices: "10", server: "http://127.0.0.1" }, fleetSchema))[0]?.source).toBe("--server");
    expect(problemsOf(() => checkFlags({ devices: "0", server: "coap://127.0.0.1" }, fleetSchema))[0]).toMatchObject({ source: "--devices", message: "is too small", fix: "use 1 or more" });
  });

  it("need exactly one place to go to", () => {
    expect(problemsOf(() => checkFlags({ devices: "10" }, fleetSchema))[0]).toMatchObject({ source: "--bootstrap", fix: "give --bootstrap coap://HOST:PORT or --server coap://HOST:PORT" });
    expect(problemsOf(() => checkFlags({ devices: "10", server: "coap://a", bootstrap: "coap://b" }, fleetSchema))[0]?.source).toBe("--server");
  });

  it("read durations, shares and expectations", () => {
    const options = checkFlags({ devices: "10", server: "coap://127.0.0.1", duration: "1.5s", personalities: "default=80,sleepy=20", expect: ["registered=100%", "failed<=1"] }, fleetSchema);
    expect(options.duration).toBe(1500);
    expect(options.personalities).toEqual({ default: 80, sleepy: 20 });
    expect(options.expect.map((expectation) => isMet(expectation, { registered: 10, failed: 2 }, 10))).toEqual([true, false]);
    expect(problemsOf(() => checkFlags({ devices: "1", server: "coap://a", expect: ["all good"] }, fleetSchema))[0]?.source).toBe("--expect");
  });

  it("never round an expectation up: 999 of 1000 is not 100%", () => {
    const [expectation] = checkFlags({ devices: "1000", server: "coap://a", expect: ["registered=100%"] }, fleetSchema).expect;
    expect(expectation && isMet(expectation, { registered: 999 }, 1000)).toBe(false);
    expect(expectation && isMet(expectation, {}, 1000)).toBe(false);
  });
});

describe("patterns", () => {
  it.each([
    ["a-*", "a-1", true],
    ["a-*", "ab-1", false],
    ["*", "", true],
    ["a*b*c", "a-b-c", true],
    ["a*b*c", "a-c", false],
    ["ab*ba", "aba", false],
    ["exact", "exact", true],
    ["exact", "exactly", false],
    ["coap://127.0.0.1:*", "coap://127.0.0.1:5683/", true],
  ])("%s against %s is %s", (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });
});

describe("the nearest word", () => {
  it("is one that a slip of the finger explains, or none", () => {
    expect(nearest("personalitys", ["personality", "priority"])).toBe("personality");
    expect(nearest("xyz", ["coap", "http"])).toBeUndefined();
  });
});
