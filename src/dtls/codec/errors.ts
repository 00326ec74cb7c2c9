import { WireError } from "../../wire/index.js";
import { Alerts, type AlertDescription } from "./alert.js";

/** Bytes that are no DTLS; `alert` is what RFC 5246 §7.2.2 would answer on an authenticated connection. */
export class DecodeError extends WireError {
  override readonly name = "DecodeError";

  constructor(
    problem: string,
    readonly alert: AlertDescription = Alerts.decode_error,
  ) {
    super(problem);
  }
}
