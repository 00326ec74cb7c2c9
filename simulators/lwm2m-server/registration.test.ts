import { describe, expect, it } from "vitest";
import { Codes, ContentFormat, formatCode, type Request } from "../../src/coap/index.js";
import { RequestError } from "../../src/lwm2m/index.js";
import { plantedFaults, type PlantName } from "./plants.js";
import { readRegister, statedEndpoint } from "./registration.js";

const register = (...query: string[]): Request => ({ code: Codes.POST, path: ["rd"], query, contentFormat: ContentFormat.Link, payload: Buffer.from("</1/0>,</3/0>") });
const rules = (admits: boolean, ...plants: PlantName[]) => ({ plants: plantedFaults(plants), admits: () => admits });

const codeFor = (request: Request, ...plants: PlantName[]): string => {
  try {
    readRegister(request, rules(true, ...plants));
    return "2.01";
  } catch (error) {
    if (error instanceof RequestError) return formatCode(error.code);
    throw error;
  }
};

describe("a Register", () => {
  it("is read in full", () => {
    const facts = readRegister(register("ep=d1", "lt=60", "lwm2m=1.1", "b=U", "Q"), rules(true));
    expect(facts).toMatchObject({ endpoint: "d1", lifetime: 60, version: "1.1", binding: { transports: "U", queue: true } });
    expect(facts.objects.objects.map(({ object }) => object)).toEqual([1, 3]);
  });

  it("of LwM2M 1.0 says queue mode in its binding", () => {
    expect(readRegister(register("ep=d1", "lt=60", "lwm2m=1.0", "b=UQ"), rules(true)).binding).toEqual({ transports: "U", queue: true });
  });

  it.each([
    ["without ep", register("lt=60", "lwm2m=1.1"), "4.00"],
    ["without lt", register("ep=d1", "lwm2m=1.1"), "4.00"],
    ["without lwm2m", register("ep=d1", "lt=60"), "4.00"],
    ["with an lt that is no number", register("ep=d1", "lt=soon", "lwm2m=1.1"), "4.00"],
    ["with a version that is not supported", register("ep=d1", "lt=60", "lwm2m=1.9"), "4.12"],
    ["with all of them", register("ep=d1", "lt=60", "lwm2m=1.1"), "2.01"],
  ])("%s has its code", (_name, request, code) => {
    expect(codeFor(request)).toBe(code);
  });

  it("of an endpoint that is not admitted is 4.03", () => {
    expect(() => readRegister(register("ep=d1", "lt=60", "lwm2m=1.1"), rules(false))).toThrow(expect.objectContaining({ code: Codes.Forbidden }));
  });

  it("that names another endpoint than its session is 4.00", () => {
    expect(() => readRegister(register("ep=d1", "lt=60", "lwm2m=1.1"), rules(true), "d2")).toThrow(expect.objectContaining({ code: Codes.BadRequest }));
  });

  it("takes the session's endpoint where it names none, from 1.1 on", () => {
    expect(readRegister(register("lt=60", "lwm2m=1.1"), rules(true), "d2").endpoint).toBe("d2");
    expect(() => readRegister(register("lt=60", "lwm2m=1.0"), rules(true), "d2")).toThrow(expect.objectContaining({ code: Codes.BadRequest }));
  });
});

describe("planted faults of Register", () => {
  it.each([
    ["missing-lifetime-accepted", register("ep=d1", "lwm2m=1.1")],
    ["register-without-lwm2m-accepted", register("ep=d1", "lt=60")],
    ["unsupported-version-accepted", register("ep=d1", "lt=60", "lwm2m=1.9")],
    ["invalid-parameters-accepted", register("ep=d1", "lt=soon", "lwm2m=1.1")],
    ["invalid-parameters-accepted", register("ep=d1", "lt=60", "lwm2m=1.1", "b=X")],
  ] as const)("%s lets exactly that one pass", (plant, request) => {
    expect(codeFor(request)).not.toBe("2.01");
    expect(codeFor(request, plant)).toBe("2.01");
    expect(codeFor(register("lt=60", "lwm2m=1.1"), plant)).toBe("4.00");
  });
});

describe("statedEndpoint", () => {
  it("is what ep says, checked or not", () => {
    expect(statedEndpoint(["lt=1", "ep=a=b"])).toBe("a=b");
    expect(statedEndpoint(["ep="])).toBeUndefined();
    expect(statedEndpoint([])).toBeUndefined();
  });
});
