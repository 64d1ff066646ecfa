/** Talks to the server: a refusal and a dead network are told apart. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    text: string,
  ) {
    super(text);
  }
}

/** The server could not be reached, or could not answer: what was to be sent waits. */
export class Unreached extends Error {}

const SECONDS = 20;
const UPLOAD_SECONDS = 120;

export function ask(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const kind: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/json" };
  return send(path, body === undefined ? undefined : JSON.stringify(body), { ...kind, ...headers }, SECONDS);
}

/** Sends a file's content. */
export const upload = (path: string, content: Blob, headers: Record<string, string>): Promise<Response> =>
  send(path, content, { "Content-Type": content.type, ...headers }, UPLOAD_SECONDS);

async function send(path: string, body: BodyInit | undefined, headers: Record<string, string>, seconds: number): Promise<Response> {
  const given: Record<string, string> = { "Accept-Language": document.documentElement.lang, ...headers };
  let answer: Response;
  try {
    answer = await fetch(`/station/api/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: given,
      body,
      cache: "no-store",
      signal: AbortSignal.timeout?.(seconds * 1000),
    });
  } catch {
    throw new Unreached();
  }
  if (answer.status >= 500 || answer.status === 408) throw new Unreached();
  if (!answer.ok && answer.status !== 304) {
    const told = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, told.code ?? "", [told.detail, told.way_out].filter(Boolean).join(" "));
  }
  return answer;
}
