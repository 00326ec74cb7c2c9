import { cpus } from "node:os";
import type { Processors } from "../processors.js";

export const realProcessors: Processors = () => {
  const { user, system } = process.cpuUsage();
  const times = cpus().map((cpu) => cpu.times);
  const sum = (of: (one: (typeof times)[number]) => number): number => times.reduce((total, one) => total + of(one), 0);
  return { totalMs: sum((one) => one.user + one.nice + one.sys + one.irq + one.idle), idleMs: sum(({ idle }) => idle), ownMs: (user + system) / 1000 };
};
