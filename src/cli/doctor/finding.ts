export type Grade = "ok" | "warning" | "problem";

/** One thing that doctor looked at. */
export interface Finding {
  /** Stable: `receive-buffer`, `target.serverA.coap`. */
  readonly id: string;
  readonly grade: Grade;
  /** What was seen, as a sentence. */
  readonly detail: string;
  /** What to do about it; always there for a warning and a problem. */
  readonly repair?: string;
}

export const ok = (id: string, detail: string): Finding => ({ id, grade: "ok", detail });
export const warning = (id: string, detail: string, repair: string): Finding => ({ id, grade: "warning", detail, repair });
export const problem = (id: string, detail: string, repair: string): Finding => ({ id, grade: "problem", detail, repair });
