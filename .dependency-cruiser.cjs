/**
 * The import rule: each layer may reach only the layers named beside it (docs/architecture.md).
 * Anything else, and any cycle, fails the check.
 */
const layers = {
  "src/wire": [],
  "src/ports": ["src/wire"],
  "src/certificates": ["src/ports"],
  "src/config": ["src/wire", "src/ports", "src/certificates"],
  "src/metrics": ["src/wire", "src/ports"],
  "src/coap": ["src/wire", "src/ports"],
  "src/dtls": ["src/wire", "src/ports"],
};
const upward = [
  ["src/transport", ["src/wire", "src/ports", "src/certificates", "src/config", "src/metrics", "src/coap", "src/dtls"]],
  ["src/lwm2m", ["src/transport"]],
  ["src/smp", ["src/lwm2m"]],
  ["src/operator", ["src/lwm2m"]],
];
for (const [layer, below] of upward) layers[layer] = [...new Set(below.flatMap((name) => [name, ...(layers[name] ?? [])]))];
const beneathSimulators = [...new Set(["src/smp", "src/operator"].flatMap((name) => [name, ...layers[name]]))];
layers["simulators/device"] = beneathSimulators;
layers["simulators/fleet"] = [...beneathSimulators, "simulators/device"];
layers["simulators/bootstrap-server"] = beneathSimulators;
layers["simulators/lwm2m-server"] = beneathSimulators;
const simulators = ["simulators/device", "simulators/fleet", "simulators/bootstrap-server", "simulators/lwm2m-server"];
layers["src/harness"] = [...beneathSimulators, ...simulators];
layers["src/report"] = [...layers["src/harness"], "src/harness"];
layers["src/cli"] = [...layers["src/report"], "src/report"];
layers["features"] = [...layers["src/cli"], "src/cli"];

const escape = (path) => path.replaceAll("/", "\\/");
const anyOf = (paths) => (paths.length === 0 ? "^$" : `^(${paths.map(escape).join("|")})/`);

module.exports = {
  forbidden: [
    { name: "no-cycle", severity: "error", from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } } },
    { name: "no-unresolved", severity: "error", from: {}, to: { couldNotResolve: true } },
    ...Object.entries(layers).map(([layer, below]) => ({
      name: `${layer} imports downwards only`,
      severity: "error",
      from: { path: `^${escape(layer)}/`, pathNot: "\\.test\\.ts$|/testing/" },
      to: { path: "^(src|simulators|features|bench|interop|test)/", pathNot: anyOf([layer, ...below]) },
    })),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|reports)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], extensions: [".ts", ".js"], conditionNames: ["import", "node"] },
  },
};
