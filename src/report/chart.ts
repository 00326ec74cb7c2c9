import { escaped } from "./escape.js";

export interface Series {
  readonly name: string;
  /** A CSS class, `c1` to `c5`. */
  readonly colour: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

const width = 720;
const height = 220;
const margin = { left: 56, right: 12, top: 12, bottom: 30 };

/** 1, 2 or 5 times a power of ten, at least `value`. */
export function roundUp(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= value) ?? 10 * power;
}

const brief = (value: number): string => (value >= 10_000 ? `${Math.round(value / 1000)}k` : value >= 10 ? String(Math.round(value)) : String(Math.round(value * 100) / 100));

/** A line chart as inline SVG. Nothing to draw gives an empty text. */
export function lineChart(series: readonly Series[], labels: { readonly x: string; readonly y: string }): string {
  const drawn = series.filter(({ points }) => points.length > 0);
  const points = drawn.flatMap((one) => one.points);
  if (points.length === 0) return "";
  const left = Math.min(...points.map(([x]) => x));
  const right = Math.max(left + 1, ...points.map(([x]) => x));
  const top = roundUp(Math.max(...points.map(([, y]) => y)));
  const x = (value: number): number => margin.left + ((value - left) / (right - left)) * (width - margin.left - margin.right);
  const y = (value: number): number => height - margin.bottom - (value / top) * (height - margin.top - margin.bottom);
  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y(top * share).toFixed(1);
    return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text x="${margin.left - 6}" y="${at}" text-anchor="end" dominant-baseline="middle">${brief(top * share)}</text>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = left + (right - left) * share;
    return `<text x="${x(value).toFixed(1)}" y="${height - margin.bottom + 14}" text-anchor="middle">${brief(value)}</text>`;
  });
  const lines = drawn.map(({ name, colour, points: own }) => {
    const path = own.map(([px, py], index) => `${index === 0 ? "M" : "L"}${x(px).toFixed(1)} ${y(py).toFixed(1)}`).join("");
    return `<path class="line ${escaped(colour)}" d="${path}"><title>${escaped(name)}</title></path>`;
  });
  const legend = drawn.map(({ name, colour }) => `<span class="key ${escaped(colour)}">${escaped(name)}</span>`).join(" ");
  return `<figure><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(labels.y)} over ${escaped(labels.x)}">${grid.join("")}${ticks.join("")}${lines.join("")}<text x="${width - margin.right}" y="${height - 2}" text-anchor="end">${escaped(labels.x)}</text></svg><figcaption>${escaped(labels.y)}: ${legend}</figcaption></figure>`;
}

/** Columns of equal width for bins that double: how often an operation took that long. */
export function histogram(bins: readonly { readonly upToMs: number; readonly count: number }[]): string {
  const total = bins.reduce((sum, bin) => sum + bin.count, 0);
  if (total === 0) return "";
  const top = Math.max(...bins.map(({ count }) => count));
  const [boxWidth, boxHeight, foot] = [360, 110, 16];
  const step = boxWidth / bins.length;
  const columns = bins.map(({ upToMs, count }, index) => {
    const tall = (count / top) * (boxHeight - foot - 4);
    const label = upToMs >= 1000 ? `${brief(upToMs / 1000)}s` : brief(upToMs);
    const text = step >= 22 || index % Math.ceil(22 / step) === 0 ? `<text x="${(index * step + step / 2).toFixed(1)}" y="${boxHeight - 4}" text-anchor="middle">${label}</text>` : "";
    return `<rect class="column" x="${(index * step + 1).toFixed(1)}" y="${(boxHeight - foot - tall).toFixed(1)}" width="${Math.max(1, step - 2).toFixed(1)}" height="${tall.toFixed(1)}"><title>up to ${upToMs} ms: ${count} of ${total}</title></rect>${text}`;
  });
  return `<svg viewBox="0 0 ${boxWidth} ${boxHeight}" role="img" aria-label="how many took up to how many milliseconds">${columns.join("")}</svg>`;
}

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
}

/** Horizontal bars on a logarithmic scale: percentiles of a latency span orders of magnitude. */
export function logBars(bars: readonly Bar[]): string {
  const largest = Math.max(1, ...bars.map(({ value }) => value));
  const scale = (value: number): number => (value <= 0 ? 0 : Math.max(1, (100 * Math.log10(1 + value * 10)) / Math.log10(1 + largest * 10)));
  return `<div class="bars">${bars.map(({ label, value, text }) => `<span class="label">${escaped(label)}</span><span class="bar"><i style="width:${scale(value).toFixed(1)}%"></i></span><span class="value">${escaped(text)}</span>`).join("")}</div>`;
}
