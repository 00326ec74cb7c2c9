import { Timer } from "../ports/index.js";
import { blockMore, blockNumber, blockOffset, blockSize, blockSzx, NO_BLOCK, packBlock, RESERVED_SZX, szxFor } from "./block.js";
import { Codes } from "./codes.js";
import type { Core } from "./core.js";
import type { IncomingExchange } from "./incoming-exchange.js";
import type { Response } from "./types.js";
import type { ResponseBlocks } from "./write.js";

const EMPTY = Buffer.alloc(0);

/** A body under way; it expires when nothing is heard of it for EXCHANGE_LIFETIME. */
class Transfer extends Timer {
  override readonly timerName = "block-wise transfer";

  constructor(
    readonly key: string,
    readonly table: Map<string, Transfer>,
  ) {
    super();
  }

  override fire(): void {
    this.table.delete(this.key);
  }
}

/** A request body arriving in blocks. */
class Upload extends Transfer {
  readonly parts: Uint8Array[] = [];
  length = 0;
  lastBlock = NO_BLOCK;

  constructor(
    key: string,
    table: Map<string, Transfer>,
    readonly startedAt: number,
  ) {
    super(key, table);
  }
}

/** A response being fetched in blocks. */
class Download extends Transfer {
  constructor(
    key: string,
    table: Map<string, Transfer>,
    readonly response: Response,
  ) {
    super(key, table);
  }
}

/**
 * A transfer belongs to peer, method and the options of the cache key (RFC 7959 §2.4, §2.5), among them Request-Tag and any that are not known
 * here. Tokens play no part.
 */
const keyOf = ({ code, path, query, accept, contentFormat, options }: IncomingExchange): string =>
  JSON.stringify([code, path, query, accept, contentFormat, options?.map(({ number, value }) => [number, Buffer.from(value).toString("hex")])]);

/** FNV-1a: names a representation, so that a requester sees when it changed between two blocks. */
function etagOf(body: Uint8Array): Buffer {
  let hash = 0x811c9dc5;
  for (const byte of body) hash = Math.imul(hash ^ byte, 0x01000193);
  const etag = Buffer.allocUnsafe(4);
  etag.writeInt32BE(hash | 0);
  return etag;
}

/** The responder's side of block-wise transfer with one peer (RFC 7959), bounded in number and size. */
export class ServerTransfers {
  readonly #uploads = new Map<string, Transfer>();
  readonly #downloads = new Map<string, Transfer>();

  constructor(readonly core: Core) {}

  get isEmpty(): boolean {
    return this.#uploads.size === 0 && this.#downloads.size === 0;
  }

  close(): void {
    for (const table of [this.#uploads, this.#downloads]) for (const transfer of table.values()) this.#drop(transfer);
  }

  /** Takes a block of a request. True when it answered the request, whose handler then hears nothing; with the last block the request gets the whole body. */
  upload(exchange: IncomingExchange): boolean {
    const { block1, payload } = exchange;
    const { maxBodyBytes } = this.core.limits;
    const key = keyOf(exchange);
    const known = this.#uploads.get(key);
    const more = blockMore(block1);
    const offset = blockOffset(block1);
    if (known instanceof Upload && more && offset > 0 && block1 === known.lastBlock) return answered(exchange, Codes.Continue);
    const size = blockSize(blockSzx(block1));
    if (blockSzx(block1) === RESERVED_SZX || payload.length > size || (more && payload.length < size)) return this.#refuse(exchange, known, Codes.BadRequest);
    if (offset + payload.length > maxBodyBytes || (exchange.size1 ?? 0) > maxBodyBytes) return this.#refuse(exchange, known, Codes.RequestEntityTooLarge);
    const upload = offset === 0 ? this.#begin(key, exchange) : known;
    // RFC 7959 §2.9.2: a block is missing, or the transfer is not known (any more).
    if (!(upload instanceof Upload) || upload.length !== offset) return this.#refuse(exchange, known, Codes.RequestEntityIncomplete);
    upload.parts.push(payload);
    upload.length += payload.length;
    upload.lastBlock = block1;
    if (more) {
      this.core.clock.start(upload, this.core.parameters.exchangeLifetimeMs);
      return answered(exchange, Codes.Continue);
    }
    exchange.payload = upload.parts.length === 1 ? payload : Buffer.concat(upload.parts);
    exchange.arrivedAt = upload.startedAt;
    this.#drop(upload);
    return false;
  }

  /** Answers a request for a further block of a response that is kept; false when there is none. */
  download(exchange: IncomingExchange): boolean {
    const known = this.#downloads.get(keyOf(exchange));
    if (!(known instanceof Download)) return false;
    exchange.answer(known.response, undefined);
    return true;
  }

  /** Keeps a response of which not all has gone out; or no longer, when all has. */
  keep(exchange: IncomingExchange, response: Response, complete: boolean): void {
    const key = keyOf(exchange);
    const known = this.#downloads.get(key);
    if (complete) {
      if (known !== undefined) this.#drop(known);
    } else if (known instanceof Download && known.response === response) {
      this.core.clock.start(known, this.core.parameters.exchangeLifetimeMs);
    } else {
      this.#put(new Download(key, this.#downloads, response));
    }
  }

  #refuse(exchange: IncomingExchange, known: Transfer | undefined, code: number): true {
    if (known !== undefined) this.#drop(known);
    return answered(exchange, code);
  }

  #begin(key: string, exchange: IncomingExchange): Upload {
    const upload = new Upload(key, this.#uploads, exchange.arrivedAt);
    this.#put(upload);
    return upload;
  }

  #put(transfer: Transfer): void {
    const { table } = transfer;
    const former = table.get(transfer.key);
    if (former !== undefined) this.#drop(former);
    for (const oldest of table.values()) {
      if (table.size < this.core.limits.maxTransfersPerPeer) break;
      this.#drop(oldest);
    }
    table.set(transfer.key, transfer);
    this.core.clock.start(transfer, this.core.parameters.exchangeLifetimeMs);
  }

  #drop(transfer: Transfer): void {
    this.core.clock.stop(transfer);
    transfer.table.delete(transfer.key);
  }
}

function answered(exchange: IncomingExchange, code: number): true {
  exchange.answer({ code }, undefined);
  return true;
}

/**
 * What block-wise transfer adds to the answer of `exchange`, or to a notification that follows from it; undefined when it adds nothing.
 * `from >= to` with `from > 0`: the block asked for lies behind the end.
 */
export function blocksOf(exchange: IncomingExchange, response: Response): ResponseBlocks | undefined {
  const { core, peer, block1, block2 } = exchange;
  const { preferredBlockSize, maxBodyBytes } = core.limits;
  const length = response.payload?.length ?? 0;
  if (length <= preferredBlockSize && block1 === NO_BLOCK && block2 === NO_BLOCK) return undefined;

  const own = szxFor(preferredBlockSize);
  const tooLarge = response.code === Codes.RequestEntityTooLarge;
  // RFC 7959 §2.3: the number is echoed, the exponent may come down; a 4.13 for the size of the whole must not look like a wish for smaller blocks.
  const echo = block1 === NO_BLOCK || tooLarge ? NO_BLOCK : packBlock(blockNumber(block1), response.code === Codes.Continue, Math.min(blockSzx(block1), own));
  const szx = block2 === NO_BLOCK ? own : Math.min(blockSzx(block2), own);
  const from = block2 === NO_BLOCK ? 0 : blockOffset(block2);
  const to = Math.min(length, from + blockSize(szx));
  const blocks = { block1: echo, block2: NO_BLOCK, size1: tooLarge ? maxBodyBytes : undefined, size2: undefined, etag: undefined, from, to };
  const partial = from > 0 || to < length;
  if (!partial) return block2 === NO_BLOCK ? blocks : { ...blocks, block2: packBlock(0, false, szx) };
  if (from >= length) return blocks;

  const etag = response.etag ?? etagOf(response.payload ?? EMPTY);
  peer.transfers ??= new ServerTransfers(core);
  peer.transfers.keep(exchange, response.etag === undefined ? { ...response, etag } : response, to === length);
  return { ...blocks, block2: packBlock(from / blockSize(szx), to < length, szx), size2: from === 0 ? length : undefined, etag };
}
