import { Reader } from "../../wire/index.js";
import type { Alert } from "../types.js";
import { AlertLevels } from "./alert.js";
import { DecodeError } from "./errors.js";

/** Throws DecodeError. */
export function readAlert(fragment: Uint8Array): Alert {
  const reader = new Reader(fragment);
  const level = reader.u8("alert level");
  const description = reader.u8("alert description");
  if (level !== AlertLevels.warning && level !== AlertLevels.fatal) throw new DecodeError(`alert level ${level}`);
  if (reader.remaining > 0) throw new DecodeError("bytes behind an alert");
  return { level, description };
}

export const writeAlert = (alert: Alert): Buffer => Buffer.from([alert.level, alert.description]);
