import type { CredentialState } from "../types.js";
import { type CredentialInput, isUsable, newCredential, nextCredential } from "./credential.js";

/** One version of a credential among the others. */
export interface LineVersion {
  readonly version: number;
  readonly state: CredentialState;
  /** A device registered with it. */
  readonly confirmed: boolean;
}

/** The versions of one credential that still matter, oldest first: at most one is active, and one retiring. */
export type CredentialLine = readonly LineVersion[];

export type LineInput =
  | { readonly in: "stage"; readonly version: number }
  /** `slots`: whether the version before goes on admitting for a while (2), or gives way (1). */
  | { readonly in: "activate"; readonly version: number; readonly slots: 1 | 2 }
  | { readonly in: "register-seen"; readonly version: number }
  /** `overlapSeconds` are over. */
  | { readonly in: "overlap-over" }
  | { readonly in: "roll-back"; readonly version: number }
  /** DELETE of the credential: no version admits any more. */
  | { readonly in: "revoke" };

export const newestOf = (line: CredentialLine): LineVersion | undefined => line.at(-1);
export const activeOf = (line: CredentialLine): LineVersion | undefined => line.findLast(({ state }) => state === "active");

/** The line after an input, or undefined where it means nothing or is not allowed. The same line: it was so already. */
export function nextLine(line: CredentialLine, input: LineInput): CredentialLine | undefined {
  const newest = newestOf(line);
  switch (input.in) {
    case "stage":
      if (newest !== undefined && input.version <= newest.version) return undefined;
      // What admits nobody and is not the newest any more is of no use.
      return [...line.filter(({ state }) => isUsable(state)), { version: input.version, ...newCredential }];
    case "activate": {
      if (activeOf(line)?.version === input.version) return line;
      if (newest?.version !== input.version) return undefined;
      const active = move(newest, { in: "activate" });
      return active && [...line.slice(0, -1).map((older) => gaveWay(older, input.slots === 2)), active];
    }
    case "register-seen": {
      const seen = line.find(({ version }) => version === input.version);
      if (seen === undefined || !isUsable(seen.state)) return undefined;
      const confirmed = move(seen, { in: "register-seen" }) ?? seen;
      // A device that still comes under a retiring version says nothing of the new one.
      return line.map((one) => (one === seen ? confirmed : seen.state === "active" ? over(one) : one));
    }
    case "overlap-over":
      return line.some(({ state }) => state === "retiring") ? line.map(over) : undefined;
    case "roll-back": {
      if (newest?.version !== input.version) return undefined;
      if (newest.state === "rolled-back") return line;
      const taken = move(newest, { in: "roll-back" });
      const before = newest.state === "active" ? line.at(-2) : undefined;
      return taken && [...line.slice(0, -1).map((one) => (one === before ? (move(one, { in: "restored" }) ?? one) : one)), taken];
    }
    case "revoke":
      return line.every(({ state }) => state === "revoked") ? undefined : line.map((one) => move(one, { in: "revoke" }) ?? one);
  }
}

function move(one: LineVersion, input: CredentialInput): LineVersion | undefined {
  const next = nextCredential(one, input);
  return next && { version: one.version, ...next };
}

const over = (one: LineVersion): LineVersion => move(one, { in: "overlap-over" }) ?? one;
const gaveWay = (older: LineVersion, overlap: boolean): LineVersion => (older.state === "active" ? (move(older, { in: "superseded", overlap }) ?? older) : over(older));
