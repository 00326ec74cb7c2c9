import { describe, expect, it } from "vitest";
import { multiple, single } from "../nodes.js";
import { isNumeric, missingMandatory, nodeFault, resourceFault, valueFault } from "./check.js";
import { ObjectId, ServerResource } from "./ids.js";
import { parseRange } from "./range.js";
import { coreObjectVersion, definitionFor, objectDefinition, objectDefinitions, objectVersions } from "./registry.js";
import { objectFacts } from "./registry.generated.js";

describe("object definitions", () => {
  it("keep every version of every object", () => {
    expect(objectFacts.length).toBeGreaterThanOrEqual(147);
    expect(objectVersions(0)).toEqual(["1.0", "1.1", "1.2"]);
    expect(objectVersions(4)).toEqual(["1.0", "1.1", "1.2", "1.3"]);
    expect(objectVersions(3303)).toEqual(["1.0", "1.1"]);
    expect(objectVersions(60_000)).toEqual([]);
  });

  it("are found by version, the newest when none is asked for", () => {
    expect(objectDefinition(1, "1.0")?.resources.size).toBe(9);
    expect(objectDefinition(1)?.version).toBe("1.2");
    expect(objectDefinition(1, "9.9")).toBeUndefined();
    expect(objectDefinition(60_000)).toBeUndefined();
    expect(objectDefinition(1, "1.1")).toBe(objectDefinitions(1)[1]);
  });

  it("know the Bootstrap-Request Trigger from object version 1.1 on", () => {
    expect(objectDefinition(ObjectId.Server, "1.0")?.resources.has(ServerResource.BootstrapRequestTrigger)).toBe(false);
    expect(objectDefinition(ObjectId.Server, "1.1")?.resources.get(ServerResource.BootstrapRequestTrigger)).toMatchObject({ executable: true, mandatory: false, type: undefined });
  });

  it("leave the Security object to the Bootstrap-Server", () => {
    for (const definition of objectDefinitions(0)) for (const resource of definition.resources.values()) expect(resource.operations).toBe("");
  });

  it("give a type to every resource but executable ones", () => {
    for (const { id } of objectFacts) {
      for (const definition of objectDefinitions(id)) for (const resource of definition.resources.values()) expect(resource.type === undefined).toBe(resource.executable);
    }
  });

  it("imply the object versions of each enabler version", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 3303].map((id) => coreObjectVersion(id, "1.0"))).toEqual(Array(9).fill("1.0"));
    expect([0, 1, 2, 3, 4, 5, 6, 7, 3303].map((id) => coreObjectVersion(id, "1.1"))).toEqual(["1.1", "1.1", "1.0", "1.1", "1.2", "1.0", "1.0", "1.0", "1.0"]);
    expect(definitionFor(3303, "1.1")?.version).toBe("1.0");
    expect(definitionFor(3303, "1.1", "1.1")?.version).toBe("1.1");
    expect(definitionFor(1, "1.0")?.version).toBe("1.0");
  });
});

describe("ranges", () => {
  it.each([
    ["0..255", { minimum: 0, maximum: 255 }],
    ["1-65534", { minimum: 1, maximum: 65534 }],
    ["-110..-48", { minimum: -110, maximum: -48 }],
    ["[1:4]", { minimum: 1, maximum: 4 }],
    ["1..64 Bytes", { minimum: 1, maximum: 64 }],
    ["0-255 bytes", { minimum: 0, maximum: 255 }],
    ["10,26", undefined],
    ["16-32-48 bytes", undefined],
    ["8 bit", undefined],
    ["The possible values are those listed in the LwM2M Core Specification", undefined],
  ])("of %s", (text, bounds) => {
    expect(parseRange(text)).toEqual(bounds);
  });
});

describe("checks against a definition", () => {
  const server = objectDefinition(1, "1.1");
  const device = objectDefinition(3, "1.1");
  if (server === undefined || device === undefined) throw new Error("core objects are missing");
  const of = (definition: typeof server, id: number) => definition.resources.get(id)!;

  it("find wrong types", () => {
    expect(valueFault(of(server, 1), 86400)).toBeUndefined();
    expect(valueFault(of(server, 1), "86400")).toContain("Integer");
    expect(valueFault(of(server, 6), 1)).toContain("Boolean");
    expect(valueFault(of(server, 13), -1)).toContain("Unsigned Integer");
    expect(valueFault(of(server, 10), { object: 11, instance: 0 })).toBeUndefined();
    expect(valueFault(of(server, 8), "")).toContain("no value");
  });

  it("find values outside their range, numbers and lengths alike", () => {
    expect(valueFault(of(server, 0), 0)).toContain("1 to 65534");
    expect(valueFault(of(server, 0), 65534)).toBeUndefined();
    expect(valueFault(objectDefinition(0, "1.1")!.resources.get(0)!, "coap://".padEnd(256, "x"))).toContain("bytes");
  });

  it("find single values where multiple ones belong, and the reverse", () => {
    expect(resourceFault(of(device, 11), multiple(11, [[0, 0]]))).toBeUndefined();
    expect(resourceFault(of(device, 11), single(11, 0))).toContain("multiple");
    expect(resourceFault(of(device, 9), multiple(9, [[0, 1]]))).toContain("single");
    expect(resourceFault(of(device, 11), multiple(11, [[0, 0], [1, 9]]))).toContain("0 to 8");
  });

  it("look into every part of a node and pass unknown resources", () => {
    expect(nodeFault(device, { kind: "object", id: 3, instances: [{ kind: "instance", id: 0, resources: [single(9, 50), single(900, "x")] }] })).toBeUndefined();
    expect(nodeFault(device, { kind: "instance", id: 0, resources: [single(9, 101)] })).toContain("0 to 100");
    expect(nodeFault(device, { kind: "resource-instance", id: 0, value: 12 }, 11)).toContain("0 to 8");
  });

  it("name the mandatory resources that are missing", () => {
    expect(missingMandatory(server, [single(0, 1), single(1, 60)]).map(({ id }) => id)).toEqual([6, 7]);
  });

  it("know which types have thresholds", () => {
    expect(["Integer", "Unsigned Integer", "Float", "Time", "String", "Boolean"].map((type) => isNumeric(type as "Integer"))).toEqual([true, true, true, true, false, false]);
  });
});
