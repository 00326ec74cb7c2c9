import type { Readable } from "node:stream";

/** Lines of a stream, without their ends. A line beyond the limit (bytes) is thrown away as it comes and handed out as undefined. */
export async function* lines(input: Readable, limit: number): AsyncGenerator<string | undefined> {
  let parts: Buffer[] = [];
  let length = 0;
  const take = (): string | undefined => {
    const line = length > limit ? undefined : Buffer.concat(parts).toString();
    parts = [];
    length = 0;
    return line;
  };
  for await (const chunk of input) {
    let rest: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      parts.push(rest.subarray(0, end));
      length += end;
      yield take();
      rest = rest.subarray(end + 1);
    }
    length += rest.length;
    if (length <= limit) parts.push(rest);
    else parts = [];
  }
  if (length > 0) yield take();
}
