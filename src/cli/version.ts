import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../ports/real/index.js";

/** From package.json. */
export function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  const found = typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return typeof found === "string" ? found : "0.0.0";
}
