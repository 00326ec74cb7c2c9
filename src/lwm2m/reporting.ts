import type { Attributes } from "./attributes.js";

/** What is remembered of one observation to decide when it speaks. Times are `Clock.now()` milliseconds. */
export interface ReportState {
  /** When the last notification (or the first answer) went out. */
  readonly notifiedAt: number;
  /** The number it carried; undefined when what is observed is not one number. */
  readonly notified: number | undefined;
  /** The last number looked at. */
  readonly seen: number | undefined;
  /** A condition was met and its notification is still owed. */
  readonly owed: boolean;
}

/** Starts the account with the first answer, or after each notification. */
export const reported = (now: number, value?: number): ReportState => ({ notifiedAt: now, notified: value, seen: value, owed: false });

/**
 * Whether a change from `previous` to `current` is worth a notification: it rises above `gt`, falls below `lt`, or lies `st` or more from what was
 * last notified; without any of them every change is (LwM2M Core 1.1 §5.1.2).
 */
export function changeMatters(attributes: Attributes, previous: number, current: number, notified: number): boolean {
  const { gt, lt, st } = attributes;
  if (gt === undefined && lt === undefined && st === undefined) return current !== notified;
  return (gt !== undefined && previous <= gt && current > gt) || (lt !== undefined && previous >= lt && current < lt) || (st !== undefined && Math.abs(current - notified) >= st);
}

/** Takes a new number of a numeric resource into account. */
export function valueSeen(state: ReportState, attributes: Attributes, value: number): ReportState {
  const owed = state.owed || changeMatters(attributes, state.seen ?? value, value, state.notified ?? value);
  return owed === state.owed && value === state.seen ? state : { ...state, seen: value, owed };
}

/** Takes any other change into account (text, an instance, a multiple resource): it always matters. */
export const changeSeen = (state: ReportState): ReportState => (state.owed ? state : { ...state, owed: true });

export interface Due {
  /** Notify now. */
  readonly due: boolean;
  /** When to ask again if nothing changes until then (`Clock.now()` milliseconds); undefined: only a change can make it due. */
  readonly at: number | undefined;
}

/**
 * The notification rule: an owed notification goes out once `pmin` has passed; at `pmax` one goes out in any case. `pmax` 0, and `pmax` below `pmin`,
 * are ignored. Both periods start anew with every notification (LwM2M Core 1.1 §5.1.2).
 */
export function notificationDue(state: ReportState, attributes: Attributes, now: number): Due {
  const pmin = (attributes.pmin ?? 0) * 1000;
  const pmax = attributes.pmax === undefined || attributes.pmax === 0 || attributes.pmax * 1000 < pmin ? undefined : attributes.pmax * 1000;
  const earliest = state.notifiedAt + pmin;
  const latest = pmax === undefined ? undefined : state.notifiedAt + pmax;
  const at = state.owed ? (latest === undefined ? earliest : Math.min(earliest, latest)) : latest;
  return at !== undefined && now >= at ? { due: true, at: now } : { due: false, at };
}
