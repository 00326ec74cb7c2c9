import { z } from "zod";

/** Name and version of the format of `peer.json`; it grows by optional members only, anything else is a new number. */
export const peerFormat = "muster-peer/1";
/** In a folder of its own, with the evidence of its tests. */
export const peerFile = "peer.json";

/** Protocols below LwM2M in which an implementation was met, and its side of them. */
export const peerRoles = ["coap-client", "coap-server", "dtls-client", "dtls-server"] as const;
export type PeerRole = (typeof peerRoles)[number];

const peerTest = z.strictObject({
  name: z.string(),
  outcome: z.enum(["pass", "fail"]),
  /** Why it failed. */
  reason: z.string().optional(),
  /** Captures, and what the programs of the peer printed; relative to the folder. */
  evidence: z.array(z.string()),
});

const peerRow = z.strictObject({
  role: z.enum(peerRoles),
  /** The cipher suite by its name in IANA's registry, or `UDP`. */
  over: z.string(),
  /** What was shown besides that they understand each other. */
  shown: z.array(z.string()),
  /** Empty where nothing was tried: the peer is not installed. */
  tests: z.array(peerTest),
});
export type PeerRow = z.output<typeof peerRow>;

/** What the tests with one peer, under one kind of keys, came to. */
export const peerSchema = z.strictObject({
  schema: z.literal(peerFormat),
  peer: z.string(),
  version: z.string(),
  /** What both ends authenticated themselves with. */
  keys: z.enum(["none", "PSK", "RPK", "X.509"]),
  /** The file of tests. */
  file: z.string(),
  at: z.string(),
  rows: z.array(peerRow),
});
export type PeerResult = z.output<typeof peerSchema>;

export interface MetPeer {
  readonly result: PeerResult;
  /** As links of the matrix have it. */
  readonly folder: string;
}

const cellSchema = peerRow.omit({ role: true, over: true }).extend({ outcome: z.enum(["pass", "fail", "not run"]) });
export type PeerCell = z.output<typeof cellSchema>;

export const metPeerSchema = peerSchema.omit({ schema: true, rows: true }).extend({
  role: z.enum(peerRoles),
  /** Relative to the matrix. */
  folder: z.string(),
  /** By what it went over. */
  cells: z.record(z.string(), cellSchema),
});
export type MetPeerRow = z.output<typeof metPeerSchema>;

const outcomeOf = ({ tests }: PeerRow): PeerCell["outcome"] => (tests.length === 0 ? "not run" : tests.every(({ outcome }) => outcome === "pass") ? "pass" : "fail");

/** A row for each role that a peer was met in under one kind of keys, in the order of roles. */
export function peerRowsOf(peers: readonly MetPeer[]): MetPeerRow[] {
  const rows = peers.flatMap(({ result, folder }) =>
    peerRoles.flatMap((role) => {
      const met = result.rows.filter((row) => row.role === role);
      if (met.length === 0) return [];
      const { peer, version, keys, file, at } = result;
      return [{ role, peer, version, keys, file, at, folder, cells: Object.fromEntries(met.map((row) => [row.over, { outcome: outcomeOf(row), shown: row.shown, tests: row.tests }])) }];
    }),
  );
  const key = ({ role, peer, keys, folder }: MetPeerRow): string => [peerRoles.indexOf(role), peer, keys, folder].join("\n");
  return rows.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
