// Judges a certificate's code, or its PDF, with the city's public key alone: the twin of services/certificate_codes.py.

import { CLAIM, Unverified, read, verify } from "./cose.mjs";

const SKEW_S = 60;
const NAMES = { subject: 2, number: -70002, holder: -70003, office: -70004, digest: -70005 };
const IN_FILE = /^%(LWZ1:[0-9A-Z $%*+./:-]{64,4000})\r?$/gm;
const AT_END = /%(LWP1:[0-9A-Z $%*+./:-]{64,4000})\n$/;

/** Whether the text is a certificate's code at all; `prefixes` as GET /verify/ gives them. */
export const isCode = (text, prefixes) => text.startsWith(prefixes.code) || text.startsWith(prefixes.shown);

/** `{ok, reason, shown, holder, number, office, until}` of a code; reason = good shown expired stale early forged … */
export async function judgeCode(text, { prefixes, keys }, nowS) {
  const shown = text.startsWith(prefixes.shown);
  try {
    const claims = shown ? await verify(text, prefixes.shown, keys[0], Math.floor(nowS), SKEW_S) : await read(text, prefixes.code, keys[0]);
    const until = claims.get(CLAIM.expires);
    const over = !shown && until !== undefined && nowS >= until;
    return { ok: !over, reason: over ? "expired" : shown ? "shown" : "good", shown, ...said(claims), until: shown ? null : until ?? null };
  } catch (fault) {
    if (!(fault instanceof Unverified)) throw fault;
    return { ok: false, reason: shown && fault.reason === "expired" ? "stale" : fault.reason };
  }
}

const said = (claims) => ({ subject: claims.get(NAMES.subject), number: claims.get(NAMES.number), holder: claims.get(NAMES.holder), office: claims.get(NAMES.office) });

/** The same of a PDF's bytes: `whole` where not one of them was changed since it was issued. */
export async function judgeFile(bytes, given, nowS) {
  const text = new TextDecoder("latin1").decode(bytes);
  const codes = [...text.matchAll(IN_FILE)];
  const seal = AT_END.exec(text);
  if (!codes.length && !seal) return { ok: false, reason: "unsigned" };
  const code = codes.length ? await judgeCode(codes.at(-1)[1], given, nowS) : { ok: false, reason: "altered" };
  return (await isWhole(bytes, seal, code, given)) ? { ...code, reason: code.reason === "good" ? "whole" : code.reason } : { ...code, ok: false, reason: "altered" };
}

async function isWhole(bytes, seal, code, { prefixes, keys }) {
  if (!seal || !code.subject) return false;
  try {
    const claims = await read(seal[1], prefixes.file, keys[0]);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.subarray(0, seal.index)));
    const kept = claims.get(NAMES.digest);
    return claims.get(NAMES.subject) === code.subject && kept?.length === digest.length && digest.every((byte, i) => byte === kept[i]);
  } catch (fault) {
    if (fault instanceof Unverified) return false;
    throw fault;
  }
}
