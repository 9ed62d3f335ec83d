/** The typed client: paths and bodies come from web/openapi.json, refusals become `Refused`. */
import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from './api/types.ts';
import { patient } from './patient.ts';
import { AWAY, type Problem, Refused } from './problem.ts';
import type { Session, SessionKeeper } from './session.svelte.ts';

const OPEN = ['/api/v1/session', '/api/v1/session/refresh', '/api/v1/devices/enrol'];

async function renew(refresh: string): Promise<Session | null> {
  const reply = await fetch('/api/v1/session/refresh', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ refresh }),
  });
  // only a refusal ends the session; a server that is away does not
  if (reply.status === 401 || reply.status === 403) return null;
  if (!reply.ok) throw new Refused(AWAY);
  return (await reply.json()) as Session;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { ...AWAY, status: response.status };
  }
}

/** A client that signs every request with the keeper's token. */
export function clientFor(keeper: SessionKeeper) {
  const signed: Middleware = {
    async onRequest({ request, schemaPath }) {
      if (OPEN.includes(schemaPath) && request.method === 'POST') return request;
      const token = await keeper.token(renew);
      if (token !== null) request.headers.set('Authorization', `Bearer ${token}`);
      return request;
    },
    async onResponse({ response, schemaPath }) {
      if (response.ok) return response;
      const problem = await problemOf(response);
      if (response.status === 401 && !OPEN.includes(schemaPath)) keeper.keep(null);
      throw new Refused(problem);
    },
    onError({ error }) {
      return error instanceof Refused ? error : new Refused(AWAY);
    },
  };
  const client = createClient<paths>({ baseUrl: location.origin, fetch: (request) => patient(request) });
  client.use(signed);
  return client;
}

/** A token for what is not a request of the client: the live channel, a file to download. */
export function tokenOf(keeper: SessionKeeper): Promise<string | null> {
  return keeper.token(renew);
}

/** The data of an answer; a refusal has been thrown before. */
export async function data<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
