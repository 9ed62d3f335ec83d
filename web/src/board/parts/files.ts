/** Files of the API: fetched with the session's token, then saved or opened. */
import { type Problem, Refused, AWAY } from '../../shared/problem.ts';
import { token } from '../link.ts';

async function fetched(address: string): Promise<Response> {
  const secret = await token();
  const reply = await fetch(address, { headers: { Authorization: `Bearer ${secret ?? ''}` } });
  if (reply.ok) return reply;
  throw new Refused((await reply.json().catch(() => AWAY)) as Problem);
}

/** A file as an address that an `img` or a tab may show. */
export async function opened(address: string): Promise<string> {
  const reply = await fetched(address);
  return URL.createObjectURL(await reply.blob());
}

export const picture = (sha256: string): Promise<string> => opened(`/api/v1/attachments/${sha256}`);

/** Shows a file in a tab of its own, from where it is printed; saves it where no tab may open. */
export async function print(address: string): Promise<void> {
  // the tab is opened while the click still counts, and filled when the file has come
  const tab = window.open('', '_blank');
  if (tab === null) return save(address);
  try {
    tab.location.href = await opened(address);
  } catch (error) {
    tab.close();
    throw error;
  }
}

/** Saves a file under the name that the server gave it. */
export async function save(address: string): Promise<void> {
  const reply = await fetched(address);
  const said = /filename="([^"]+)"/.exec(reply.headers.get('content-disposition') ?? '');
  saveAs(await reply.blob(), said?.[1] ?? address.split('/').pop() ?? 'file');
}

/** Saves bytes that are here already. */
export function saveAs(bytes: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(bytes);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
