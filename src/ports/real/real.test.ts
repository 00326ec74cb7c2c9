import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";

import { after, Timer, type Address, type DatagramHandler, type DatagramSocket } from "../index.js";
import { osSecrets, packageRoot, parseSnmpDrops, parseSocketDrops, realClock, realFiles, realPorts, seededRandom, udpNetwork, hasAddress } from "./index.js";
import { TimingWheel } from "./timing-wheel.js";

class Recorder extends Timer {
  override readonly timerName = "recorder";
  firedAt: number | undefined;

  constructor(readonly onFire: () => number) {
    super();
  }

  override fire(): void {
    this.firedAt = this.onFire();
  }
}

describe("the timing wheel", () => {
  it("fires every timer at its own tick, whatever was started, moved and stopped and however time is cut", () => {
    const operation = fc.record({ ticks: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 40_000_000 })), stop: fc.boolean(), step: fc.integer({ min: 0, max: 5_000 }) });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const wheel = new TimingWheel();
        let now = 0;
        const expected = new Map<Recorder, number>();
        for (const { ticks, stop, step } of operations) {
          const timer = new Recorder(() => now);
          expected.set(timer, wheel.add(timer, now + ticks));
          if (stop) {
            wheel.remove(timer);
            expected.delete(timer);
          }
          const until = now + step;
          for (let next = wheel.nextTick(); next !== undefined && next <= until; next = wheel.nextTick()) {
            now = next;
            wheel.advance(now);
          }
          now = until;
          wheel.advance(now);
        }
        for (let next = wheel.nextTick(); next !== undefined; next = wheel.nextTick()) {
          now = next;
          wheel.advance(now);
        }
        for (const [timer, tick] of expected) expect(timer.firedAt).toBe(tick);
        expect(wheel.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it("fires in the order of ticks when many are overdue at once", () => {
    const wheel = new TimingWheel();
    const fired: number[] = [];
    for (const tick of [70_000, 3, 300, 2, 65_536, 256]) {
      wheel.add(new Recorder(() => fired.push(tick)), tick);
    }
    wheel.advance(100_000);
    expect(fired).toEqual([2, 3, 256, 300, 65_536, 70_000]);
  });

  it("moves a running timer instead of firing it twice", () => {
    const wheel = new TimingWheel();
    let fired = 0;
    const timer = new Recorder(() => ++fired);
    wheel.add(timer, 5);
    wheel.add(timer, 50);
    wheel.advance(49);
    expect(fired).toBe(0);
    wheel.advance(1_000);
    expect(fired).toBe(1);
  });

  it("holds a timer beyond its horizon", () => {
    const wheel = new TimingWheel();
    let now = 0;
    const far = 2 ** 33 + 17;
    const timer = new Recorder(() => now);
    wheel.add(timer, far);
    for (let next = wheel.nextTick(); next !== undefined; next = wheel.nextTick()) {
      now = next;
      wheel.advance(now);
    }
    expect(timer.firedAt).toBe(far);
  });
});

describe("the real clock", () => {
  it("fires in order and never early", async () => {
    const clock = realClock();
    const lateness: number[] = [];
    await Promise.all(
      [1, 5, 17, 40, 41, 90].map(
        (delay) =>
          new Promise<void>((resolve) => {
            const started = clock.now();
            after(clock, delay, "test", () => {
              lateness.push(clock.now() - started - delay);
              resolve();
            });
          }),
      ),
    );
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
  });

  it("does not fire what was stopped", async () => {
    const clock = realClock();
    let fired = false;
    const stopped = after(clock, 5, "stopped", () => (fired = true));
    clock.stop(stopped);
    await new Promise<void>((resolve) => after(clock, 20, "later", resolve));
    expect(fired).toBe(false);
    expect(stopped.running).toBe(false);
  });

  it("waits for a time further away than an OS timer can hold, without waking up all the time until then", () => {
    const clock = realClock();
    const alarms = vi.spyOn(globalThis, "setTimeout");
    try {
      const far = after(clock, 150 * 86_400_000, "far away", () => {});
      const delays = alarms.mock.calls.map(([, delay]) => delay ?? 0);
      expect(delays).toHaveLength(1);
      expect(Math.max(...delays)).toBeLessThan(2 ** 31);
      expect(far.running).toBe(true);
      clock.stop(far);
    } finally {
      alarms.mockRestore();
    }
  });
});

describe("seeded randomness", () => {
  it("repeats itself for a seed and differs between seeds", () => {
    const draw = (seed: number | string): number[] => Array.from({ length: 5 }, (_, i, random = seededRandom(seed)) => random.next() + i);
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw("a")).not.toEqual(draw("b"));
  });

  it("forks by label, however much was drawn before", () => {
    const one = seededRandom(1);
    const early = one.fork("device").bytes(16);
    for (let i = 0; i < 10; i++) one.next();
    expect(one.fork("device").bytes(16)).toEqual(early);
    expect(one.fork("other").bytes(16)).not.toEqual(early);
    expect(one.fork(1).bytes(16)).not.toEqual(one.fork("1").bytes(16));
  });

  it("is spread evenly, also between neighbouring forks", () => {
    const root = seededRandom("spread");
    const buckets = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) {
      const bucket = root.fork(i).below(10);
      buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    }
    for (const count of buckets) expect(Math.abs(count - 2_000)).toBeLessThan(250);
  });
});

describe("secrets", () => {
  it("makes tokens of 32 bytes and compares without caring for unequal lengths", () => {
    expect(Buffer.from(osSecrets.token(), "base64url")).toHaveLength(32);
    expect(osSecrets.equal(Buffer.from("a"), Buffer.from("ab"))).toBe(false);
    expect(osSecrets.equal(Buffer.from("ab"), Buffer.from("ab"))).toBe(true);
  });
});

describe("UDP sockets", () => {
  const open: DatagramSocket[] = [];
  afterEach(async () => {
    for (const socket of open.splice(0)) await socket.close();
  });
  const bind = async (handler: Partial<DatagramHandler>, connect?: Address): Promise<DatagramSocket> => {
    const options = { host: "127.0.0.1", port: 0, receiveBuffer: 100_000, ...(connect === undefined ? {} : { connect }) };
    const socket = await udpNetwork.bind(options, { onDatagram: () => {}, onSocketError: () => {}, ...handler });
    open.push(socket);
    return socket;
  };

  it("carries datagrams between a bound and a connected socket", async () => {
    const echo: DatagramSocket = await bind({ onDatagram: (datagram, from) => echo.send(datagram, from) });
    const got = new Promise<[Buffer, Address]>((resolve) => {
      void bind({ onDatagram: (datagram, from) => resolve([datagram, from]) }, echo.local).then((socket) => socket.send(Buffer.from("ping")));
    });
    const [datagram, from] = await got;
    expect(datagram.toString()).toBe("ping");
    expect(from).toEqual(echo.local);
  });

  it("reads the receive buffer back from the kernel", async () => {
    const socket = await bind({});
    expect(socket.receiveBuffer).toBeGreaterThanOrEqual(100_000);
  });

  it("tells a connected socket that nobody listens", async () => {
    const gone = await bind({});
    await gone.close();
    open.length = 0;
    const code = await new Promise<string | undefined>((resolve) => {
      void bind({ onSocketError: (error) => resolve(error.code) }, gone.local).then((socket) => socket.send(Buffer.from("anyone?")));
    });
    expect(code).toBe("ECONNREFUSED");
  });

  it("refuses to connect to a name without an address", async () => {
    const handler = { onDatagram: () => {}, onSocketError: () => {} };
    await expect(udpNetwork.bind({ host: "127.0.0.1", connect: { host: "nobody.invalid", port: 5683 } }, handler)).rejects.toThrow("nobody.invalid");
    expect([await hasAddress("nobody.invalid"), await hasAddress("localhost"), await hasAddress("127.0.0.1")]).toEqual([false, true, true]);
  });

  it("refuses an address in use", async () => {
    const first = await bind({});
    await expect(udpNetwork.bind({ host: "127.0.0.1", port: first.local.port }, { onDatagram: () => {}, onSocketError: () => {} })).rejects.toMatchObject({ code: "EADDRINUSE" });
  });
});

describe("files", () => {
  it("writes in place of the old content, with its mode, and lists what is there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "muster-files-"));
    try {
      const path = join(folder, "deep", "secret.txt");
      await realFiles.writeAtomic(path, "one", 0o600);
      await realFiles.writeAtomic(path, "two", 0o600);
      await realFiles.append(join(folder, "log"), "a");
      await realFiles.append(join(folder, "log"), "b");
      await realFiles.link("deep", join(folder, "latest"));
      await realFiles.link("deep", join(folder, "latest"));
      expect(await realFiles.read(path)).toBe("two");
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await realFiles.read(join(folder, "log"))).toBe("ab");
      expect(await realFiles.read(join(folder, "latest", "secret.txt"))).toBe("two");
      expect(await realFiles.list(folder)).toEqual(["deep/", "latest", "log"]);
      expect(await realFiles.exists(join(folder, "nothing"))).toBe(false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("finds the folder of package.json", async () => {
    expect(await realFiles.exists(join(packageRoot, "package.json"))).toBe(true);
  });
});

describe("kernel drops", () => {
  it("are read from the Udp lines of snmp", () => {
    const text = "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 10 0 5 10 4 0\n";
    expect(parseSnmpDrops(text)).toBe(4);
    expect(parseSnmpDrops("nothing")).toBeUndefined();
  });

  it("are summed over the sockets of the given ports", () => {
    const header = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";
    const line = (port: string, drops: number): string => ` 512: 0100007F:${port} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 100 2 0000000000000000 ${drops}\n`;
    expect(parseSocketDrops(header + line("1633", 3) + line("1634", 4) + line("1633", 1), new Set([0x1633]))).toBe(4);
  });
});

describe("the ports of a run", () => {
  it("are all there", () => {
    expect(Object.keys(realPorts(1)).sort()).toEqual(["clock", "log", "network", "random", "secrets"]);
  });
});
