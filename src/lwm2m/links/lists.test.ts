import { describe, expect, it } from "vitest";
import { ContentError } from "../errors.js";
import { formatBootstrapList, parseBootstrapList } from "./bootstrap-list.js";
import { formatDiscover, parseDiscover } from "./discover.js";
import { formatObjectList, parseObjectList } from "./object-list.js";

describe("object list of a Register", () => {
  it("names instances, objects without any, and versions that are not implied", () => {
    const objects = [
      { object: 0, version: "1.1", instances: [0, 1] },
      { object: 1, version: "1.1", instances: [0, 2] },
      { object: 3, version: "1.2", instances: [0] },
      { object: 5, instances: [] },
      { object: 21, instances: [0] },
      { object: 3303, version: "1.1", instances: [0] },
    ];
    expect(formatObjectList(objects, { version: "1.1" })).toBe("</1/0>,</1/2>,</3>;ver=1.2,</3/0>,</5>,</3303>;ver=1.1,</3303/0>");
    expect(formatObjectList(objects.slice(1, 3), { version: "1.0", contentFormats: [11542] })).toBe('</>;rt="oma.lwm2m";ct=11542,</1>;ver="1.1",</1/0>,</1/2>,</3>;ver="1.2",</3/0>');
  });

  it("carries the root path in front of every object", () => {
    const text = formatObjectList([{ object: 3, instances: [0] }], { version: "1.1", rootPath: ["lwm2m"], contentFormats: [110, 112] });
    expect(text).toBe('</lwm2m>;rt="oma.lwm2m";ct="110 112",</lwm2m/3/0>');
    expect(parseObjectList(text)).toEqual({ rootPath: ["lwm2m"], contentFormats: [110, 112], objects: [{ object: 3, instances: [0] }] });
  });

  it("is read with spaces, doubles, any order, and links that mean nothing here", () => {
    expect(parseObjectList('</>;rt="oma.lwm2m";ct=11542 , </3/0>,</1/1>,</1/0>;x=y,</1/0>,</1>;ver="1.1",</riddle>,</3/0/1>,</99999>')).toEqual({
      rootPath: [],
      contentFormats: [11542],
      objects: [
        { object: 1, version: "1.1", instances: [0, 1] },
        { object: 3, instances: [0] },
      ],
    });
  });

  it("is shared by equal payloads", () => {
    expect(parseObjectList(Buffer.from("</1/0>,</3/0>"))).toBe(parseObjectList("</1/0>,</3/0>"));
  });

  it.each(["1/0", '</1/0>,lwm2m="1.0"', "</1/0", "<1/0>>"])("refuses %s", (text) => {
    expect(() => parseObjectList(text)).toThrow(ContentError);
  });
});

describe("answer to Bootstrap-Discover", () => {
  const objects = [
    { object: 0, version: "1.1", instances: [{ instance: 0 }, { instance: 1, shortServerId: 101, uri: "coap://127.0.0.1:5683" }] },
    { object: 1, version: "1.1", instances: [{ instance: 0, shortServerId: 101 }] },
    { object: 3, version: "1.1", instances: [{ instance: 0 }] },
    { object: 5, instances: [] },
  ];
  const account = '</0/0>,</0/1>;ssid=101;uri="coap://127.0.0.1:5683",</1/0>;ssid=101,</3/0>,</5>';

  it("opens with the enabler version as a link from 1.1 on", () => {
    expect(formatBootstrapList(objects, "1.1")).toBe(`</>;lwm2m=1.1,${account}`);
  });

  it("opens with a bare item in 1.0, without uri", () => {
    expect(formatBootstrapList(objects, "1.0")).toBe('lwm2m="1.0",</0>;ver="1.1",</0/0>,</0/1>;ssid=101,</1>;ver="1.1",</1/0>;ssid=101,</3>;ver="1.1",</3/0>,</5>');
  });

  it("can be narrowed to one object", () => {
    expect(formatBootstrapList(objects, "1.1", 1)).toBe("</>;lwm2m=1.1,</1/0>;ssid=101");
  });

  it.each([
    ["a version link", `</>;lwm2m=1.1,${account}`, "1.1"],
    ["a quoted version link", `</>;lwm2m="1.1",${account}`, "1.1"],
    ["a bare version item", `lwm2m="1.0",${account}`, "1.0"],
    ["a bare version item without quotes, and spaces", `lwm2m=1.0 , ${account.replaceAll(",", " , ")}`, "1.0"],
    ["trailing slashes", `</>;lwm2m=1.1,${account.replaceAll(">", "/>")}`, "1.1"],
  ])("is read with %s", (_what, text, version) => {
    expect(parseBootstrapList(text)).toEqual({ version, objects: objects.map(({ object, instances }) => ({ object, instances })) });
  });

  it("is read without a version, and with versions of objects", () => {
    expect(parseBootstrapList("</1>;ver=1.1,</1/3>;ssid=7,</1/0>")).toEqual({ objects: [{ object: 1, version: "1.1", instances: [{ instance: 0 }, { instance: 3, shortServerId: 7 }] }] });
  });
});

describe("answer to Discover", () => {
  const device = {
    object: 3,
    version: "1.1",
    attributes: { pmin: 10 },
    instances: [
      {
        instance: 0,
        attributes: { pmax: 60 },
        resources: [
          { resource: 0 },
          { resource: 7, dimension: 2, attributes: { gt: 50, lt: 42.2 }, instances: [{ resourceInstance: 0 }, { resourceInstance: 1, attributes: { pmin: 5 } }] },
        ],
      },
    ],
  };

  it("shows an object with its own attributes and what exists below", () => {
    expect(formatDiscover({ object: 3 }, device, "1.1")).toBe("</3>;pmin=10,</3/0>,</3/0/0>,</3/0/7>");
    expect(formatDiscover({ object: 3 }, device, "1.0")).toBe('</3>;ver="1.1";pmin=10,</3/0>;pmax=60,</3/0/0>,</3/0/7>;dim=2;gt=50;lt=42.2');
  });

  it("shows an instance with its attributes and those of its resources", () => {
    expect(formatDiscover({ object: 3, instance: 0 }, device, "1.1")).toBe("</3/0>;pmax=60,</3/0/0>,</3/0/7>;dim=2;gt=50;lt=42.2");
  });

  it("shows a resource with the attributes it inherits", () => {
    expect(formatDiscover({ object: 3, instance: 0, resource: 7 }, device, "1.1")).toBe("</3/0/7>;dim=2;pmin=10;pmax=60;gt=50;lt=42.2,</3/0/7/0>,</3/0/7/1>;pmin=5");
    expect(formatDiscover({ object: 3, instance: 0, resource: 7 }, device, "1.0")).toBe("</3/0/7>;dim=2;pmin=10;pmax=60;gt=50;lt=42.2");
    expect(formatDiscover({ object: 3, instance: 0, resource: 0 }, { object: 3, instances: [{ instance: 0, resources: [{ resource: 0 }] }] }, "1.1")).toBe("</3/0/0>");
  });

  it("does not exist for what does not", () => {
    expect(formatDiscover({ object: 3, instance: 1 }, device, "1.1")).toBeUndefined();
    expect(formatDiscover({ object: 3, instance: 0, resource: 9 }, device, "1.1")).toBeUndefined();
  });

  it("is read back as paths with attributes", () => {
    expect(parseDiscover('</3>;ver="1.1";pmin=10, </3/0>;pmax=60,</3/0/7>;dim=2;gt=50;lt=42.2;st=oops,</x>')).toEqual([
      { path: { object: 3 }, attributes: { pmin: 10 }, version: "1.1" },
      { path: { object: 3, instance: 0 }, attributes: { pmax: 60 } },
      { path: { object: 3, instance: 0, resource: 7 }, attributes: { gt: 50, lt: 42.2 }, dimension: 2 },
    ]);
  });
});
