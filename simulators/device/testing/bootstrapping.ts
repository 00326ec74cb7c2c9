import { Codes, ContentFormat } from "../../../src/coap/index.js";
import { bootstrapDelete, bootstrapFinish, bootstrapWrite, instance, multiple, single, type InstanceNode, type LwM2mVersion, type Path } from "../../../src/lwm2m/index.js";
import type { Psk } from "../../../src/config/index.js";
import { deviceIn, ScriptedPeer, world, type World } from "./scripted-peer.js";

const nothing = new Uint8Array(0);

export const security = (id: number, uri: string, shortServerId: number, psk?: Psk): InstanceNode =>
  instance(id, [
    single(0, uri),
    single(1, false),
    single(2, psk === undefined ? 3 : 0),
    single(3, Uint8Array.from(psk?.identity ?? nothing)),
    single(4, nothing),
    single(5, Uint8Array.from(psk?.key ?? nothing)),
    single(10, shortServerId),
  ]);

export const server = (id: number, shortServerId: number, lifetime = 100): InstanceNode => instance(id, [single(0, shortServerId), single(1, lifetime), single(6, true), single(7, "U")]);

export const accessControl = (id: number, object: number, of: number, owner: number, rights: Readonly<Record<number, number>>): InstanceNode =>
  instance(id, [single(0, object), single(1, of), multiple(2, Object.entries(rights).map(([to, right]): [number, number] => [Number(to), right])), single(3, owner)]);

/** A device whose bootstrap a test drives by hand. */
export async function bootstrapping(more: Parameters<typeof deviceIn>[1] = {}, bootstrapAccount = true) {
  const of: World = await world();
  const bootstrap = await ScriptedPeer.at(of, "10.0.0.8");
  const a = await ScriptedPeer.at(of, "10.0.0.1");
  const b = await ScriptedPeer.at(of, "10.0.0.2");
  const device = deviceIn(of, { ...(bootstrapAccount ? { bootstrap: { uri: bootstrap.uri } } : {}), ...more });
  const ask = async (request: Parameters<ScriptedPeer["ask"]>[1]): Promise<string> => (await bootstrap.ask(of, request)).code;
  const version: LwM2mVersion = device.version;
  const write = (path: Path, node: InstanceNode): Promise<string> => ask(bootstrapWrite(path, node, version));
  return {
    of,
    bootstrap,
    a,
    b,
    device,
    ask,
    start: async () => {
      device.start();
      await of.clock.advance(50);
    },
    writeAccount: async (id: number, uri: string, shortServerId: number, lifetime?: number, psk?: Psk) => [
      await write({ object: 0, instance: id }, security(id, uri, shortServerId, psk)),
      await write({ object: 1, instance: id }, server(id, shortServerId, lifetime)),
    ],
    writeRight: (id: number, ...right: [number, number, number, Readonly<Record<number, number>>]) => write({ object: 2, instance: id }, accessControl(id, ...right)),
    remove: (path: Path = {}) => ask(bootstrapDelete(path)),
    finish: () => ask(bootstrapFinish()),
    discover: async (object?: number) => {
      const { code, response } = await bootstrap.ask(of, { code: Codes.GET, path: object === undefined ? [] : [String(object)], accept: ContentFormat.Link });
      return { code, text: Buffer.from(response?.payload ?? []).toString() };
    },
  };
}
