export { html } from "./html.js";
export { junit } from "./junit.js";
export { matrixFormat, matrixOf, matrixSchema, type Cell, type Matrix, type MatrixRun, type Row } from "./matrix.js";
export { peerFile, peerFormat, peerRoles, peerSchema, type MetPeer, type PeerResult, type PeerRole, type PeerRow } from "./peers.js";
export { duration, summary, type SummaryOptions } from "./terminal.js";
export { timelineOf, type Timeline, type TimelineRow } from "./timeline.js";
export { readTrace, writeMatrix, writeReports } from "./write.js";
