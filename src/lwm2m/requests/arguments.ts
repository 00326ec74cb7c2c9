import { isUtf8 } from "node:buffer";
import { ContentError } from "../errors.js";

/** One argument of an Execute: a digit, and what is quoted after it. */
export interface ExecuteArgument {
  readonly digit: number;
  readonly value?: string;
}

/** Most characters of an argument list. */
const maximumLength = 8192;

/** LwM2M Core 1.1 §6.3.5: printable ASCII but `"`, `'` and `\`; a space too, which the text's own examples hold. */
function isArgumentCharacter(char: number): boolean {
  return char >= 0x20 && char <= 0x7e && char !== 0x22 && char !== 0x27 && char !== 0x5c;
}

/** Writes `0='a',1`. Throws `ContentError` for what the syntax cannot hold. */
export function formatArguments(given: readonly ExecuteArgument[]): string {
  return given
    .map(({ digit, value }) => {
      if (!Number.isInteger(digit) || digit < 0 || digit > 9) throw new ContentError("an argument has one digit");
      if (value === undefined) return String(digit);
      for (let at = 0; at < value.length; at++) if (!isArgumentCharacter(value.charCodeAt(at))) throw new ContentError("an argument holds printable ASCII without quotes and backslash");
      return `${digit}='${value}'`;
    })
    .join(",");
}

/** Reads `0='a',1`; nothing is no arguments; spaces around commas pass. Throws `ContentError` and nothing else. */
export function parseArguments(payload: string | Uint8Array): ExecuteArgument[] {
  if (payload.length > maximumLength) throw new ContentError("argument list too long");
  if (typeof payload !== "string" && !isUtf8(payload)) throw new ContentError("arguments are not UTF-8");
  const text = typeof payload === "string" ? payload : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString("utf8");
  const found: ExecuteArgument[] = [];
  if (text === "") return found;
  let at = 0;
  const spaces = (): void => {
    while (text.charCodeAt(at) === 0x20) at++;
  };
  for (;;) {
    spaces();
    const digit = text.charCodeAt(at++) - 48;
    if (!(digit >= 0 && digit <= 9)) throw new ContentError("an argument begins with a digit");
    if (text.charAt(at) === "=") {
      const end = text.charAt(at + 1) === "'" ? text.indexOf("'", at + 2) : -1;
      if (end < 0) throw new ContentError("an argument's value stands between single quotes");
      const value = text.slice(at + 2, end);
      for (let i = 0; i < value.length; i++) if (!isArgumentCharacter(value.charCodeAt(i))) throw new ContentError("character not allowed in an argument");
      found.push({ digit, value });
      at = end + 1;
    } else {
      found.push({ digit });
    }
    spaces();
    if (at >= text.length) return found;
    if (text.charAt(at++) !== ",") throw new ContentError("arguments are separated by commas");
  }
}
