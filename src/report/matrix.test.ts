import { describe, expect, it } from "vitest";
import { matrixHtml } from "./matrix-html.js";
import { matrixOf, matrixSchema } from "./matrix.js";
import { peerFormat, peerSchema, type PeerResult } from "./peers.js";
import { failing, result, scenario } from "./testing/results.js";

const registration = scenario({ id: "registration/register/a", uri: "features/registration/register.feature", judges: "lwm2m-server", rules: ["register-accepted"] });
const known = { ...failing, judges: "lwm2m-server", deviation: { as: "known", clause: "LwM2M Core 1.1 §6.2" } } as const;
const device = scenario({ id: "bootstrap/device/a", uri: "features/bootstrap/device.feature", judges: "device" });
const ours = { folder: "run-1", result: result([registration, device], { security: "nosec", startedAt: "2026-11-22T11:00:00.000Z" }) };
const theirs = {
  folder: "run 2",
  result: result([registration, known], { target: "leshan", security: "psk", roles: { "bootstrap-server": "reference", "server-a": "leshan at coap://127.0.0.1:1", "server-b": "reference" }, implementations: { "bootstrap-server": "Muster 1", "server-a": "Leshan <2>", "server-b": "Muster 1", device: "Muster 1" } }),
};

describe("a matrix of runs", () => {
  const matrix = matrixOf([ours, theirs]);

  it("has a row for each role that a run judged, role by role, and a column for each area", () => {
    expect(matrix.areas).toEqual(["bootstrap", "registration", "server-management"]);
    expect(matrix.rows.map(({ role, implementation, run }) => [role, implementation, run.folder])).toEqual([
      ["lwm2m-server", "Leshan <2>", "run 2"],
      ["lwm2m-server", "not stated", "run-1"],
      ["device", "muster", "run-1"],
    ]);
    expect(matrixSchema.parse(JSON.parse(JSON.stringify(matrix)))).toEqual(matrix);
  });

  it("counts verdicts, and of them those that were known, and says who played the other roles", () => {
    expect(matrix.rows[0]).toMatchObject({ beside: { "bootstrap-server": "Muster 1", device: "Muster 1" }, cells: { registration: { counts: { pass: 1 }, known: 0 }, "server-management": { counts: { fail: 1 }, known: 1 } } });
  });

  it("says that server B is judged where only that one is somebody else's", () => {
    const swapped = result([registration], { roles: { "bootstrap-server": "reference", "server-a": "reference", "server-b": "coap://127.0.0.1:1" }, implementations: { "server-a": "Muster 1", "server-b": "Their server" } });
    expect(matrixOf([{ folder: "", result: swapped }]).rows[0]?.implementation).toBe("Their server");
  });

  it("says where the calls that steered a role were tried against an imitation only", () => {
    const imitated = matrixOf([ours, { ...theirs, result: { ...theirs.result, verifiedAgainst: { "server-a": "our facade" } } }]);
    expect(imitated.rows.map(({ verifiedAgainst }) => verifiedAgainst)).toEqual(["our facade", undefined, undefined]);
    expect(matrixHtml(imitated)).toContain("verified against our facade");
  });

  it("keeps the same scenario of two runs apart", () => {
    expect(matrixOf([ours, { ...ours, folder: "run-3" }]).rows.filter(({ role }) => role === "device").map(({ run }) => run.folder)).toEqual(["run-1", "run-3"]);
  });

  it("says of a run that did not come to its end that it did not", () => {
    expect(matrixOf([{ folder: "", result: result([registration], { interrupted: true }) }]).rows[0]?.run.complete).toBe(false);
    expect(matrixHtml(matrixOf([{ folder: "", result: result([registration], { interrupted: true }) }]))).toContain("did not come to its end");
  });
});

describe("the page of a matrix", () => {
  const page = matrixHtml(matrixOf([ours, theirs]));

  it("leads from a cell to its scenarios, and from each of them to its report and evidence in the folder of its run", () => {
    expect(page).toContain('<a href="#cell-0-server-management">');
    expect(page).toContain('<details class="scenario" id="cell-0-server-management">');
    expect(page).toContain(`href="run%202/index.html#${encodeURIComponent(failing.id)}"`);
    expect(page).toContain('href="run%202/scenarios/server-management/sm3/broken/trace.ndjson"');
    expect(page).toContain("known: LwM2M Core 1.1 §6.2");
  });

  it("links within the folder of the one run that it lies in", () => {
    expect(matrixHtml(matrixOf([{ ...ours, folder: "" }]))).toContain(`href="index.html#${encodeURIComponent(device.id)}"`);
  });

  it("escapes everything that came from outside, and needs nothing from elsewhere", () => {
    expect(page).toContain("Leshan &lt;2&gt;");
    expect(page).not.toContain("<script>alert");
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(page).toContain("Content-Security-Policy");
  });
});

describe("a matrix with CoAP and DTLS peers", () => {
  const suite = "TLS_PSK_WITH_AES_128_CCM_8";
  const tls = peerSchema.parse({
    schema: peerFormat,
    peer: "Some <TLS>",
    version: "3.0",
    keys: "PSK",
    file: "interop/dtls/some.test.ts",
    at: "2026-11-22T10:00:00.000Z",
    rows: [
      {
        role: "dtls-server",
        over: suite,
        shown: ["EMS"],
        tests: [
          { name: "resumes", outcome: "pass", evidence: ["01.pcapng", "01-tls-server.log"] },
          { name: "parts", outcome: "fail", reason: "expected <1>", evidence: [] },
        ],
      },
      { role: "dtls-client", over: suite, shown: [], tests: [{ name: "comes", outcome: "pass", evidence: [] }] },
    ],
  } satisfies PeerResult);
  const coap: PeerResult = { ...tls, peer: "coap", keys: "none", rows: [{ role: "coap-client", over: "UDP", shown: [], tests: [] }] };
  const peers = [
    { folder: "interop/peers/tls", result: tls },
    { folder: "interop/peers/coap", result: coap },
  ];
  const matrix = matrixOf([ours], peers);
  const page = matrixHtml(matrix);

  it("has a row for each role that a peer was met in, and a cell for each suite, beside the roles of LwM2M", () => {
    expect(matrixSchema.parse(JSON.parse(JSON.stringify(matrix)))).toEqual(matrix);
    expect(matrix.rows).toHaveLength(2);
    expect(matrix.peers?.map(({ role, peer, cells }) => [role, peer, Object.entries(cells).map(([over, { outcome }]) => `${over} ${outcome}`)])).toEqual([
      ["coap-client", "coap", ["UDP not run"]],
      ["dtls-client", "Some <TLS>", [`${suite} pass`]],
      ["dtls-server", "Some <TLS>", [`${suite} fail`]],
    ]);
  });

  it("is the same whichever peer was read first, and without peers it has no word of them", () => {
    expect(matrixOf([ours], [...peers].reverse())).toEqual(matrix);
    expect(matrixOf([ours])).not.toHaveProperty("peers");
  });

  it("leads from a cell to its tests, those that failed first, and from these to captures and logs", () => {
    expect(page).toContain(`<a href="#peer-2-${suite}"><span class="count v pass">1 pass</span><span class="count v fail">1 fail</span></a>`);
    const opened = page.slice(page.indexOf(`id="peer-2-${suite}"`));
    expect(opened.indexOf("parts")).toBeLessThan(opened.indexOf("resumes"));
    expect(opened).toContain("expected &lt;1&gt;");
    expect(page).toContain('href="interop/peers/tls/01.pcapng"');
    expect(page).toContain('href="interop/peers/tls/01-tls-server.log"');
    expect(page).toContain("Shown: EMS.");
  });

  it("is one table, in which a peer that is not installed is said to be so", () => {
    expect(page.slice(0, page.indexOf("<h2>")).match(/<table>/g)).toHaveLength(1);
    for (const title of ["as LwM2M Server", "as CoAP client", "as DTLS client", "as DTLS server"]) expect(page).toContain(title);
    expect(page).toContain('<span class="count v unsupported">not run</span>');
    expect(page).not.toContain("Some <TLS>");
  });
});
