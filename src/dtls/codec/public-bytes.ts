/** For bytes that everybody on the network has seen; whatever depends on a secret is compared by `equalSecrets`. */
export const samePublicBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
