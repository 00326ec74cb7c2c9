import { Timer } from "../../src/ports/index.js";
import { newTrigger, nextTrigger, type ServerTrigger, type ServerTriggerInput, type Trigger, type TriggerBody } from "../../src/smp/index.js";
import { isoTime } from "./credential-record.js";
import type { DeviceJob } from "./queue-mode.js";

/** One SM-2 request; its own timer for the validity. */
export class TriggerRecord extends Timer {
  override readonly timerName = "trigger validity";
  machine: ServerTrigger = newTrigger;
  /** Executes put on the wire. */
  attempts = 0;
  detail: string | undefined = undefined;
  expectedAt: number | undefined = undefined;
  updatedAt: number;
  /** While it waits for the device. */
  job: DeviceJob | undefined = undefined;

  constructor(
    readonly id: string,
    readonly owner: string,
    readonly tenant: string,
    readonly body: TriggerBody,
    readonly createdAt: number,
    public expiresAt: number,
    readonly onExpiry: (trigger: TriggerRecord) => void,
  ) {
    super();
    this.updatedAt = createdAt;
  }

  /** False where the input means nothing in this state. */
  move(input: ServerTriggerInput, epoch: number): boolean {
    const next = nextTrigger(this.machine, input);
    if (next === undefined) return false;
    this.machine = next;
    this.updatedAt = epoch;
    return true;
  }

  override fire(): void {
    this.onExpiry(this);
  }
}

export function triggerView(trigger: TriggerRecord): Trigger {
  const { body, machine } = trigger;
  return {
    triggerId: trigger.id,
    ep: body.ep,
    ...(body.ssid === undefined ? {} : { ssid: body.ssid }),
    state: machine.state,
    ...(machine.code === undefined ? {} : { code: machine.code }),
    reason: body.reason,
    validity: body.validity,
    priority: body.priority,
    ...(body.orderItem === undefined ? {} : { orderItem: body.orderItem }),
    attempts: trigger.attempts,
    ...(machine.state !== "queued" || trigger.expectedAt === undefined ? {} : { expectedAt: isoTime(trigger.expectedAt) }),
    ...(trigger.detail === undefined ? {} : { detail: trigger.detail }),
    createdAt: isoTime(trigger.createdAt),
    expiresAt: isoTime(trigger.expiresAt),
    updatedAt: isoTime(trigger.updatedAt),
  };
}
