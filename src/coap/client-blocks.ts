import { blockMore, blockNumber, blockOffset, blockSize, blockSzx, MAX_BLOCK_NUMBER, NO_BLOCK, packBlock, RESERVED_SZX, szxFor } from "./block.js";
import { Codes, isSuccess } from "./codes.js";
import { responseBlocks, type IncomingResponse } from "./read.js";
import type { EndpointLimits, Request, Response } from "./types.js";
import type { RequestBlocks } from "./write.js";

const EMPTY = Buffer.alloc(0);
/** How often a representation may change under a transfer before it is given up. */
const MAX_RESTARTS = 3;

/** What to do after a response: send the next request, hand the response over, or give up. */
export type TransferStep = Response | "next" | "failed";

/**
 * The requester's side of block-wise transfer (RFC 7959): sends the body in blocks, then collects the response's. One transfer at most is in each
 * direction, one request is out at a time, all under one token.
 */
export class ClientBlocks implements RequestBlocks {
  block1 = NO_BLOCK;
  block2 = NO_BLOCK;
  size1: number | undefined = undefined;
  from = 0;
  to = 0;
  withObserve = true;

  readonly #body: Uint8Array;
  #szx1: number;
  #uploading = false;
  #first: IncomingResponse | undefined = undefined;
  #parts: Uint8Array[] = [];
  #received = 0;
  #restarts = 0;

  private constructor(
    readonly request: Request,
    readonly limits: EndpointLimits,
  ) {
    this.#body = request.payload ?? EMPTY;
    this.to = this.#body.length;
    this.#szx1 = szxFor(limits.preferredBlockSize);
  }

  /** For a request that starts block-wise: its body is large, or smaller blocks than usual are wanted of the response. */
  static forRequest(request: Request, limits: EndpointLimits): ClientBlocks | undefined {
    const large = (request.payload?.length ?? 0) > limits.preferredBlockSize;
    const early = limits.preferredBlockSize < 1024 && request.code !== Codes.PUT && request.code !== Codes.DELETE;
    if (!large && !early) return undefined;
    const blocks = new ClientBlocks(request, limits);
    if (early) blocks.block2 = packBlock(0, false, blocks.#szx1);
    if (large) blocks.#upload(0);
    return blocks;
  }

  /** For a response that turns an ordinary exchange into a transfer; undefined when it does not. */
  static forResponse(request: Request, response: IncomingResponse, limits: EndpointLimits): ClientBlocks | undefined {
    const hinted = response.code === Codes.RequestEntityTooLarge && responseBlocks.block1 !== NO_BLOCK;
    if (hinted || responseBlocks.block2 !== NO_BLOCK) return new ClientBlocks(request, limits);
    return undefined;
  }

  /** The rest of a representation whose first block came as a notification (RFC 7959 §3.4). */
  static forNotification(request: Request, limits: EndpointLimits): ClientBlocks {
    const blocks = new ClientBlocks(request, limits);
    blocks.withObserve = false;
    return blocks;
  }

  /** Takes a response and the block options that were just read with it. */
  receive(response: IncomingResponse): TransferStep {
    const { block1, block2, size2 } = responseBlocks;
    if (this.#uploading || response.code === Codes.RequestEntityTooLarge) {
      const step = this.#afterUpload(response, block1);
      if (step !== undefined) return step;
    }
    this.#uploading = false;
    if (block2 === NO_BLOCK) return this.#first === undefined || !isSuccess(response.code) ? response : "failed";
    return this.#collect(response, block2, size2);
  }

  /** What becomes of the exchange while the body is on its way; undefined when the body is through. */
  #afterUpload(response: IncomingResponse, block1: number): TransferStep | undefined {
    if (response.code === Codes.RequestEntityTooLarge) {
      // RFC 7959 §2.9.3: a smaller exponent in the answer asks for another try with smaller blocks.
      const szx = blockSzx(block1);
      const smaller = block1 !== NO_BLOCK && szx !== RESERVED_SZX && (this.#uploading ? szx < this.#szx1 : this.#body.length > blockSize(szx));
      if (!smaller || this.from > 0) return response;
      this.#szx1 = szx;
      return this.#upload(0);
    }
    if (!isSuccess(response.code)) return response;
    if (this.to >= this.#body.length) return response.code === Codes.Continue ? "failed" : undefined;
    if (block1 === NO_BLOCK || blockSzx(block1) === RESERVED_SZX || blockNumber(block1) !== blockNumber(this.block1)) return "failed";
    this.#szx1 = Math.min(this.#szx1, blockSzx(block1));
    return this.#upload(this.to);
  }

  #upload(from: number): TransferStep {
    const size = blockSize(this.#szx1);
    const number = from / size;
    if (number > MAX_BLOCK_NUMBER) return "failed";
    this.#uploading = true;
    this.from = from;
    this.to = Math.min(from + size, this.#body.length);
    this.size1 = from === 0 ? this.#body.length : undefined;
    this.block1 = packBlock(number, this.to < this.#body.length, this.#szx1);
    return "next";
  }

  #collect(response: IncomingResponse, block2: number, size2: number): TransferStep {
    const szx = blockSzx(block2);
    if (szx === RESERVED_SZX) return "failed";
    const payload = response.payload ?? EMPTY;
    const first = this.#first;
    if (first !== undefined && !isSuccess(response.code)) return response;
    if (first !== undefined && !sameEtag(first, response)) return this.#restart();
    if (blockOffset(block2) !== this.#received) return "failed";
    if (blockMore(block2) && payload.length !== blockSize(szx)) return "failed";
    if (first === undefined) this.#first = response;
    this.#parts.push(payload);
    this.#received += payload.length;
    if (this.#received > this.limits.maxBodyBytes || size2 > this.limits.maxBodyBytes) return "failed";
    if (!blockMore(block2)) return this.#whole(first ?? response);
    return this.#download(szx);
  }

  #download(szx: number): TransferStep {
    const wanted = Math.min(szx, szxFor(this.limits.preferredBlockSize));
    const number = this.#received / blockSize(wanted);
    if (number > MAX_BLOCK_NUMBER) return "failed";
    this.block2 = packBlock(number, false, wanted);
    this.block1 = NO_BLOCK;
    this.size1 = undefined;
    // RFC 7959 §3.3: the body went with the first request and is not repeated.
    this.from = 0;
    this.to = 0;
    this.withObserve = false;
    return "next";
  }

  /** The representation changed in between (RFC 7959 §2.4): what was collected is void. Only a GET may be made again. */
  #restart(): TransferStep {
    if (this.request.code !== Codes.GET || ++this.#restarts > MAX_RESTARTS) return "failed";
    this.#first = undefined;
    this.#parts = [];
    this.#received = 0;
    this.block2 = packBlock(0, false, blockSzx(this.block2));
    return "next";
  }

  #whole(first: IncomingResponse): Response {
    if (this.#parts.length > 1) first.payload = Buffer.concat(this.#parts);
    return first;
  }
}

function sameEtag(a: Response, b: Response): boolean {
  if (a.etag === undefined || b.etag === undefined) return a.etag === b.etag;
  return Buffer.compare(a.etag, b.etag) === 0;
}
