import { EventStreamReader } from "../../../operator/sse.js";
import { sleep, type Clock } from "../../../ports/index.js";
import { AdapterError } from "../adapter.js";
import { AdapterHttp, type HttpAnswer } from "../http.js";
import type { CallFile, TemplateFile, WaitFile } from "./schema.js";
import { fillBody, fillText, take, type Variables } from "./template.js";

export type Outcome =
  | { readonly kind: "done"; readonly answer: HttpAnswer; readonly taken: Variables }
  | { readonly kind: "absent" }
  | { readonly kind: "no-answer" };

const unauthorised = 401;
/** Unauthorized and Forbidden: who calls is the trouble, not the call. */
const refusals: ReadonlySet<number> = new Set([unauthorised, 403]);
/** Written as they are: their slashes, and their `&`, are the URL's. */
const asIs: ReadonlySet<string> = new Set(["path", "query"]);

/** Calls of a target file over HTTP, with its login. Errors name the call and never what a placeholder stood for. */
export class TemplateSession {
  readonly #http: AdapterHttp;
  #loggedIn: Promise<Variables> | undefined;

  constructor(
    base: string,
    private readonly file: TemplateFile,
    private readonly secrets: Readonly<Record<string, string>>,
    private readonly clock: Clock,
  ) {
    this.#http = new AdapterHttp(base);
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** Makes a call; `name` stands for it in errors. */
  async call(name: string, call: CallFile, variables: Variables): Promise<Outcome> {
    const answer = await this.#authorised(name, call, variables);
    if (call.noAnswer.includes(answer.status)) return { kind: "no-answer" };
    if (call.absent.includes(answer.status) && (call.absentWith === undefined || answer.text.includes(call.absentWith))) return { kind: "absent" };
    if (!call.ok.includes(answer.status)) throw new AdapterError(`${name}: ${call.method} ${call.path} was answered ${answer.status}, ${this.#meaningOf(answer.status)}`);
    return { kind: "done", answer, taken: this.#taken(name, call, answer) };
  }

  /** What to do about a status that the file does not mention. */
  #meaningOf(status: number): string {
    const variables = Object.values(this.file.secrets).map(({ env }) => env);
    if (!refusals.has(status) || variables.length === 0) return "which the target file gives no meaning";
    return `the interface does not take the credentials; see that the environment variables of secrets (${variables.join(", ")}) hold what it wants`;
  }

  #taken(name: string, call: CallFile, answer: HttpAnswer): Variables {
    return Object.fromEntries(
      Object.entries(call.take).map(([variable, path]) => {
        const value = take(answer.body, path);
        if (value === undefined) throw new AdapterError(`${name}: the answer to ${call.method} ${call.path} has no ${path}`);
        return [variable, value] as const;
      }),
    );
  }

  async #authorised(name: string, call: CallFile, variables: Variables): Promise<HttpAnswer> {
    const all = { ...this.secrets, ...(await this.#login()), ...variables };
    const first = await this.#send(call, all, this.file.headers);
    if (first.status !== unauthorised || this.file.login === undefined) return first;
    // The token is over: another one, once.
    this.#loggedIn = undefined;
    const again = await this.#send(call, { ...this.secrets, ...(await this.#login()), ...variables }, this.file.headers);
    if (again.status === unauthorised) throw new AdapterError(`${name}: ${call.method} ${call.path} was answered 401 after a new login`);
    return again;
  }

  #login(): Promise<Variables> {
    const { login } = this.file;
    if (login === undefined) return Promise.resolve({});
    this.#loggedIn ??= (async () => {
      const answer = await this.#send(login, this.secrets, {});
      if (!login.ok.includes(answer.status)) throw new AdapterError(`login: ${login.method} ${login.path} was answered ${answer.status}; see that the environment variables of secrets hold what it wants`);
      return this.#taken("login", login, answer);
    })();
    this.#loggedIn.catch(() => (this.#loggedIn = undefined));
    return this.#loggedIn;
  }

  #send(call: CallFile, variables: Variables, common: Readonly<Record<string, string>>): Promise<HttpAnswer> {
    const headers = Object.fromEntries(Object.entries({ ...common, ...call.headers }).map(([header, value]) => [header.toLowerCase(), fillText(value, variables)]));
    return this.#http.call({ method: call.method, path: pathOf(call.path, variables), headers, ...(call.body === undefined ? {} : { body: fillBody(call.body, variables) }) });
  }

  /** Waits for what a call only began; resolves with the answer, or the event, that says how it ended, or with nothing when the time is over. */
  async wait(name: string, wait: WaitFile, variables: Variables): Promise<unknown> {
    if ("events" in wait) return this.#events(name, wait, variables);
    const end = this.clock.now() + wait.within;
    const call: CallFile = { method: "GET", path: wait.poll.path, headers: {}, take: {}, ok: [200], absent: [404], noAnswer: [504] };
    for (;;) {
      const outcome = await this.call(`${name}, its end`, call, variables);
      if (outcome.kind === "done" && isOver(wait, outcome.answer.body)) return outcome.answer.body;
      if (this.clock.now() >= end) return undefined;
      await sleep(this.clock, wait.poll.every, "adapter poll");
    }
  }

  async #events(name: string, wait: Extract<WaitFile, { events: unknown }>, variables: Variables): Promise<unknown> {
    const all = { ...this.secrets, ...(await this.#login()), ...variables };
    const headers = Object.fromEntries(Object.entries({ ...this.file.headers, ...wait.events.headers, accept: "text/event-stream" }).map(([header, value]) => [header, fillText(value, all)]));
    const reader = new EventStreamReader();
    const decoder = new TextDecoder();
    const signal = AbortSignal.timeout(wait.within);
    try {
      for await (const piece of this.#http.stream(pathOf(wait.events.path, all), headers, signal)) {
        for (const { event, data } of reader.push(decoder.decode(piece, { stream: true }))) {
          if (wait.events.name !== undefined && event !== wait.events.name) continue;
          const content: unknown = JSON.parse(data);
          if (isOver(wait, content)) return content;
        }
      }
    } catch (error) {
      if (!signal.aborted) throw error instanceof AdapterError ? error : new AdapterError(`${name}: the events of ${wait.events.path} broke: ${error instanceof Error ? error.message : String(error)}`);
    }
    return undefined;
  }
}

const isOver = (wait: WaitFile, body: unknown): boolean => wait.until.is.includes(String(take(body, wait.until.member)));

/** A path with its placeholders filled in, percent-encoded. */
const pathOf = (template: string, variables: Variables): string =>
  template.replaceAll(/\{([A-Za-z][A-Za-z0-9]*)\}/g, (whole, name: string) => fillText(whole, variables, asIs.has(name) ? undefined : encodeURIComponent));
