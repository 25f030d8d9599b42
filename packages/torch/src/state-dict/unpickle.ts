import { quote } from '../printable.js';
import type { ByteCursor } from './byte-cursor.js';
import { WeightsFileError } from './errors.js';
import { op } from './pickle-opcodes.js';
import { type Contents, callGlobal, isAllowed, PickleGlobal } from './pickle-values.js';
import { type StorageRef, TensorRecord, tensorProblem } from './tensor-record.js';

/** Real checkpoints take up to some hundred thousand steps. In a hostile file each byte can cost sixty bytes of memory. */
const maxSteps = 10_000_000;
const maxNameBytes = 1000;
const maxIntegerBytes = 1000;

/**
 * Reads one pickle (protocols 2 to 5, Python's `pickletools.py`) as plain data and leaves the cursor behind it. Runs no
 * code: only the few names that rebuild tensors and containers are allowed; any other is refused. `persistentLoad` converts
 * a persistent id, by which PyTorch refers to the bytes of tensors, to a storage.
 *
 * Throws `WeightsFileError`.
 */
export function unpickle(cursor: ByteCursor, persistentLoad: (id: Contents) => StorageRef): Contents {
  return new Unpickler(cursor, persistentLoad).run();
}

class Unpickler {
  readonly #cursor: ByteCursor;
  readonly #persistentLoad: (id: Contents) => StorageRef;
  readonly #stack: Contents[] = [];
  /** The height of the stack at each open mark. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, Contents>();
  #steps = 0;

  constructor(cursor: ByteCursor, persistentLoad: (id: Contents) => StorageRef) {
    this.#cursor = cursor;
    this.#persistentLoad = persistentLoad;
  }

  run(): Contents {
    for (;;) {
      this.#spend(1);
      const code = this.#cursor.byte();
      if (code === op.STOP) return this.#pop();
      if (!this.#pushValue(code) && !this.#changeStack(code)) {
        throw this.#fail(`there is the opcode 0x${code.toString(16)}, which does not occur in weights files`);
      }
    }
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > maxSteps) throw this.#fail(`there are more than ${maxSteps} steps`);
  }

  /** Handles the opcodes that push a new value. Returns false for other opcodes. */
  #pushValue(code: number): boolean {
    const cursor = this.#cursor;
    const push = (value: Contents) => this.#stack.push(value) > 0;
    switch (code) {
      case op.NONE:
        return push(null);
      case op.NEWTRUE:
        return push(true);
      case op.NEWFALSE:
        return push(false);
      case op.EMPTY_LIST:
      case op.EMPTY_TUPLE:
        return push([]);
      case op.EMPTY_DICT:
        return push(new Map());
      case op.BININT:
        return push(cursor.view(4).getInt32(0, true));
      case op.BININT1:
        return push(cursor.byte());
      case op.BININT2:
        return push(cursor.view(2).getUint16(0, true));
      case op.LONG1:
        return push(this.#integer(cursor.byte()));
      case op.LONG4:
        return push(this.#integer(this.#uint32()));
      case op.BINFLOAT:
        return push(cursor.view(8).getFloat64(0, false));
      case op.SHORT_BINSTRING:
      case op.SHORT_BINUNICODE:
        return push(this.#text(cursor.byte()));
      case op.BINSTRING:
      case op.BINUNICODE:
        return push(this.#text(this.#uint32()));
      case op.BINUNICODE8:
        return push(this.#text(cursor.uint64()));
      case op.SHORT_BINBYTES:
        return push(cursor.bytes(cursor.byte()));
      case op.BINBYTES:
        return push(cursor.bytes(this.#uint32()));
      case op.BINBYTES8:
        return push(cursor.bytes(cursor.uint64()));
      case op.GLOBAL:
        return push(this.#global(this.#line(), this.#line()));
      case op.BINGET:
        return push(this.#recall(cursor.byte()));
      case op.LONG_BINGET:
        return push(this.#recall(this.#uint32()));
      default:
        return false;
    }
  }

  /** Handles the opcodes that use the stack. Returns false for other opcodes. */
  #changeStack(code: number): boolean {
    const cursor = this.#cursor;
    const stack = this.#stack;
    switch (code) {
      case op.PROTO: {
        const protocol = cursor.byte();
        if (protocol > 5) throw this.#fail(`the protocol is ${protocol}; 2 to 5 can be read`);
        break;
      }
      case op.FRAME:
        cursor.uint64();
        break;
      case op.MARK:
        this.#marks.push(stack.length);
        break;
      case op.POP:
        this.#pop();
        break;
      case op.POP_MARK:
        this.#popToMark();
        break;
      case op.DUP:
        stack.push(this.#top());
        break;
      case op.TUPLE:
      case op.LIST:
        stack.push(this.#popToMark());
        break;
      case op.TUPLE1:
      case op.TUPLE2:
      case op.TUPLE3: {
        const items: Contents[] = [];
        for (let i = op.TUPLE1 - 1; i < code; i++) items.unshift(this.#pop());
        stack.push(items);
        break;
      }
      case op.DICT: {
        const items = this.#popToMark();
        const dict = new Map<Contents, Contents>();
        this.#setItems(dict, items);
        stack.push(dict);
        break;
      }
      case op.APPEND:
        this.#append([this.#pop()]);
        break;
      case op.APPENDS:
        this.#append(this.#popToMark());
        break;
      case op.SETITEM: {
        const value = this.#pop();
        const key = this.#pop();
        this.#setItems(this.#top(), [key, value]);
        break;
      }
      case op.SETITEMS: {
        const items = this.#popToMark();
        this.#setItems(this.#top(), items);
        break;
      }
      case op.BINPUT:
        this.#memo.set(cursor.byte(), this.#top());
        break;
      case op.LONG_BINPUT:
        this.#memo.set(this.#uint32(), this.#top());
        break;
      case op.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top());
        break;
      case op.STACK_GLOBAL: {
        const name = this.#pop();
        const module = this.#pop();
        if (typeof name !== 'string' || typeof module !== 'string') throw this.#fail('a name is not text');
        stack.push(this.#global(module, name));
        break;
      }
      case op.BINPERSID:
        stack.push(this.#persistentLoad(this.#pop()));
        break;
      case op.REDUCE:
        this.#reduce();
        break;
      case op.BUILD: {
        // The attributes of an OrderedDict (`_metadata`: versions of the layers) are not needed.
        this.#pop();
        if (!(this.#top() instanceof Map)) throw this.#fail('a state is set on something that is not an OrderedDict');
        break;
      }
      default:
        return false;
    }
    return true;
  }

  #reduce(): void {
    const args = this.#pop();
    const target = this.#pop();
    if (!(target instanceof PickleGlobal && Array.isArray(args)))
      throw this.#fail('something is called that is not a function');
    // Five bytes can request another copy of a long list, so a call counts as many steps as it copies items.
    for (const arg of args) if (Array.isArray(arg) || typeof arg === 'string') this.#spend(arg.length);
    const value = callGlobal(target, args);
    if (value === undefined) throw this.#fail(`${quote(target.name)} is called with wrong arguments`);
    const problem = value instanceof TensorRecord ? tensorProblem(value) : undefined;
    if (problem) throw this.#fail(problem);
    this.#stack.push(value);
  }

  #global(module: string, name: string): PickleGlobal {
    const full = `${module}.${name}`;
    if (isAllowed(full)) return new PickleGlobal(full);
    throw new WeightsFileError(
      this.#cursor.path,
      `contains ${quote(full)}, which is refused: only tensors, numbers, text, lists and dicts are loaded, and no code is ` +
        'run; save model.state_dict() alone with PyTorch',
    );
  }

  #append(items: readonly Contents[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#fail('an item is appended to something that is not a list');
    for (const item of items) list.push(item);
  }

  #setItems(dict: Contents, items: readonly Contents[]): void {
    if (!(dict instanceof Map)) throw this.#fail('an item is set in something that is not a dict');
    if (items.length % 2 !== 0) throw this.#fail('a key has no value');
    for (let i = 0; i < items.length; i += 2) dict.set(items[i]!, items[i + 1]!);
  }

  #top(): Contents {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#fail('a value is taken from an empty stack');
    return this.#stack.at(-1)!;
  }

  #pop(): Contents {
    const value = this.#top();
    this.#stack.pop();
    return value;
  }

  #popToMark(): Contents[] {
    const height = this.#marks.pop();
    if (height === undefined) throw this.#fail('a mark is closed that was not opened');
    return this.#stack.splice(height);
  }

  #recall(index: number): Contents {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#fail(`the value ${index} is recalled, which was not stored`);
    return value;
  }

  #uint32(): number {
    return this.#cursor.view(4).getUint32(0, true);
  }

  /** Two's complement, little-endian; a bigint only if a number would not be exact. */
  #integer(length: number): number | bigint {
    if (length === 0) return 0;
    if (length > maxIntegerBytes) throw this.#fail(`an integer has ${length} bytes`);
    const digits = Buffer.from(this.#cursor.bytes(length)).reverse().toString('hex');
    const value = BigInt.asIntN(length * 8, BigInt(`0x${digits}`));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #text(length: number): string {
    const bytes = this.#cursor.bytes(length);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#fail('a text is not UTF-8');
    }
  }

  #line(): string {
    const bytes: number[] = [];
    for (let byte = this.#cursor.byte(); byte !== 0x0a; byte = this.#cursor.byte()) {
      if (bytes.push(byte) > maxNameBytes) throw this.#fail('a name has no end');
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }

  #fail(problem: string): WeightsFileError {
    return new WeightsFileError(this.#cursor.path, `is corrupt: in its pickle, ${problem}`);
  }
}
