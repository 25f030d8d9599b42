// Bytes of weights files, for tests. A pickle is written as Latin-1 text, one character per byte.

/** The pickle opcode that pushes this text. */
export function pickleText(text: string): string {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return `X${length.toString('latin1')}${bytes.toString('latin1')}`;
}

export interface LegacyParts {
  /** Opcodes that push the magic number. */
  readonly magic?: string;
  /** Opcodes that push the protocol version. */
  readonly version?: string;
  /** Opcodes that push the object. */
  readonly object?: string;
  /** Opcodes that push the list of storage keys. */
  readonly keys?: string;
  /** What follows the pickles: for each storage the number of elements (int64) and the bytes. */
  readonly storages?: Uint8Array;
}

/** A file in the layout that `torch.save` wrote before PyTorch 1.6. */
export function legacyFile({
  magic = '\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19',
  version = 'M\xe9\x03',
  object = '}',
  keys = ']',
  storages = new Uint8Array(),
}: LegacyParts): Uint8Array {
  const pickles = [magic, version, '}', object, keys].map((body) => Buffer.from(`\x80\x02${body}.`, 'latin1'));
  return Buffer.concat([...pickles, storages]);
}

/** A safetensors file with this header, followed by `size` zeros. */
export function safetensorsFile(header: string | Uint8Array, size = 0): Uint8Array {
  const bytes = typeof header === 'string' ? Buffer.from(header) : header;
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes, new Uint8Array(size)]);
}
