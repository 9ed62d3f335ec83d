/** A server that is replaced closes what it accepted and has not read, which looks like a cut link:
 * what only reads is asked once more. A decision is not: a person sees that it was not sent. */
export async function patient(request: Request, ask = fetch): Promise<Response> {
  if (request.method !== 'GET') return ask(request);
  try {
    return await ask(request.clone());
  } catch (error) {
    if (request.signal.aborted) throw error;
    return ask(request);
  }
}
