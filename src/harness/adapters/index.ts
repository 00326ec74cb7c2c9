export type * from "./adapter.js";
export { AdapterError, properties } from "./adapter.js";
export { adapterFor, factsOf } from "./choose.js";
export { inexpressible, needsOf, type StepNeed, type SteeredRoleName } from "./expressible.js";
export { serverFront, type AdapterFront } from "./front.js";
export { bootstrapFront, type DeviceKey } from "./bootstrap-front.js";
export type { Ask, OperatorWord } from "./manual/manual.js";
export { knock } from "./knock.js";
