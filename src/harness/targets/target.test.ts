import { describe, expect, it } from "vitest";
import { ConfigError } from "../../config/index.js";
import { packageRoot, realFiles } from "../../ports/real/index.js";
import { missingCapabilities, readTarget, referenceTarget } from "./target.js";
import { deviationOf, readDeviations } from "./deviations.js";

const secret = "0123456789abcdef";
const running = (more = ""): string => `serverA:\n  coap: coap://127.0.0.1:5683\n  smp: http://127.0.0.1:8080\n${more}`;

describe("a target file", () => {
  it("without anything is a target of references", () => {
    expect(readTarget("timing: lab", "t.yaml", {})).toMatchObject({ name: "t", bootstrapServer: { kind: "reference" }, servers: { A: { kind: "reference" }, B: { kind: "reference" } }, timing: { profile: "lab" } });
  });

  it("takes external systems to run in the times of the texts unless it says otherwise", () => {
    expect(readTarget("", "t.yaml", {}).timing.profile).toBe("rfc");
  });

  it("takes tokens from the environment, and says where one is missing", () => {
    const text = running("  operator: http://127.0.0.1:8080\n  operatorTokenEnv: OP\n  tokenEnv: PAIR\n");
    expect(readTarget(text, "t.yaml", { OP: secret, PAIR: `${secret}1` })).toMatchObject({ servers: { A: { operator: { token: secret } } }, pairTokens: { A: `${secret}1`, B: undefined } });
    expect(() => readTarget(text, "t.yaml", { OP: secret })).toThrow(/t\.yaml:.*PAIR is not set/);
  });

  it("names file, line and key of a mistake", () => {
    try {
      readTarget(running("  operatr: http://127.0.0.1:8080\n"), "t.yaml", {});
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).message).toContain("t.yaml:4");
    }
  });

  it("lets a reference share a token with a system that is running", () => {
    expect(readTarget("serverA:\n  reference: true\n  tokenEnv: PAIR\n", "t.yaml", { PAIR: secret })).toMatchObject({ servers: { A: { kind: "reference" } }, pairTokens: { A: secret } });
  });

  it("shipped as an example is readable", async () => {
    const env = Object.fromEntries(["OPERATOR_BS", "OPERATOR_A", "OPERATOR_B", "TOKEN_A", "TOKEN_B"].map((name) => [`MUSTER_${name}`, secret]));
    for (const name of ["reference", "served"]) expect(readTarget(await realFiles.read(`${packageRoot}/targets/${name}.yaml`), `${name}.yaml`, env).name).toBe(name);
  });
});

describe("what a target cannot do", () => {
  it("is nothing for references", () => {
    expect(missingCapabilities(referenceTarget, "psk").size).toBe(0);
  });

  it("is unsupported where there is no operator API, not applicable where the target states it", () => {
    const missing = missingCapabilities(readTarget(running("  without: [sm2]\n"), "t.yaml", {}), "nosec");
    expect(missing.get("faults")).toEqual({ as: "unsupported", reason: "server A has no operator API" });
    expect(missing.get("sm2")).toEqual({ as: "not-applicable", reason: "server A states that it is without sm2" });
    expect(missing.get("second-uri")?.as).toBe("not-applicable");
  });

  it("refuses capabilities that an adapter cannot make use of, in words", () => {
    const withCapability = (capability: string) => () => readTarget(`serverA: { adapter: manual, coap: coap://127.0.0.1:5683, capabilities: { ${capability} } }`, "t.yaml", {});
    expect(withCapability("lwm2m: ['1.0']")).toThrow(/serverA\.capabilities\.lwm2m: leaves 1\.1 out.*add "1\.1"/);
    expect(withCapability("credentialSlots: 2")).toThrow(/serverA\.capabilities\.credentialSlots: is more than an adapter can use.*write 1/);
    expect(withCapability("smp: true")).toThrow(/serverA\.capabilities\.smp: is not for a role with an adapter.*in the place of adapter/);
    expect(withCapability("lwm2m: ['1.1', '1.2'], credentialSlots: 1, smp: false")).not.toThrow();
  });

  it("is not applicable where an adapted target states no such security, and unsupported where it does and the adapter has no keys for it", () => {
    const of = (modes: string) => missingCapabilities(readTarget(`serverA: { adapter: manual, coap: coap://127.0.0.1:5683, coaps: coaps://127.0.0.1:5684, capabilities: { security: [${modes}] } }`, "t.yaml", {}), "psk");
    expect(of("nosec, psk").get("rpk")).toEqual({ as: "not-applicable", reason: "server A states no security mode rpk" });
    expect(of("nosec, psk").get("cid")).toEqual({ as: "not-applicable", reason: "server A states no connection ids" });
    expect(of("nosec, psk").get("psk")).toBeUndefined();
    expect(of("psk, rpk").get("rpk")).toEqual({ as: "unsupported", reason: "server A (manual): the adapter gives it pre-shared keys only" });
  });
});

describe("a target file with an adapter", () => {
  const errorOf = (text: string): string => {
    try {
      readTarget(text, "target.yaml", {});
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };

  it.each([
    ["an adapter that is none", "serverA: { adapter: leshann, coap: 'coap://127.0.0.1:1' }", /target\.yaml:1:12: serverA\.adapter: is not one of leshan, http-template, manual/],
    ["an address of another protocol", "serverA:\n  adapter: manual\n  coap: http://127.0.0.1:1", /target\.yaml:3:3: serverA\.coap: "http:\/\/127\.0\.0\.1:1" is not a coap:\/\/ URI; write it as coap:\/\/127\.0\.0\.1:5683/],
    ["a key with a typing mistake", "serverA:\n  adapter: leshan\n  coap: coap://127.0.0.1:1\n  api: http://x\n  dialct: M4", /target\.yaml:5:3: serverA\.dialct: is not a known key; did you mean "dialect"\?/],
    ["a call whose pattern is none", "serverA:\n  adapter: http-template\n  coap: coap://127.0.0.1:1\n  api: http://x\n  calls:\n    read: { path: /x, code: { pattern: '(' } }", /target\.yaml:6:\d+: serverA\.calls\.read\.code\.pattern: is not a regular expression/],
    ["an address with security where there is none", "serverA: { adapter: manual, coap: 'coaps://127.0.0.1:1' }", /target\.yaml:1:\d+: serverA\.coap: "coaps:\/\/127\.0\.0\.1:1" is not a coap:\/\/ URI/],
    ["a port that nobody picks", "serverA: { adapter: manual, coap: 'coap://127.0.0.1:${web}' }", /target\.yaml:1:\d+: serverA\.coap: \$\{web\} is not a port of start\.ports; add start with ports: \[web\], or write the port as a number/],
    ["a missing address", "serverA: { adapter: manual }", /target\.yaml:1:\d+: serverA\.coap: is missing/],
  ])("names file, line, key and the fix of %s", (_what, text, expected) => {
    expect(errorOf(text)).toMatch(expected);
  });
});

describe("known deviations", () => {
  const known = readDeviations("deviations:\n  - { scenario: a/b, verdict: fail, reason: [lifetime, 'actual 2.01'], clause: the text, reproducedOn: node-coap }", "known.yaml");

  it("are what was expected only with the verdict and each word of the reason", () => {
    expect(deviationOf({ id: "a/b", verdict: "fail", reason: "lifetime: expected 4.00, actual 2.01" }, known)).toEqual({ as: "known", clause: "the text", reproduced: "reproduced with devices on node-coap" });
    expect(deviationOf({ id: "a/b", verdict: "fail", reason: "lifetime: expected 4.00, actual 5.00" }, known)?.as).toBe("surprise");
  });

  it.each([
    ["no word of another client stack", "", /reproducedOn: is missing; name the one that came to the same with --second-opinion/],
    ["a stack that nobody can repeat it on", ", reproducedOn: muster", /reproducedOn: is no other client stack; .*node-coap, node-dtls-client, leshan/],
    ["no reason why none can tell", ", reproducedOn: { none: '' }", /reproducedOn/],
  ])("are not read with %s", (_, key, expected) => {
    expect(() => readDeviations(`deviations:\n  - { scenario: a/b, verdict: fail, reason: [x], clause: the text${key} }`, "known.yaml")).toThrow(expected);
  });

  it("say why no other client stack can tell, where none can", () => {
    const alone = readDeviations("deviations:\n  - { scenario: a/b, verdict: fail, reason: [x], clause: the text, reproducedOn: { none: it speaks 1.1 only } }", "known.yaml");
    expect(deviationOf({ id: "a/b", verdict: "fail", reason: "x" }, alone)?.reproduced).toBe("not reproduced on another client stack: it speaks 1.1 only");
  });

  it("make an unexpected pass a surprise, and nothing of what did not run", () => {
    expect(deviationOf({ id: "a/b", verdict: "pass", reason: "1 check" }, known)?.as).toBe("surprise");
    expect(deviationOf({ id: "a/b", verdict: "unsupported", reason: "" }, known)).toBeUndefined();
    expect(deviationOf({ id: "a/c", verdict: "fail", reason: "lifetime" }, known)).toBeUndefined();
  });
});
