/** RFC 6066 §3: literal addresses are not names. */
export const isAddress = (name: string): boolean => name.includes(":") || /^[\d.]+$/.test(name);
