/** `PT6H`, `PT90S`, `PT1H2.5S`: hours, minutes and seconds of ISO 8601, as openapi.yaml's `Duration` admits. */
const form = /^PT(?=[0-9])(?:([0-9]{1,4})H)?(?:([0-9]{1,5})M)?(?:([0-9]{1,7}(?:\.[0-9]{1,3})?)S)?$/;

/** Milliseconds, or undefined for a text of another form. */
export function parseDuration(text: string): number | undefined {
  const match = form.exec(text);
  if (match === null) return undefined;
  const [, hours = "0", minutes = "0", seconds = "0"] = match;
  return Math.round((Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000);
}

/** Whole milliseconds from 0 up to 9,999 hours, written so that `parseDuration` reads them back. */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  const hours = Math.floor(whole / 3_600_000);
  const minutes = Math.floor((whole % 3_600_000) / 60_000);
  const seconds = (whole % 60_000) / 1000;
  const parts = [hours === 0 ? "" : `${hours}H`, minutes === 0 ? "" : `${minutes}M`, seconds === 0 ? "" : `${seconds}S`].join("");
  return `PT${parts === "" ? "0S" : parts}`;
}
