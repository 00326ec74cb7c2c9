import { describe, expect, it } from "vitest";
import { Codes, ContentFormat, decode, encode, OptionNumber, summarise, Type, type Option, type Request } from "../coap/index.js";
import { bootstrapWrite, decodeContent, instance, multiple, single, type InstanceNode } from "./index.js";
import { withoutKey } from "./secret-payload.js";

const key = Buffer.from("a key that nobody shall read");
const account = instance(1, [single(0, "coaps://127.0.0.1:5684"), single(1, false), single(2, 0), single(3, Uint8Array.from(Buffer.from("dev-1"))), single(5, key), single(10, 101)]);

function datagramOf({ path, contentFormat, payload = Buffer.alloc(0) }: Pick<Request, "path" | "contentFormat" | "payload">, block1?: number): Buffer {
  const options: Option[] = path.map((segment) => ({ number: OptionNumber.UriPath, value: Buffer.from(segment) }));
  if (contentFormat !== undefined) options.push({ number: OptionNumber.ContentFormat, value: Buffer.from([contentFormat >> 8, contentFormat & 0xff]) });
  if (block1 !== undefined) options.push({ number: OptionNumber.Block1, value: Buffer.from([block1]) });
  return encode({ type: Type.CON, code: Codes.PUT, messageId: 1, token: Buffer.from("tok"), options, payload });
}
const shown = (datagram: Buffer): Buffer => Buffer.from(withoutKey(datagram, summarise(datagram).coap));
const write = (node: InstanceNode) => datagramOf(bootstrapWrite({ object: 0, instance: node.id }, node, "1.1"));

describe("a message that brings a device its keys", () => {
  it("is shown whole but for the keys, which are zeros", () => {
    const datagram = write(account);
    const masked = shown(datagram);
    expect(masked).toHaveLength(datagram.length);
    expect(masked.includes(key)).toBe(false);
    expect(datagram.includes(key)).toBe(true);
    const body = decodeContent(ContentFormat.Tlv, { object: 0, instance: 1 }, decode(masked).payload, "1.1");
    expect(body).toEqual({ ...account, resources: account.resources.map((resource) => (resource.id === 5 ? { ...resource, value: new Uint8Array(key.length) } : resource)) });
    expect(summarise(masked)).toEqual(summarise(datagram));
  });

  it("is shown with zeros for its whole body where the keys cannot be told from the rest", () => {
    const body = Buffer.concat([key, Buffer.from("and more")]);
    const messages = [
      datagramOf({ path: ["0", "1"], contentFormat: ContentFormat.SenmlJson, payload: body }),
      datagramOf({ path: ["0", "1"], contentFormat: ContentFormat.Tlv, payload: body }),
      datagramOf({ path: ["0", "1", "5"], contentFormat: ContentFormat.Opaque, payload: body }),
      datagramOf({ path: ["0", "1", "5"], payload: body }),
      datagramOf({ path: ["21", "0"], contentFormat: ContentFormat.Tlv, payload: body }),
      datagramOf({ path: ["0"], payload: body }),
      datagramOf({ ...bootstrapWrite({ object: 0, instance: 1 }, account, "1.1") }, 0),
    ];
    for (const datagram of messages) {
      const { payload } = decode(shown(datagram));
      expect(Buffer.compare(payload, Buffer.alloc(payload.length))).toBe(0);
      expect(shown(datagram)).toHaveLength(datagram.length);
    }
  });

  it("is shown without its keys when they are more than there should be", () => {
    const many = write(instance(1, [single(0, "coaps://h"), multiple(5, [[0, key], [1, key]])]));
    expect(shown(many).includes(key)).toBe(false);
  });

  it("is told from all others", () => {
    for (const path of [["1", "0"], ["3", "0", "14"], ["4"], []]) {
      const datagram = datagramOf({ path, payload: key });
      expect(shown(datagram)).toEqual(datagram);
    }
    expect(shown(datagramOf({ path: ["0", "1"] }))).toEqual(datagramOf({ path: ["0", "1"] }));
    expect(shown(Buffer.from("ff", "hex"))).toEqual(Buffer.from("ff", "hex"));
  });
});
