import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "simulators/**/*.test.ts", "features/**/*.test.ts", "test/**/*.test.ts", "interop/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
