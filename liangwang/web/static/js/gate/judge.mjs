// What a gate decides by itself: with the city's key and the last signed list, and without any network.

import { CLAIM, Unverified, hex, read, verify } from "./cose.mjs";

const CODE = "LW1:";
const LIST = "LWL1:";
const REPEAT_S = 10;
const DAY_MS = 86400000;

/** A list whose signature is good: its age, the order in force, and what is void. `given` is GET /gate/list. */
export async function listOf(given) {
  const claims = await read(given.list, LIST, given.key);
  const names = hex(claims.get(CLAIM.revoked)).match(/.{16}/g) ?? [];
  return {
    key: given.key,
    lifeS: given.life_s,
    skewS: given.skew_s,
    issued: claims.get(CLAIM.issued),
    expires: claims.get(CLAIM.expires),
    order: claims.get(CLAIM.order),
    floor: claims.get(CLAIM.floor),
    revoked: new Set(names),
    verdicts: claims.get(CLAIM.verdicts),
  };
}

/** Seconds since the list was made. */
export const ageOf = (list, atS) => Math.max(0, Math.round(atS - list.issued));

/** Codes seen at this gate, forgotten when they can no longer be in force. */
export class Seen {
  constructor(kept = []) {
    this.first = new Map(kept);
  }

  again(nonce, atS, lifeS) {
    for (const [name, since] of this.first) if (atS - since > lifeS + 180) this.first.delete(name);
    if (this.first.has(nonce)) return atS - this.first.get(nonce);
    this.first.set(nonce, atS);
    return null;
  }
}

/** What the gate shows: `{look, reason, status, until, name, count}`; look = green yellow red cross routine none clock. */
export async function judge(text, list, seen, atS) {
  const cross = (reason) => ({ look: "cross", reason, count: true });
  if (atS < list.issued - list.skewS) return { look: "clock", reason: "clock" };
  let claims;
  try {
    claims = await verify(text.trim(), CODE, list.key, Math.floor(atS), list.skewS);
  } catch (fault) {
    if (fault instanceof Unverified) return cross(fault.reason);
    throw fault;
  }
  const nonce = hex(claims.get(CLAIM.nonce));
  if (list.revoked.has(nonce) || claims.get(CLAIM.issued) < list.floor) return cross("revoked");
  const since = seen.again(nonce, atS, list.lifeS);
  if (since !== null && since > REPEAT_S) return cross("replayed");
  const shown = { name: claims.get(CLAIM.name) ?? "", count: since === null };
  if (list.order === null) return { ...shown, look: "routine" };
  const status = list.verdicts[claims.get(CLAIM.status) - 1];
  if (!status) return { ...shown, look: "none", reason: "no_status" };
  const until = claims.has(CLAIM.until) ? new Date(claims.get(CLAIM.until) * DAY_MS).toISOString().slice(0, 10) : null;
  return { ...shown, look: status, status, until };
}

/** Whether this is the short form, which only the city can open. */
export const isHandle = (text) => /^[0-9a-hjkmnp-tv-zA-HJKMNP-TV-Z]{26}$/.test(text.replace(/[-\s]/g, ""));
