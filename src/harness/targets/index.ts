export * from "./schema.js";
export * from "./target.js";
