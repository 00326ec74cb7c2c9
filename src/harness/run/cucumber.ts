import { Writable } from "node:stream";
import { loadConfiguration, loadSupport, runCucumber, type IRunConfiguration, type IRunEnvironment, type ISupportCodeLibrary } from "@cucumber/cucumber/api";
import type { Envelope } from "@cucumber/messages";

/** The features and steps could not be loaded: a usage error, its message says what and where. */
export class FeatureError extends Error {
  override readonly name = "FeatureError";
}

const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() });

/**
 * Cucumber as a library. The steps are loaded once; each scenario is then a `runCucumber` of its own, several at a time. That is safe because Cucumber keeps
 * what a scenario needs in objects of that call (World, runner, event emitter) or in an AsyncLocalStorage (`world`, `context`); its only shared state is the
 * builder that collects step definitions, which is idle after `loadSupport`, and the process's `uncaughtException` listeners, one per step in progress.
 */
export class Cucumber {
  private constructor(
    readonly environment: IRunEnvironment,
    readonly configuration: IRunConfiguration,
    readonly support: ISupportCodeLibrary,
  ) {}

  /** A module is evaluated once in a process, so that step definitions announce themselves once: whoever loads them again gets the same. */
  static readonly #loaded = new Map<string, Promise<Cucumber>>();

  /** `steps`: files or folders of step definitions (JavaScript); `cwd`: what feature paths are shown relative to. */
  static load(steps: readonly string[], cwd: string): Promise<Cucumber> {
    const key = JSON.stringify([cwd, ...steps]);
    const known = Cucumber.#loaded.get(key) ?? Cucumber.#load(steps, cwd);
    Cucumber.#loaded.set(key, known);
    return known;
  }

  static async #load(steps: readonly string[], cwd: string): Promise<Cucumber> {
    const environment: IRunEnvironment = { cwd, stdout: nowhere(), stderr: nowhere(), env: {} };
    const { runConfiguration } = await loadConfiguration({ file: false, provided: { import: [...steps], publish: false, format: ["message"] } }, environment);
    try {
      return new Cucumber(environment, runConfiguration, await loadSupport(runConfiguration, environment));
    } catch (error) {
      throw new FeatureError(`the step definitions could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Runs (or, dry, only plans) what the paths and the tag expression select; `path:line` is one scenario. */
  async run(paths: readonly string[], tagExpression: string, dryRun: boolean, onEnvelope: (envelope: Envelope) => void): Promise<void> {
    const { configuration } = this;
    const running = runCucumber(
      {
        ...configuration,
        sources: { ...configuration.sources, paths: [...paths], tagExpression },
        support: this.support,
        runtime: { ...configuration.runtime, dryRun },
      },
      this.environment,
      onEnvelope,
    );
    await running.catch((error: unknown) => {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : "";
      throw cause.startsWith("Tag expression") ? new FeatureError(`${cause.replace(/\.$/, "")}; write it as @SM-1 or "@SM-1 and not @load"`) : error;
    });
  }
}
