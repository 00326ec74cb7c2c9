import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../ports/real/index.js";
import { properties, type AdapterFacts, type Property } from "./adapter.js";
import { inexpressible, needsOf } from "./expressible.js";
import { leshanBootstrapFacts } from "./leshan/bootstrap.js";
import { leshanServerFacts } from "./leshan/server.js";

const scenario = (rules: readonly string[], ...steps: readonly string[]) => ({ rules, steps: steps.map((text) => ({ text })) });
const leshan = { A: leshanServerFacts("M15") };

describe("what an adapter cannot express", () => {
  it("is told with the first step that it cannot express, and why", () => {
    const told = inexpressible(scenario(["queue-order"], 'device "c1" is registered with operator A', 'the Bootstrap Server withdraws its trigger of "c1" at server A'), leshan);
    expect(told).toMatchObject({ as: "unsupported" });
    expect(told?.reason).toContain('the step "the Bootstrap Server withdraws its trigger of "c1" at server A" cannot be expressed: server A (leshan M15) cannot let a trigger expire or be withdrawn: the demo has no trigger');
  });

  it("is a trigger also where an order asks for it", () => {
    const silent: Readonly<Record<string, AdapterFacts>> = { A: { name: "http-template", lacks: new Map<Property, string>([["trigger", "the target file maps no call to trigger"]]) } };
    for (const step of ['server A is asked to trigger "c1"', 'server A is asked in its place to trigger "c1"', '"c1" is triggered by server A']) {
      expect(inexpressible(scenario(["trigger-requested"], step), silent)).toMatchObject({ as: "unsupported" });
    }
    expect(inexpressible(scenario(["trigger-requested"], '"c1" is triggered by server B'), silent)).toBeUndefined();
  });

  it("is an item that only the Register at the server would confirm, where the server tells of none", () => {
    const silent: Readonly<Record<string, AdapterFacts>> = { A: { name: "manual", lacks: new Map<Property, string>([["registrations", "nobody looks"]]) } };
    const ordered = 'operator A orders to provision "c1"';
    expect(inexpressible(scenario(["item-truthful"], ordered, 'the item of "c1" ends as "confirmed"'), silent)?.reason).toContain("cannot tell who is registered, so nothing confirms the item: nobody looks");
    expect(inexpressible(scenario(["item-truthful"], 'device "c1" is provisioned by operator A'), silent)).toMatchObject({ as: "unsupported" });
    expect(inexpressible(scenario(["item-truthful"], ordered, 'the item of "c1" ends as "failed(timeout)"'), silent)).toBeUndefined();
    expect(inexpressible(scenario(["item-truthful"], 'device "c1" is provisioned by operator B'), silent)).toBeUndefined();
  });

  it("is told of a fault that is to be had once as of one that stays", () => {
    for (const step of ['server A does not answer "register" of "c1"', 'server A does not answer the first "register" of "c1"']) {
      expect(inexpressible(scenario(["device-registers"], step), leshan)?.reason).toContain("cannot be made to fail on purpose");
    }
  });

  it("concerns only the role that the adapter steers", () => {
    expect(inexpressible(scenario(["queue-order"], 'the Bootstrap Server withdraws its trigger of "c1" at server B'), leshan)).toBeUndefined();
  });

  it("is not-applicable where the system is without the interface that is asked about", () => {
    expect(inexpressible(scenario(["secret-never-readable"], "the Bootstrap Server sends to server A GET /smp/v1/credentials"), leshan)).toMatchObject({ as: "not-applicable" });
  });

  it("is a key that a server would have to make, and what nobody sees inside its sessions", () => {
    for (const text of ['operator A orders to rotate "c1" with a key that its server makes', 'device "c1" is provisioned by operator A with a key that its server made']) {
      expect(inexpressible(scenario(["own-key-delivered"], text), leshan)?.reason).toContain("cannot answer calls of the Server Management interface itself");
    }
    const unseen: Readonly<Record<string, AdapterFacts>> = { A: { ...leshan.A, lacks: new Map([...leshan.A.lacks, ["coap-log", "its records are encrypted to others"]]) } };
    for (const text of ['/3303/0/5700 of "c1" changes until operator A has answered a notification of it with a reset', 'nothing is notified of /3303/0/5700 of "c1" to server A after the reset']) {
      expect(inexpressible(scenario(["device-observation-ends"], text), unseen)?.reason).toContain("cannot be watched inside its DTLS sessions");
    }
  });

  it("is a rule that the adapter itself would be judged by", () => {
    const steps = ['the Bootstrap Server asks server A to trigger "c1"', '"c1" is triggered by server A'];
    expect(inexpressible(scenario(["trigger-server-instance", "trigger-executes"], ...steps), leshan)?.reason).toContain("cannot be judged by trigger-server-instance");
    expect(inexpressible(scenario(["trigger-executes", "trigger-server-instance"], ...steps), leshan)).toBeUndefined();
  });

  it("is a content format without a name, and attributes that a library refuses to send", () => {
    expect(inexpressible(scenario(["device-read"], 'operator A reads /3/0/0 of "c1" in content format 64999'), leshan)?.reason).toContain("no name for content format 64999");
    expect(inexpressible(scenario(["device-read"], 'operator A reads /3/0/0 of "c1" in content format 110'), leshan)).toBeUndefined();
    expect(needsOf('operator A sets the attributes "lt=30&gt=20" on /3303/0/5700 of "c1"').map(({ property }) => property)).toContain("contradictory-attributes");
    expect(needsOf('operator A sets the attributes "pmin=5&pmax=50" on /3303/0/5700 of "c1"').map(({ property }) => property)).not.toContain("contradictory-attributes");
  });

  it("is what a device of LwM2M 1.0 is without, and what its stack has no call for", () => {
    const device: AdapterFacts = { name: "wakaama", lacks: new Map<Property, string>([["lwm2m-1.1", "one of 1.0"], ["resource-instances", "of 1.1"], ["update", "no call"], ["bootstrap-discover", "answered 4.00"]]) };
    expect(inexpressible(scenario([], 'device "c1" speaks LwM2M 1.1'), { device })).toMatchObject({ as: "not-applicable" });
    expect(inexpressible(scenario([], 'device "c1" speaks LwM2M 1.0'), { device })).toBeUndefined();
    expect(inexpressible(scenario([], 'operator A reads /3/0/6/0 of "c1"'), { device })).toMatchObject({ as: "not-applicable" });
    expect(inexpressible(scenario([], 'operator A reads /3/0/6 of "c1"'), { device })).toBeUndefined();
    expect(inexpressible(scenario([], '"c1" updates its registration with operator A'), { device })).toMatchObject({ as: "unsupported" });
    expect(inexpressible(scenario([], 'device "c1" is provisioned by operator A'), { device })?.reason).toContain("cannot be given an account in a bootstrap that begins with Bootstrap-Discover: answered 4.00");
  });

  it("is a second operator on a device that serves one", () => {
    const device: AdapterFacts = { name: "leshan", lacks: new Map<Property, string>([["two-accounts", "one only"]]) };
    expect(inexpressible(scenario([], 'device "c1" is provisioned by operator A', 'operator B orders to provision "c1"'), { device })).toMatchObject({ as: "not-applicable" });
    expect(inexpressible(scenario([], 'device "c1" is provisioned by operator A', 'device "c2" is provisioned by operator B'), { device })).toBeUndefined();
  });
});

describe("a Bootstrap Server without accounts and orders", () => {
  const bootstrapServer = leshanBootstrapFacts();

  it("can give a device the account of one operator, and is not asked for that of a second by an order", () => {
    const one = 'device "c1" is provisioned by operator A';
    expect(inexpressible(scenario(["trigger-executes"], one), { bootstrapServer })).toBeUndefined();
    expect(inexpressible(scenario(["access-control"], one, 'device "c1" is provisioned by operator B'), { bootstrapServer })?.reason).toMatch(/^the step "device "c1" is provisioned by operator B" cannot be expressed/);
    expect(inexpressible(scenario(["item-truthful"], one, 'operator A orders to update "c1"'), { bootstrapServer })).toMatchObject({ as: "unsupported" });
  });
});

describe("the sentences that need something of an adapter", () => {
  const features = readdirSync(join(packageRoot, "features"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".feature"));
  const sentences = features.flatMap((name) =>
    readFileSync(join(packageRoot, "features", name), "utf8")
      .split("\n")
      .flatMap((line) => /^\s*(?:Given|When|Then|And|But) (.*)$/.exec(line)?.[1]?.replaceAll("\\|", "|") ?? []),
  );

  it("are all in the features: a property that no sentence asks for is a sentence that was renamed", () => {
    const asked = new Set(sentences.flatMap((sentence) => needsOf(sentence).map(({ property }) => property)));
    // Asked for by rules or whole scenarios, by sentences whose words come from a table, or by sentences that no feature has at present.
    const elsewhere: readonly Property[] = ["values-of-ours", "credential", "read-format", "write-format", "trigger-instance", "instance-choice", "two-accounts", "configuration-writes", "power-cycle", "resource-instances"];
    expect((Object.keys(properties) as Property[]).filter((property) => !asked.has(property) && !elsewhere.includes(property))).toEqual([]);
  });
});
