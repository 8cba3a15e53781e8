// Verifies a city code in the browser: base45, CBOR, COSE_Sign1 with ES256. No network and no library; the twin of
// liangwang/engines/sign.py, and as strict: one spelling of a code, the prefix signed with it.

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const VALUE = new Map([...ALPHABET].map((character, value) => [character, value]));
const HALF_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n >> 1n;
export const CLAIM = { expires: 4, issued: 6, nonce: 7, status: -70001, name: -70002, until: -70004, order: -70010, floor: -70011, revoked: -70012, verdicts: -70013 };

/** Why a code is not accepted; `reason` is the word that the server uses too. */
export class Unverified extends Error {
  constructor(reason) {
    super(reason);
    this.reason = reason;
  }
}

/** The bytes of base45 text (RFC 9285); throws RangeError for anything that no encoder writes. */
export function fromBase45(text) {
  const values = [...text].map((character) => {
    if (!VALUE.has(character)) throw new RangeError("base45");
    return VALUE.get(character);
  });
  if (values.length % 3 === 1) throw new RangeError("base45");
  const out = [];
  for (let i = 0; i + 1 < values.length; i += 3) {
    const whole = i + 2 < values.length;
    const n = values[i] + values[i + 1] * 45 + (whole ? values[i + 2] * 2025 : 0);
    if (n > (whole ? 0xffff : 0xff)) throw new RangeError("base45");
    if (whole) out.push(n >> 8);
    out.push(n & 0xff);
  }
  return Uint8Array.from(out);
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 0;
  }

  length(kind) {
    if (kind < 24) return kind;
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[kind];
    if (!size || this.at + size > this.bytes.length) throw new RangeError("cbor");
    const at = this.at;
    this.at += size;
    const n = { 1: () => this.view.getUint8(at), 2: () => this.view.getUint16(at), 4: () => this.view.getUint32(at), 8: () => Number(this.view.getBigUint64(at)) }[size]();
    // The shortest form only, so that one value has one spelling.
    if (n < { 1: 24, 2: 0x100, 4: 0x10000, 8: 0x100000000 }[size] || !Number.isSafeInteger(n)) throw new RangeError("cbor");
    return n;
  }

  take(n) {
    if (this.at + n > this.bytes.length) throw new RangeError("cbor");
    return this.bytes.subarray(this.at, (this.at += n));
  }

  value(depth = 0) {
    if (depth > 4 || this.at >= this.bytes.length) throw new RangeError("cbor");
    const first = this.bytes[this.at++];
    const [major, kind] = [first >> 5, first & 31];
    if (major === 7) {
      if (!(kind in SIMPLE)) throw new RangeError("cbor");
      return SIMPLE[kind];
    }
    const n = this.length(kind);
    if (major === 0) return n;
    if (major === 1) return -1 - n;
    if (major === 2) return this.take(n);
    if (major === 3) return new TextDecoder("utf-8", { fatal: true }).decode(this.take(n));
    if (major === 4) return this.many(n, () => this.value(depth + 1));
    if (major === 5) {
      const pairs = this.many(n, () => [this.value(depth + 1), this.value(depth + 1)]);
      const map = new Map(pairs);
      if (map.size !== n) throw new RangeError("cbor");
      return map;
    }
    return { tag: n, value: this.value(depth + 1) };
  }

  many(n, read) {
    if (n > this.bytes.length) throw new RangeError("cbor");
    return Array.from({ length: n }, read);
  }
}
const SIMPLE = { 20: false, 21: true, 22: null };

/** One CBOR value that fills the bytes to the end. */
export function fromCbor(bytes) {
  const reader = new Reader(bytes);
  const value = reader.value();
  if (reader.at !== bytes.length) throw new RangeError("cbor");
  return value;
}

function head(major, n) {
  if (n < 24) return [(major << 5) | n];
  if (n < 0x100) return [(major << 5) | 24, n];
  return n < 0x10000 ? [(major << 5) | 25, n >> 8, n & 0xff] : [(major << 5) | 26, n >>> 24, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff];
}

const bytesItem = (bytes) => [...head(2, bytes.length), ...bytes];
const textItem = (text) => [...head(3, text.length), ...new TextEncoder().encode(text)]; // ASCII only

/** Kid, protected header, payload and signature of the one accepted spelling; throws Unverified. */
function parts(token) {
  let message, header;
  try {
    message = fromCbor(token);
    const [protectedBytes, unprotected, payload, signature] = message.value;
    header = fromCbor(protectedBytes);
    const good =
      message.tag === 18 && message.value.length === 4 && unprotected instanceof Map && unprotected.size === 0 &&
      header instanceof Map && header.size === 2 && header.get(1) === -7 && header.get(4) instanceof Uint8Array &&
      payload instanceof Uint8Array && signature instanceof Uint8Array && signature.length === 64;
    if (!good) throw new RangeError("cose");
    return { kid: hex(header.get(4)), protectedBytes, payload, signature };
  } catch {
    throw new Unverified("unreadable");
  }
}

export const hex = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
const base64url = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

const imported = new Map();
function publicKey({ kid, x, y }) {
  if (!imported.has(kid)) {
    const jwk = { kty: "EC", crv: "P-256", x: base64url(bytesOf(x)), y: base64url(bytesOf(y)) };
    imported.set(kid, crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-256" }, false, ["verify"]));
  }
  return imported.get(kid);
}

/** The claims (Map by CWT key) of a text whose signature is good, whatever its times; throws Unverified. */
export async function read(text, prefix, key) {
  if (!text.startsWith(prefix)) throw new Unverified("unreadable");
  let token;
  try {
    token = fromBase45(text.slice(prefix.length));
  } catch {
    throw new Unverified("unreadable");
  }
  const { kid, protectedBytes, payload, signature } = parts(token);
  if (kid !== key.kid) throw new Unverified("unknown_key");
  if (BigInt("0x" + hex(signature.subarray(32))) > HALF_ORDER) throw new Unverified("forged");
  const aad = new TextEncoder().encode(prefix);
  const signed = Uint8Array.from([...head(4, 4), ...textItem("Signature1"), ...bytesItem(protectedBytes), ...bytesItem(aad), ...bytesItem(payload)]);
  const good = await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, await publicKey(key), signature, signed);
  if (!good) throw new Unverified("forged");
  try {
    const claims = fromCbor(payload);
    if (!(claims instanceof Map)) throw new RangeError("claims");
    return claims;
  } catch {
    throw new Unverified("unreadable");
  }
}

/** The claims of a code in force at `atS` (seconds since 1970); throws Unverified. */
export async function verify(text, prefix, key, atS, skewS) {
  const claims = await read(text, prefix, key);
  const [issued, expires] = [claims.get(CLAIM.issued), claims.get(CLAIM.expires)];
  if (!Number.isInteger(issued) || !Number.isInteger(expires)) throw new Unverified("unreadable");
  if (atS < issued - skewS) throw new Unverified("early");
  if (atS > expires + skewS) throw new Unverified("expired");
  return claims;
}
