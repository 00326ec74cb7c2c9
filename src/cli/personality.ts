import { personalityNames } from "../../simulators/device/index.js";
import type { PersonalityName } from "../../simulators/device/index.js";
import { nearest } from "../config/index.js";
import { UsageError } from "./exit.js";

/** A personality by the name a flag gives. */
export function personalityNamed(name: string, flag: string): PersonalityName {
  const found = personalityNames.find((known) => known === name);
  if (found !== undefined) return found;
  const near = nearest(name, personalityNames);
  throw new UsageError(`${flag}: there is no personality "${name}"`, near === undefined ? `use one of ${personalityNames.join(", ")}` : `did you mean ${near}?`);
}
