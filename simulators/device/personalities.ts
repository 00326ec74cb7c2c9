import { parseCode } from "../../src/coap/index.js";

/** How a device answers the Execute of /1/x/9, and what it does then. */
export interface TriggerReaction {
  /** A code such as `2.04`; `reset`: an RST; `silence`: no answer at all. */
  readonly answer: string;
  /** Answer that much later, as a separate response. */
  readonly lateMs?: number;
  /** `join`: the bootstrap that runs already is the one. */
  readonly then: "bootstrap" | "restart-bootstrap" | "join" | "nothing";
}

/** A refusal of Bootstrap-Writes. */
export interface WriteRefusal {
  /** Path that the write must start with: `/1`, `/1/0`. */
  readonly path: string;
  readonly code: string;
  /** Refuse this many writes, then none. Default: all. */
  readonly times?: number;
}

/** An operation of the bootstrap interface that is carried out at once and answered later, as a separate response. */
export interface LateAnswer {
  readonly to: "discover" | "read" | "write" | "delete";
  /** Only below this path: `/1`. Default: everywhere. */
  readonly path?: string;
  readonly ms: number;
}

/** What a device does about its DTLS sessions. */
export interface SessionHabits {
  /** Offers to resume a session where it had one. */
  readonly resumes: boolean;
  /** Silent for longer, it makes a new session before it says anything; default: never. */
  readonly idleMs?: number;
  /** In a new session that did not resume the registration's: `by-version` is Register from 1.1 on. */
  readonly onNewSession: "by-version" | "register" | "update";
  /** A bootstrap changed the key of an account and nothing else: `keep` goes on in the session made with the old one. */
  readonly onNewCredential: "handshake" | "keep";
  /** After a handshake that failed: /1/x/17 to /1/x/20, or the next one at once and for ever. */
  readonly backOff: "policy" | "none";
}

/** Faults, among them those that were found in devices of the field; each is asked for at one place. */
export type DeviceFlaw =
  /** A Bootstrap-Delete of /0 takes the account of the Bootstrap Server with it. */
  | "bootstrap-account-deletable"
  /** Waits for a Finish for ever. */
  | "no-bootstrap-timeout"
  /** A lifetime that was written is told to nobody. */
  | "lifetime-unannounced"
  /** One Update without an answer, and it asks its Bootstrap Server. */
  | "falls-back-on-update"
  /** One Register without an answer, and it asks its Bootstrap Server. */
  | "falls-back-on-register"
  /** Tries the same server again after an alert that another try cannot mend. */
  | "final-alert-retried"
  /** An Execute of /1/x/8 is answered, and no Update follows. */
  | "update-trigger-ignored"
  /** A Finish is answered 2.04 whatever was written. */
  | "configuration-unchecked";

/**
 * What a device does where texts leave it a choice, and where it misbehaves. Data, so that a fleet can mix them and a
 * scenario can lay a deviation over one; code asks it at one place each.
 */
export interface Personality {
  readonly trigger: {
    /** Whether /1/x/9 exists on the device; without it Execute is answered 4.04 and Discover does not show it. */
    readonly present: boolean;
    readonly withBootstrapAccount: TriggerReaction;
    readonly withoutBootstrapAccount: TriggerReaction;
    readonly whileBootstrapping: TriggerReaction;
    /** Between the answer and the Bootstrap-Request: up to this, drawn from the seed. */
    readonly jitterMs: number;
  };
  /** De-registers from every Server before a bootstrap that it did not start from the factory. */
  readonly deregisterBeforeBootstrap: boolean;
  /** `all`: Register at every account after a bootstrap; `changed`: an Update where URI and Short Server ID stayed. */
  readonly afterBootstrap: "all" | "changed";
  /** Whose old registration ends with a De-register when a bootstrap took or moved its account. */
  readonly deregisterReplaced: "moved" | "always" | "never";
  /** Queue mode: sleeps `awakeMs` after its last message, wakes with an Update. */
  readonly sleeper: boolean;
  /** Asleep this long when nothing wakes it earlier; default: until its Update is due. */
  readonly sleepMs?: number;
  readonly refuseWrites: readonly WriteRefusal[];
  readonly refuseDeletes: readonly WriteRefusal[];
  readonly lateAnswers: readonly LateAnswer[];
  /** Answers to the Bootstrap-Finish, the first one first; the last one holds for all further ones. `check` is the honest answer. */
  readonly finish: readonly ("check" | "silence" | `${4 | 5}.${number}`)[];
  /** After the answer to a Finish: `registers`, or nothing is heard any more. */
  readonly afterFinish: "registers" | "silent";
  /** Bootstrap-Discover: answered, or `4.04` and the like by a device that does not know it. */
  readonly discover: "answers" | `${4 | 5}.${number}`;
  readonly sessions: SessionHabits;
  /** Restores /0, /1 and /2 when no Finish came in time. */
  readonly rollback: boolean;
  /** Answers nothing after its Bootstrap-Request was answered (gone in mid-session). */
  readonly deafInBootstrap: boolean;
  readonly flaws: readonly DeviceFlaw[];
}

const bootstraps: TriggerReaction = { answer: "2.04", then: "bootstrap" };
const joins: TriggerReaction = { answer: "2.04", then: "join" };
const refuses = (answer: string): TriggerReaction => ({ answer, then: "nothing" });

const honest: Personality = {
  trigger: { present: true, withBootstrapAccount: bootstraps, withoutBootstrapAccount: refuses("4.05"), whileBootstrapping: joins, jitterMs: 0 },
  deregisterBeforeBootstrap: false,
  afterBootstrap: "all",
  deregisterReplaced: "moved",
  sleeper: false,
  refuseWrites: [],
  refuseDeletes: [],
  lateAnswers: [],
  finish: ["check"],
  afterFinish: "registers",
  discover: "answers",
  sessions: { resumes: true, onNewSession: "by-version", onNewCredential: "handshake", backOff: "policy" },
  rollback: true,
  deafInBootstrap: false,
  flaws: [],
};

const sessions = (changes: Partial<SessionHabits>): SessionHabits => ({ ...honest.sessions, ...changes });

const trigger = (changes: Partial<Personality["trigger"]>): Personality["trigger"] => ({ ...honest.trigger, ...changes });

/**
 * Personalities by name. Those named after a stack answer /1/x/9 as that stack's source does, and where its examples decide about DTLS sessions they do
 * that too (Wakaama's: a new session after 40 s, never resumed, in which the same message goes on); they claim nothing else about it.
 */
export const personalities = {
  default: honest,
  "leshan-like": {
    ...honest,
    trigger: trigger({ withoutBootstrapAccount: refuses("4.00"), whileBootstrapping: { answer: "2.04", then: "restart-bootstrap" } }),
    deregisterBeforeBootstrap: true,
  },
  "anjay-like": { ...honest, trigger: trigger({ jitterMs: 50 }), afterBootstrap: "changed", sessions: sessions({ onNewSession: "register" }) },
  "zephyr-like": { ...honest, trigger: trigger({ whileBootstrapping: refuses("4.05") }) },
  "wakaama-like": {
    ...honest,
    trigger: trigger({ withBootstrapAccount: refuses("4.05"), withoutBootstrapAccount: refuses("4.05"), whileBootstrapping: refuses("4.05") }),
    sessions: sessions({ resumes: false, idleMs: 40_000, onNewSession: "update" }),
  },
  "silent-after-trigger": { ...honest, trigger: trigger({ withBootstrapAccount: refuses("2.04") }) },
  "no-trigger-resource": { ...honest, trigger: trigger({ present: false }) },
  sleepy: { ...honest, sleeper: true },
  "refuses-write": { ...honest, refuseWrites: [{ path: "/1", code: "4.00" }] },
  "no-finish-answer": { ...honest, finish: ["silence"] },
  "finish-refused-once": { ...honest, finish: ["4.06", "check"] },
  "silent-after-finish": { ...honest, afterFinish: "silent" },
  "silent-in-bootstrap": { ...honest, deafInBootstrap: true },
  "no-rollback": { ...honest, rollback: false },
  /** An account moved to another key at the same URI: some clients took the session for the account (Leshan#80). */
  "keeps-session": { ...honest, sessions: sessions({ onNewCredential: "keep" }) },
  "never-resumes": { ...honest, sessions: sessions({ resumes: false }) },
  /** A wrong key made some clients shake hands without end (pion/dtls#758). */
  "no-back-off": { ...honest, sessions: sessions({ backOff: "none" }) },
} as const satisfies Readonly<Record<string, Personality>>;

export type PersonalityName = keyof typeof personalities;
export const personalityNames: readonly PersonalityName[] = Object.keys(personalities) as PersonalityName[];

/** The personality with the deviations of one device over it. Throws RangeError for an answer that is no code. */
export function personality(name: PersonalityName, deviations: Partial<Personality> | undefined): Personality {
  if (deviations === undefined) return personalities[name];
  const whole: Personality = { ...personalities[name], ...deviations };
  for (const code of codesOf(whole)) parseCode(code);
  return whole;
}

function codesOf({ trigger: reactions, refuseWrites, refuseDeletes, finish, discover }: Personality): string[] {
  const answers = [reactions.withBootstrapAccount, reactions.withoutBootstrapAccount, reactions.whileBootstrapping].map(({ answer }) => answer);
  const refusals = [...refuseWrites, ...refuseDeletes].map(({ code }) => code);
  const words = ["reset", "silence", "check", "answers"];
  return [...answers, ...refusals, ...finish, discover].filter((answer) => !words.includes(answer));
}
