import { WireError } from "../../wire/index.js";
import { DtlsStateError } from "../association/association.js";
import { DtlsClient } from "../client.js";
import type { ClientCredential, ClientSettings } from "../types.js";
import { identities } from "./authority.js";
import type { Fuzz } from "./fuzz-codecs.js";
import { hostileDatagram, mutated, trying } from "./mutation.js";
import { serverAddress } from "./pair.js";
import { clientAddress, connected, StagedServer } from "./staged.js";

const ID_LENGTH = 4;
const { keys, rpk } = await identities();
const kinds: readonly (readonly [ClientSettings, ClientCredential | undefined])[] = [
  [{}, undefined],
  [{ connectionIdLength: ID_LENGTH, serverName: "bs.example.org" }, undefined],
  [{ connectionIdLength: 0, suites: ["TLS_PSK_WITH_AES_128_CBC_SHA256"] }, undefined],
  [{ connectionIdLength: ID_LENGTH, recordSizeLimit: 100 }, rpk],
];
const handler = { onConnected: () => {}, onData: () => {}, onClosed: () => {} };

/** What comes of the bytes, or undefined when they are refused as they may be. */
function orRefused<T>(restore: () => T): T | undefined {
  try {
    return restore();
  } catch (error) {
    if (error instanceof WireError || error instanceof RangeError || error instanceof DtlsStateError) return undefined;
    throw error;
  }
}

/** Bytes of a disk that somebody else has written to: sessions of clients and servers, alone and together, which then hear and send. */
export const fuzzSaved: Fuzz = (random, inputs) => {
  const made = kinds.map(([client, credential]) => connected({ client, server: { keys, connectionIdLength: ID_LENGTH }, ...(credential === undefined ? {} : { credential }) }));
  const clients = made.map(({ client }) => client.client.save());
  const sessions = made.flatMap(({ server }) => server.sessions.map((session) => session.save()));
  const servers = made.map(({ server }) => server.server.save((context) => Buffer.from(context)));
  const heard = made.flatMap(({ client, server }) => [...client.sent, ...server.sent]);
  const server = new StagedServer({ keys, connectionIdLength: ID_LENGTH, limits: { maxSessions: 10, maxResumable: 10 } });
  for (let i = 0; i < inputs; i++) {
    const saved = mutated(random, [...clients, ...sessions, ...servers]);
    const [datagram, plaintext] = [hostileDatagram(random, heard), random.bytes(random.below(50))];
    trying("saved sessions", saved, () => {
      const client = orRefused(() => DtlsClient.restore(server.ports, () => {}, serverAddress, saved, handler));
      client?.receive(datagram);
      // What was restored may have been told a small limit.
      if (client?.state === "connected") orRefused(() => client.send(plaintext));
      const one = orRefused(() => server.server.restore(saved, clientAddress, "context"));
      const all = orRefused(() => server.server.restoreAll(saved, (context) => (random.next() < 0.1 ? undefined : context.toString())));
      server.hear(datagram);
      for (const session of [one, ...(all ?? [])]) if (session?.open === true) orRefused(() => session.send(plaintext));
      for (const session of server.server.sessions()) if (random.next() < 0.2) session.save();
      if (server.server.size.live > 10) throw new Error(`${server.server.size.live} sessions`);
    });
    if (i % 100 === 99) {
      server.server.forgetAll();
      for (const list of [server.sent, server.sessions, server.received, server.closed]) list.length = 0;
    }
  }
};
