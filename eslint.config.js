import tseslint from "typescript-eslint";

const clocks = [{ selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: "Use the Clock port." }];
/** Comparisons that stop at the first difference tell a stranger how far a guess was right. */
const comparisons = ["CallExpression[callee.property.name='equals']", "CallExpression[callee.property.name='compare']", "CallExpression[callee.property.name='toString'][parent.type='BinaryExpression']"].map((selector) => ({
  selector,
  message: "Compare secrets with equalSecrets, public bytes with samePublicBytes.",
}));
const portsOnly = ["node:dgram", "dgram", "node:net", "net", "node:fs", "fs", "node:fs/promises", "fs/promises", "node:crypto", "crypto", "node:timers", "node:timers/promises", "node:perf_hooks"].map((name) => ({ name, message: "Effects come through src/ports." }));

/** Clock, random, network and files are reached through src/ports only (real and simulated), so that every state machine runs on a virtual clock. */
const effects = {
  "no-restricted-globals": ["error", ...["setTimeout", "setInterval", "setImmediate", "performance"].map((name) => ({ name, message: "Take it from src/ports." }))],
  "no-restricted-properties": [
    "error",
    { object: "Date", property: "now", message: "Use the Clock port." },
    { object: "Math", property: "random", message: "Use the Random port." },
    { object: "process", property: "hrtime", message: "Use the Clock port." },
  ],
  "no-restricted-syntax": ["error", ...clocks],
  "no-restricted-imports": ["error", { paths: portsOnly }],
};

export default tseslint.config(
  { ignores: ["dist/**", "node_modules/**", "reports/**", "**/*.generated.ts", "interop/.cache/**"] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/no-confusing-void-expression": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-extraneous-class": "off",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: true }],
      "no-console": "error",
    },
  },
  {
    files: ["src/**/*.ts", "simulators/**/*.ts", "features/**/*.ts"],
    ignores: ["src/ports/**", "src/cli/**", "src/report/**", "**/*.test.ts", "**/testing/**"],
    rules: effects,
  },
  {
    files: ["src/dtls/**/*.ts"],
    ignores: ["src/dtls/codec/public-bytes.ts", "**/*.test.ts", "**/testing/**"],
    rules: { "no-restricted-syntax": ["error", ...clocks, ...comparisons] },
  },
  // Certificates are made and signed with Web Crypto; their keys and numbers still come from the Secrets port.
  { files: ["src/certificates/authority.ts"], rules: { "no-restricted-imports": ["error", { paths: portsOnly.filter(({ name }) => name !== "node:crypto") }] } },
  // Primitives only: what is random still comes from the Secrets port.
  { files: ["src/dtls/crypto/*.ts", "src/smp/key-check-value.ts", "src/certificates/files.ts", "src/certificates/key-pair.ts", "src/certificates/reading.ts", "src/certificates/repeatable-signature.ts", "src/certificates/test-certificate.ts"], rules: { "no-restricted-imports": ["error", { paths: [...portsOnly.filter(({ name }) => name !== "node:crypto"), { name: "node:crypto", importNames: ["randomBytes", "randomInt", "randomUUID", "randomFillSync", "webcrypto"], message: "Use the Secrets port." }] }] } },
  {
    files: ["**/*.test.ts", "**/testing/**/*.ts", "bench/**/*.ts", "interop/**/*.ts", "test/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off", "@typescript-eslint/require-await": "off", "no-console": "off" },
  },
  { files: ["**/*.js", "**/*.cjs", "**/*.mjs"], ...tseslint.configs.disableTypeChecked },
  { files: ["scripts/**", "bench/**/*.mjs"], rules: { "no-console": "off" } },
);
