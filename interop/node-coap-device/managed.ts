import type { ObservationSnapshot } from "../../simulators/device/index.js";
import { bootstrapAccountOf, Server } from "./accounts.js";
import { Format, Refused, type Answer } from "./answers.js";
import type { HostedDevice } from "./device.js";
import { checkExecute, create, discover, read, remove, write, type Asker, type ManagementRequest } from "./management-interface.js";
import { Objects } from "./model.js";
import { formatPath, parsePath, related, type Path } from "./paths.js";
import type { Incoming, Notifier } from "./port.js";
import type { Registration } from "./registration.js";

interface Observation {
  readonly registration: Registration;
  readonly path: Path;
  readonly token: string;
  readonly accept: number | undefined;
  readonly notifier: Notifier;
  notifications: number;
}

/**
 * Device management and reporting towards the LwM2M Servers of a device. Every change is notified at once: Write-Attributes is answered 4.05, and
 * /1/x/2 and /1/x/3 are not followed.
 */
export class ManagedDevice {
  /** Execute requests carried out, by path. */
  readonly executed = new Map<string, number>();
  #observations: Observation[] = [];

  constructor(private readonly device: HostedDevice) {}

  /** Throws `Refused`. */
  answer(registration: Registration, request: Incoming): void {
    const path = parsePath(request.path);
    if (path === undefined) throw new Refused("4.04", `${request.path} is no path of the object tree`);
    const asker = this.#asker(registration);
    const { store } = this.device;
    switch (request.method) {
      case "GET":
        if (request.observe === 0) this.#observe(registration, request, path);
        else if (request.accept === Format.link) request.respond(discover(store, path, asker));
        else {
          if (request.observe === 1) this.#cancel(registration, request.token);
          request.respond(read(store, path, request.accept, asker));
        }
        return;
      case "PUT":
        if (request.contentFormat === undefined && request.query.length > 0) throw new Refused("4.05", "Write-Attributes is not supported");
        this.#write(request, path, asker);
        return;
      case "POST":
        if (path.resource !== undefined && (request.contentFormat ?? Format.text) === Format.text) this.#execute(registration, request, path);
        else if (path.instance === undefined) this.#change(request, path, create(this.#writable(), { ...request, path }, asker), true);
        else this.#write(request, path, asker);
        return;
      case "DELETE":
        this.#change(request, path, remove(this.#writable(), path, asker), true);
        return;
      default:
        throw new Refused("4.05", `${request.method} is not supported`);
    }
  }

  #asker({ account }: Registration): Asker {
    const { endpoint, lastBootstrapped } = this.device;
    return { shortServerId: account.shortServerId, endpoint, lastBootstrapped, time: Math.floor(Date.now() / 1000) };
  }

  #writable(): HostedDevice["store"] {
    if (this.device.inSession) throw new Refused("5.03", "a bootstrap is under way");
    return this.device.store;
  }

  #write(request: Incoming, path: Path, asker: Asker): void {
    if (path.instance === undefined) throw new Refused("4.05", "Write is about an instance or a resource");
    const store = this.#writable();
    const lifetime = store.number(Objects.server, path.instance, Server.lifetime);
    const managed: ManagementRequest = { ...request, path };
    const answer = write(store, managed, asker);
    const changed = path.object === Objects.server && store.number(Objects.server, path.instance, Server.lifetime) !== lifetime;
    request.respond(answer);
    this.device.changed(path, changed ? { lifetime: true } : {});
  }

  /** The answer goes first, the Update with the new object list after it. */
  #change(request: Incoming, path: Path, answer: Answer, objects: boolean): void {
    request.respond(answer);
    this.device.changed(path, { objects });
  }

  #execute(registration: Registration, request: Incoming, path: Path): void {
    const { device } = this;
    checkExecute(device.store, path, this.#asker(registration));
    const isTrigger = path.object === Objects.server && path.resource === Server.bootstrapTrigger;
    if (isTrigger && bootstrapAccountOf(device.store) === undefined) throw new Refused("4.05", "there is no Bootstrap-Server account");
    const where = formatPath(path);
    this.executed.set(where, (this.executed.get(where) ?? 0) + 1);
    device.counters.executes++;
    request.respond({ code: "2.04" });
    if (isTrigger) device.triggered(registration.account.shortServerId, request.messageId);
    else if (path.object === Objects.server) this.#executeOnServer(registration, path);
    else if (path.object === Objects.device) this.#executeOnDevice(path);
    else this.#resetExtremes(path);
  }

  #executeOnServer(asking: Registration, { instance, resource }: Path): void {
    const meant = this.device.registrations.find(({ account }) => account.serverInstance === instance) ?? asking;
    if (resource === Server.updateTrigger) {
      void meant.update("update");
      return;
    }
    this.forget(meant);
    void meant.deregister("disabled");
  }

  #executeOnDevice({ resource }: Path): void {
    if (resource === 4) {
      // The answer leaves before the power goes.
      setImmediate(() => void this.device.powerCycle());
      return;
    }
    this.device.store.putResource(Objects.device, 0, 11, { values: new Map([[0, 0]]) });
    this.changed({ object: Objects.device, instance: 0, resource: 11 });
  }

  #resetExtremes({ object = Objects.temperature, instance = 0 }: Path): void {
    const { store } = this.device;
    const value = store.number(object, instance, 5700) ?? 0;
    for (const resource of [5601, 5602]) store.putResource(object, instance, resource, { value });
    this.changed({ object, instance });
  }

  #observe(registration: Registration, request: Incoming, path: Path): void {
    const first = read(this.device.store, path, request.accept, this.#asker(registration));
    // The same token again replaces the observation (RFC 7641 §4.1).
    this.#cancel(registration, request.token);
    const { token } = request;
    const notifier = request.observed(first, () => this.#cancel(registration, token));
    this.#observations.push({ registration, path, token, accept: first.contentFormat, notifier, notifications: 0 });
  }

  #cancel(registration: Registration, token: string): void {
    this.#drop((observation) => observation.registration === registration && observation.token === token);
  }

  forget(registration: Registration): void {
    this.#drop((observation) => observation.registration === registration);
  }

  forgetAll(): void {
    this.#drop(() => true);
  }

  #drop(which: (observation: Observation) => boolean): void {
    const leaving = this.#observations.filter(which);
    this.#observations = this.#observations.filter((observation) => !leaving.includes(observation));
    for (const { notifier } of leaving) notifier.end();
  }

  /** Tells the observers of what changed. */
  changed(path: Path): void {
    for (const observation of this.#observations) if (related(path, observation.path)) this.#notify(observation);
  }

  #notify(observation: Observation): void {
    let content: Answer;
    try {
      content = read(this.device.store, observation.path, observation.accept, this.#asker(observation.registration));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // A notification that is an error ends the observation (RFC 7641 §3.2).
      observation.notifier.notify({ code: error.code });
      this.#cancel(observation.registration, observation.token);
      return;
    }
    observation.notifications++;
    this.device.counters.notifications++;
    observation.notifier.notify(content);
  }

  observations(): ObservationSnapshot[] {
    return this.#observations.map(({ registration, path, notifications }) => ({ shortServerId: registration.account.shortServerId, path: formatPath(path), notifications }));
  }
}
