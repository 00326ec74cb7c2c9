import { Codes, decode, formatCode, OptionNumber, type Message } from "../../src/coap/index.js";

type Exchange = "bootstrap" | "register" | "update" | "deregister";

const segments = ({ options }: Message, wanted: number): readonly string[] => options.filter(({ number }) => number === wanted).map(({ value }) => Buffer.from(value).toString("utf8"));
const pathOf = (message: Message): readonly string[] => segments(message, OptionNumber.UriPath);
const locationOf = (message: Message): string => segments(message, OptionNumber.LocationPath).map((segment) => `/${segment}`).join("");

function exchangeOf(message: Message): Exchange | undefined {
  const [first, ...rest] = pathOf(message);
  if (message.code === Codes.POST && first === "bs") return "bootstrap";
  if (message.code === Codes.POST && first === "rd") return rest.length === 0 ? "register" : "update";
  return message.code === Codes.DELETE && first === "rd" ? "deregister" : undefined;
}

/** With whom the client is registered: it has no call that tells, its messages do. */
export class Registrations {
  /** Servers by address. */
  readonly locations = new Map<string, string>();
  bootstrapsFinished = 0;
  lastFailure: string | undefined;
  readonly #pending = new Map<string, Exchange>();
  readonly #finishes = new Set<string>();

  saw(direction: "in" | "out", peer: string, bytes: Buffer): void {
    const message = decode(bytes);
    const token = `${peer} ${Buffer.from(message.token).toString("hex")}`;
    const exchange = direction === "out" ? exchangeOf(message) : undefined;
    if (exchange !== undefined) {
      this.#pending.set(token, exchange);
      // It waits for no answer before it ends.
      if (exchange === "deregister") this.locations.delete(peer);
      return;
    }
    const finish = `${peer} ${message.messageId}`;
    if (direction === "in" && message.code === Codes.POST && pathOf(message)[0] === "bs") this.#finishes.add(finish);
    if (direction === "out" && message.code === Codes.Changed && this.#finishes.delete(finish)) this.bootstrapsFinished++;
    if (direction === "in") this.#answered(token, peer, message);
  }

  #answered(token: string, peer: string, message: Message): void {
    const exchange = this.#pending.get(token);
    if (exchange === undefined || message.code < Codes.Created) return;
    this.#pending.delete(token);
    if (message.code >= Codes.BadRequest) this.lastFailure = formatCode(message.code);
    if (exchange === "register" && message.code === Codes.Created) this.locations.set(peer, locationOf(message));
    if (exchange === "update" && message.code !== Codes.Changed) this.locations.delete(peer);
  }
}
