/** The board's session and its client. */
import { clientFor, tokenOf } from '../shared/client.ts';
import { SessionKeeper } from '../shared/session.svelte.ts';

export const session = new SessionKeeper('board');
export const api = clientFor(session);
export const token = () => tokenOf(session);
