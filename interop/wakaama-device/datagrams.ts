export interface SeenDatagram {
  readonly direction: "in" | "out";
  /** `127.0.0.1:5683`. */
  readonly peer: string;
  readonly bytes: Buffer;
}

const perLine = 16;
const begins = /^(?:(Sending) (\d+) bytes to|(\d+) bytes received from) \[([^\]]*)\]:(\d+)$/;

/** Reads the datagrams out of the log that the native client writes with `-d`: a line that says how many bytes, then their dump. */
export class DatagramReader {
  #rest = "";
  #open: { readonly direction: "in" | "out"; readonly peer: string; readonly length: number; hex: string } | undefined;

  constructor(private readonly seen: (datagram: SeenDatagram) => void) {}

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    const open = this.#open;
    if (open === undefined) {
      const [, sending, sent, received, host = "", port = ""] = begins.exec(line) ?? [];
      const length = Number(sent ?? received ?? 0);
      if (length > 0) this.#open = { direction: sending === undefined ? "in" : "out", peer: `${host}:${port}`, length, hex: "" };
      return;
    }
    const here = Math.min(perLine, open.length - open.hex.length / 2);
    // Two digits and a space for each byte, one more space behind every fourth; then the same as text.
    open.hex += line.slice(0, 3 * here + Math.floor(here / 4)).replaceAll(" ", "");
    if (open.hex.length < 2 * open.length) return;
    this.#open = undefined;
    this.seen({ direction: open.direction, peer: open.peer, bytes: Buffer.from(open.hex, "hex") });
  }
}
