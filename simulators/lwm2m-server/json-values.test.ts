import { describe, expect, it } from "vitest";
import { parseObjectList } from "../../src/lwm2m/index.js";
import { fromJson, instancesFrom, JsonValueError, linksOf, objectVersionOf, resourcesOf, toJson, type DeviceModel } from "./json-values.js";

const device: DeviceModel = { version: "1.1", objects: parseObjectList("</1/0>,</3>;ver=1.0,</3/0>,</3303/0>") };

describe("values in JSON", () => {
  it("keep opaque, links and large integers apart from text and numbers", () => {
    for (const value of ["text", 1.5, true, Buffer.from("00ff", "hex"), { object: 3, instance: 0 }, 2n ** 60n]) expect(fromJson(toJson(value), undefined)).toEqual(value);
  });

  it("must fit the type of the resource", () => {
    expect(fromJson(7, "Integer")).toBe(7);
    expect(() => fromJson("7", "Integer")).toThrow(JsonValueError);
    expect(() => fromJson(7.5, "Unsigned Integer")).toThrow(JsonValueError);
    expect(() => fromJson(true, "String")).toThrow(JsonValueError);
    expect(() => fromJson({ hex: "0" }, "Opaque")).toThrow(JsonValueError);
  });
});

describe("resources by path", () => {
  it("become instances and come back", () => {
    const [one] = instancesFrom(device, { "/3/0/14": "+01:00", "/3/0/6/0": 1, "/3/0/6/1": 5 });
    expect(one).toMatchObject({ kind: "instance", id: 0, resources: [{ id: 14 }, { id: 6, instances: [{ id: 0 }, { id: 1 }] }] });
    expect(resourcesOf({ object: 3, instance: 0 }, one ?? expect.fail("no instance"))).toEqual({ "/3/0/14": "+01:00", "/3/0/6/0": 1, "/3/0/6/1": 5 });
  });

  it("must be of one object, each the path of a resource", () => {
    expect(() => instancesFrom(device, { "/3/0/14": "x", "/1/0/1": 60 })).toThrow(JsonValueError);
    expect(() => instancesFrom(device, { "/3/0": "x" })).toThrow(JsonValueError);
  });
});

describe("the object list", () => {
  it("is shown as links, with versions where they were announced", () => {
    expect(linksOf(device.objects, device.version)).toEqual(["</1/0>", "</3>;ver=1.0", "</3/0>", "</3303/0>"]);
  });

  it("tells the version of an object, or the enabler implies it", () => {
    expect(objectVersionOf(device, 3)).toBe("1.0");
    expect(objectVersionOf(device, 1)).toBe("1.1");
  });
});
