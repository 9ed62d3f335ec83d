/** Requests of a tablet. "Online" is what the last one says: a network without a server is none. */

export interface Trouble {
  code: string;
  status: number;
  detail?: string;
  detail_zh?: string;
  details?: Record<string, unknown>;
}

/** The server said no, with a code of the closed list. */
export class Refusal extends Error {
  constructor(readonly trouble: Trouble) {
    super(trouble.code);
  }

  get code(): string {
    return this.trouble.code;
  }
}

/** No answer, or none that can be read: nobody knows what the server did. */
export class Away extends Error {
  constructor(readonly waitSeconds = 0) {
    super('away');
  }
}

const PATIENCE_MS = 30_000;
const BUSY = new Set([429, 502, 503, 504]);

export async function request(path: string, init: RequestInit, patience = PATIENCE_MS) {
  let reply: Response;
  try {
    reply = await fetch(path, { ...init, cache: 'no-store', signal: AbortSignal.timeout(patience) });
  } catch {
    throw new Away();
  }
  if (reply.ok) return reply;
  const wait = Number(reply.headers.get('Retry-After') ?? 0);
  if (BUSY.has(reply.status)) throw new Away(Number.isFinite(wait) ? wait : 0);
  let trouble: Trouble;
  try {
    trouble = (await reply.json()) as Trouble;
  } catch {
    throw new Away();
  }
  if (typeof trouble.code !== 'string') throw new Away();
  throw new Refusal({ ...trouble, status: reply.status });
}

/** A JSON body there and back. */
export async function said<T>(path: string, body: unknown, access?: string): Promise<T> {
  const reply = await request(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json', ...bearer(access) },
  });
  return read<T>(reply);
}

export async function asked<T>(path: string, access?: string): Promise<T> {
  return read<T>(await request(path, { headers: bearer(access) }));
}

/** An answer that was cut in the middle is no answer. */
async function read<T>(reply: Response): Promise<T> {
  try {
    return (await reply.json()) as T;
  } catch {
    throw new Away();
  }
}

export function bearer(access?: string): Record<string, string> {
  return access === undefined ? {} : { Authorization: `Bearer ${access}` };
}
