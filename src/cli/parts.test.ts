import { mkdtemp, readFile, rm, stat, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cores, descriptors, drops, nodeVersion, ports, receiveBuffer } from "./doctor/machine.js";
import { ExitCode, UsageError } from "./exit.js";
import { LiveBlock } from "./live-block.js";
import { plainLine } from "./log.js";
import { asUsage, checkHosts } from "./sockets.js";
import { clipped } from "./terminal.js";
import { writeTokenFile } from "./token-file.js";

describe("exit codes", () => {
  it("are those of the documentation", () => {
    expect(ExitCode).toEqual({ ok: 0, fail: 1, usage: 2, inconclusive: 3, internal: 4 });
  });
});

describe("a token file", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "muster-token-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is readable by its user only and goes away", async () => {
    const file = await writeTokenFile("server-8683.token", "the-token", { XDG_RUNTIME_DIR: folder });
    expect(file.path).toBe(join(folder, "muster", "server-8683.token"));
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect(await readFile(file.path, "utf8")).toBe("the-token\n");
    await file.remove();
    await expect(stat(file.path)).rejects.toThrow();
  });

  it("does not follow a link that somebody left in its place", async () => {
    const first = await writeTokenFile("x.token", "one", { XDG_RUNTIME_DIR: folder });
    await rm(first.path);
    const elsewhere = join(folder, "elsewhere");
    await symlink(elsewhere, first.path);
    await writeTokenFile("x.token", "two", { XDG_RUNTIME_DIR: folder });
    await expect(stat(elsewhere)).rejects.toThrow();
  });

  it("has a folder of its own where there is no runtime folder", async () => {
    const file = await writeTokenFile("x.token", "one", {});
    expect((await stat(join(file.path, ".."))).mode & 0o777).toBe(0o700);
    await file.remove();
    await expect(stat(join(file.path, ".."))).rejects.toThrow();
  });
});

describe("plain log lines", () => {
  const plain = (record: object): string => plainLine({ colour: false }, JSON.stringify(record));

  it("have time, level, message and fields", () => {
    expect(plain({ level: 30, time: Date.UTC(2026, 0, 1, 12, 4, 5, 123), msg: "registered", endpoint: "dev-1", lifetime: 60 })).toBe("12:04:05.123 info  registered endpoint=dev-1 lifetime=60");
  });

  it("quote what could be taken for several fields, so that a device's name cannot forge one", () => {
    expect(plain({ level: 40, msg: "refused", endpoint: "a b=c\n12:00 info" })).toBe(' warn  refused endpoint="a b=c\\n12:00 info"');
  });
});

describe("a live block", () => {
  it("draws over its own lines and keeps what is above", () => {
    const written: string[] = [];
    const block = new LiveBlock({ columns: () => 20 }, (text) => written.push(text));
    block.update(["one", "two"]);
    block.line("finished");
    block.update(["three"]);
    block.end();
    expect(written).toEqual(["\u001b[0Jone\ntwo\n", "\u001b[2F\u001b[0Jfinished\none\ntwo\n", "\u001b[2F\u001b[0Jthree\n", "\u001b[1F\u001b[0J"]);
  });

  it("cuts lines to the width, so that none wraps", () => {
    expect(clipped("a long line", 6)).toBe("a lon…");
    expect(clipped("\u001b[31mred text\u001b[0m", 5)).toBe("\u001b[31mred …\u001b[0m");
    expect(clipped("short", 6)).toBe("short");
  });
});

describe("addresses that cannot be had", () => {
  const given = { "--coap": { host: "127.0.0.1", port: 5683 }, "--http": { host: "127.0.0.1", port: 8683 } };

  it("are the user's to put right, by flag", () => {
    const error = asUsage(Object.assign(new Error("bind"), { code: "EADDRINUSE", port: 8683 }), given);
    expect(error).toBeInstanceOf(UsageError);
    expect(String(error)).toContain("--http 127.0.0.1:8683 is in use by another process; stop it, or choose another port");
  });

  it("are told apart by their host where both take any port", () => {
    const anyPort = { "--coap": { host: "127.0.0.1", port: 0 }, "--http": { host: "192.0.2.1", port: 0 } };
    const error = asUsage(Object.assign(new Error("listen"), { code: "EADDRNOTAVAIL", port: 0, address: "192.0.2.1" }), anyPort);
    expect(String(error)).toContain("--http 192.0.2.1:0 is not an address of this machine");
  });

  it("are names without an address, too", async () => {
    const named = { "--coap": { host: "nobody.invalid", port: 5683 } };
    expect(String(asUsage(Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND", hostname: "nobody.invalid" }), { "--http": { host: "127.0.0.1", port: 8683 }, ...named }))).toContain("--coap nobody.invalid:5683 names a host that has no address");
    await expect(checkHosts({ "--bootstrap": undefined, "--server": "coap://nobody.invalid:5683" })).rejects.toThrow("--server coap://nobody.invalid:5683 names a host that has no address");
    await expect(checkHosts({ "--server": "coap://localhost" })).resolves.toBeUndefined();
  });

  it("stay what they are when they are no such thing", () => {
    const error = new Error("something else");
    expect(asUsage(error, given)).toBe(error);
  });
});

describe("doctor's findings", () => {
  it("judge Node by the oldest version that works", () => {
    expect(nodeVersion("20.19.0").grade).toBe("ok");
    expect(nodeVersion("22.1.0").grade).toBe("ok");
    expect(nodeVersion("20.18.1")).toMatchObject({ grade: "problem", repair: "install Node.js 20.19 or newer" });
  });

  it("say how many descriptors a fleet takes, and what fits", () => {
    expect(descriptors(1_048_576, 1000).grade).toBe("ok");
    expect(descriptors(1024, 1000)).toMatchObject({ grade: "problem", repair: "raise it with ulimit -n 2256, or use --devices 384" });
    expect(descriptors(undefined, 10).grade).toBe("warning");
  });

  it("say what a small receive buffer means", () => {
    expect(receiveBuffer(8_388_608).grade).toBe("ok");
    expect(receiveBuffer(425_984)).toMatchObject({ grade: "warning", detail: expect.stringContaining("about 532 datagrams") as string, repair: expect.stringContaining("net.core.rmem_max") as string });
    expect(receiveBuffer(undefined).grade).toBe("warning");
  });

  it("know ports, cores and drops", () => {
    expect(ports([32768, 60999], 1000).grade).toBe("ok");
    expect(ports([60000, 60500], 1000).grade).toBe("problem");
    expect(cores(1, 2 ** 31).grade).toBe("warning");
    expect(drops(undefined).grade).toBe("warning");
    expect(drops(0).grade).toBe("ok");
  });

  it("have a repair wherever something is not right", () => {
    const all = [nodeVersion("18.0.0"), descriptors(100, 1000), descriptors(undefined, 1), receiveBuffer(1), receiveBuffer(undefined), ports([1, 2], 1000), cores(1, 1), drops(undefined)];
    for (const finding of all) expect(finding.repair).toBeTruthy();
  });
});
