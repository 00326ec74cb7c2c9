export { html } from "./html.js";
export { junit } from "./junit.js";
export { duration, summary, type SummaryOptions } from "./terminal.js";
export { timelineOf, type Timeline, type TimelineRow } from "./timeline.js";
export { readTrace, writeReports } from "./write.js";
