import type { DeviceTiming } from "../../config/index.js";
import type { Scenario } from "../scenario/scenario.js";

/** When a device tries a server again: /1/x/17 to /1/x/20, in seconds. */
export interface RetryTerms {
  readonly count: number;
  readonly timer: number;
  readonly seqDelay: number;
  readonly seqCount: number;
}

/**
 * What the timing of a run says of it, for accounts: a scenario's time rests on what is written in its account, and not on what a device makes of an absent
 * resource. They are whole seconds; where that makes the pauses longer, there are fewer of them, so that a sequence is not longer than the timing has it.
 */
export function retryTerms({ retryCount, retryTimerMs, sequenceDelayMs, sequenceCount }: DeviceTiming): RetryTerms {
  const timer = Math.max(1, Math.ceil(retryTimerMs / 1000));
  const pausesMs = (pauseMs: number, attempts: number): number => pauseMs * (2 ** (attempts - 1) - 1);
  let count = retryCount;
  while (count > 2 && pausesMs(timer * 1000, count) > pausesMs(retryTimerMs, retryCount)) count--;
  return { count, timer, seqDelay: Math.ceil(sequenceDelayMs / 1000), seqCount: sequenceCount };
}

/** The same as resources of the Server object, for a device that can be made with them and whose enabler version has them (LwM2M Core 1.1 appendix E.2). */
export function retryResources(scenario: Scenario, alias: string): Readonly<Record<number, number>> {
  if (scenario.run.devices.facts?.lacks.has("factory-resources") === true || scenario.specOf(alias)?.lwm2m === "1.0") return {};
  const { count, timer, seqDelay, seqCount } = retryTerms(scenario.run.timing.device);
  return { 17: count, 18: timer, 19: seqDelay, 20: seqCount };
}
