import { readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { realClock } from "../../../ports/real/index.js";
import { readTarget, type AdaptedTarget } from "../../targets/index.js";
import { AdapterError, type ServerAdapter } from "../adapter.js";
import { adapterFor } from "../choose.js";
import { startPlatform, type Platform } from "../testing/platform.js";
import { fillBody, fillText, take } from "./template.js";

describe("a template", () => {
  it("keeps the type of a value that is all of a text, and writes it as text within one", () => {
    expect(fillBody({ ssid: "{ssid}", text: "no. {ssid}" }, { ssid: 101 })).toEqual({ ssid: 101, text: "no. 101" });
  });

  it("leaves out members that come to nothing, and writes lists and objects with one member for each", () => {
    const accounts = [{ ssid: 101, pmin: undefined }, { ssid: 102, pmin: 5 }];
    expect(fillBody({ list: { $each: "accounts", $item: { id: "{ssid}", pmin: "{pmin}" } } }, { accounts })).toEqual({ list: [{ id: 101 }, { id: 102, pmin: 5 }] });
    expect(fillBody({ $each: "accounts", $key: "{index}", $item: "{ssid}" }, { accounts })).toEqual({ 0: 101, 1: 102 });
  });

  it("names a placeholder that the call does not have", () => {
    expect(() => fillText("/x/{nowhere}", { endpoint: "e" })).toThrow(/\{nowhere\}.*it has endpoint/);
  });

  it("takes a member of an answer by its path", () => {
    expect(take({ data: { items: [{ id: 7 }] } }, "data.items.0.id")).toBe(7);
    expect(take({ data: null }, "data.items")).toBeUndefined();
  });
});

describe("the example targets of http-template", () => {
  let platform: Platform;
  let adapter: ServerAdapter | undefined;
  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.stop());
  beforeEach(async () => {
    await adapter?.close();
    platform.calls.length = 0;
  });

  const env = { PLATFORM_USER: "operator", PLATFORM_PASSWORD: "correct horse", PLATFORM_API_KEY: "key-of-the-platform" };
  const steered = (file: string, variables: Readonly<Record<string, string>> = env): ServerAdapter => {
    const text = readFileSync(new URL(`../../../../targets/${file}.yaml`, import.meta.url), "utf8").replace("https://platform.example", platform.url);
    const target = readTarget(text, `${file}.yaml`, variables).servers.A as AdaptedTarget;
    return (adapter = adapterFor.server(target.entry, { clock: realClock(), secrets: target.secrets, ask: undefined }));
  };

  it("log in once, and again when the token is over", async () => {
    const server = steered("example-token-login");
    expect(await server.registration("ab-1")).toMatchObject({ endpoint: "ab-1", lifetime: 300, lwm2m: "1.1" });
    expect(await server.registration("ab-2")).toBeUndefined();
    platform.expireTokens();
    expect(await server.trigger("ab-1", 101)).toEqual({ kind: "answered", code: "2.04" });
    expect(platform.calls.filter((call) => call === "POST /rest/auth/login")).toHaveLength(2);
  });

  it("read a tree of nodes", async () => {
    expect(await steered("example-token-login").operate("ab-1", { operation: "read", path: "/3/0" })).toEqual({ code: "2.05", resources: { "/3/0/0": "A", "/3/0/6/0": 1, "/3/0/6/1": 5 } });
    expect(platform.calls.at(-1)).toBe("GET /rest/devices/ab-1/objects/3/0");
  });

  it("poll a task until it has ended", async () => {
    expect(await steered("example-async-task").trigger("ab-1", 101)).toEqual({ kind: "answered", code: "2.04" });
    expect(platform.calls.filter((call) => call === "GET /api/v2/tasks/bootstrap-1")).toHaveLength(3);
  });

  it("hear of a task in its event stream", async () => {
    expect(await steered("example-async-task").operate("ab-1", { operation: "read", path: "/3/0/0" })).toEqual({ code: "2.05", resources: { "/3/0/0": "A" } });
  });

  it("say of a wrong password which call was refused, and never the password", async () => {
    const server = steered("example-token-login", { ...env, PLATFORM_PASSWORD: "wrong battery" });
    const error: unknown = await server.registration("ab-1").catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AdapterError);
    expect(String(error)).toContain("POST /auth/login was answered 403");
    expect(String(error)).not.toContain("battery");
  });

  it("name the environment variable that is not set, with file, line and key", () => {
    expect(() => steered("example-token-login", { PLATFORM_USER: "operator" })).toThrow(/example-token-login\.yaml:9:\d+: serverA\.secrets\.password\.env: the environment variable PLATFORM_PASSWORD is not set; set it: export PLATFORM_PASSWORD=/);
  });
});
