/**
 * A machine for Python's pickle opcodes (https://docs.python.org/3/library/pickletools.html, protocols 0 to 5) that
 * never runs anything: a global is looked up in a table given by the caller, and what the table lacks ends the reading.
 */

/** A global the table knows: what reducing it gives, or nothing where it may only be named. */
export interface PickleGlobal {
  name: string;
  construct?: (args: unknown[]) => unknown;
}

export interface PickleRules {
  /** The global of that name; throws to refuse it. */
  global: (module: string, name: string) => PickleGlobal;
  /** What a persistent id stands for. */
  persistent: (id: unknown) => unknown;
  /** Ends the reading with a message. */
  fail: (message: string) => never;
}

const MARK = Symbol('mark');

/** Whole numbers of more bytes than this are no part of a state dict. */
const LONGEST_INTEGER = 64;

class Machine {
  private readonly stack: unknown[] = [];
  private readonly memo = new Map<number, unknown>();

  constructor(
    private readonly bytes: Buffer,
    public position: number,
    private readonly rules: PickleRules,
  ) {}

  private take(length: number): Buffer {
    const start = this.position;
    if (length > this.bytes.length - start) this.rules.fail('its pickle is cut off');
    this.position += length;
    return this.bytes.subarray(start, start + length);
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.position);
    if (end < 0) this.rules.fail('its pickle is cut off');
    const text = this.bytes.toString('utf8', this.position, end);
    this.position = end + 1;
    return text;
  }

  private uint(width: 1 | 2 | 4): number {
    return this.take(width).readUIntLE(0, width);
  }

  private long(): number {
    const length = this.take(8).readBigUInt64LE();
    return length > BigInt(this.bytes.length) ? this.rules.fail('its pickle is cut off') : Number(length);
  }

  private text(length: number): string {
    return this.take(length).toString('utf8');
  }

  private integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER) this.rules.fail(`its pickle holds a whole number of ${length} bytes`);
    let value = 0n;
    this.take(length).forEach((byte, i) => (value |= BigInt(byte) << BigInt(8 * i)));
    value = BigInt.asIntN(8 * length, value);
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  private decimal(text: string): number | bigint {
    if (!/^[-+]?\d{1,150}L?$/.test(text)) this.rules.fail('its pickle holds a whole number that is none');
    const value = BigInt(text.replace(/^\+|L$/g, ''));
    return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  }

  private pop(): unknown {
    if (this.stack.length === 0 || this.stack.at(-1) === MARK) this.rules.fail('its pickle takes from an empty stack');
    return this.stack.pop();
  }

  private top(): unknown {
    if (this.stack.length === 0 || this.stack.at(-1) === MARK) this.rules.fail('its pickle takes from an empty stack');
    return this.stack.at(-1);
  }

  private popMark(): unknown[] {
    const mark = this.stack.lastIndexOf(MARK);
    if (mark < 0) this.rules.fail('its pickle lacks a mark');
    const items = this.stack.splice(mark);
    items.shift();
    return items;
  }

  private tuple(length: number): unknown[] {
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.unshift(this.pop());
    return items;
  }

  private extend(items: unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) return this.rules.fail('its pickle appends to what is no list');
    for (const item of items) list.push(item);
  }

  private setItems(items: unknown[]): void {
    const dictionary = this.top();
    if (!(dictionary instanceof Map) || items.length % 2 !== 0)
      return this.rules.fail('its pickle sets an item of what is no dict');
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  }

  private pairs(items: unknown[]): Map<unknown, unknown> {
    const dictionary = new Map<unknown, unknown>();
    for (let i = 0; i + 1 < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
    return dictionary;
  }

  private reduce(): void {
    const args = this.pop();
    const callable = this.pop() as PickleGlobal | null;
    if (typeof callable !== 'object' || typeof callable?.construct !== 'function' || !Array.isArray(args)) {
      return this.rules.fail('its pickle calls what cannot be called');
    }
    this.stack.push(callable.construct(args));
  }

  private recall(key: number | bigint): void {
    if (!this.memo.has(Number(key))) this.rules.fail('its pickle recalls what it never kept');
    this.stack.push(this.memo.get(Number(key)));
  }

  private global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string')
      return this.rules.fail('its pickle names a global without a name');
    this.stack.push(this.rules.global(module, name));
  }

  /** Runs to STOP; what is then on the stack is the result. */
  run(): unknown {
    for (;;) {
      const code = this.uint(1);
      if (code === 0x2e) return this.pop();
      if (!this.literal(code) && !this.container(code)) {
        this.rules.fail(`its pickle uses the opcode 0x${code.toString(16)}, which no state dict needs`);
      }
    }
  }

  /** Opcodes that push a value of their own. */
  private literal(code: number): boolean {
    const push = (value: unknown): boolean => this.stack.push(value) > 0;
    switch (String.fromCharCode(code)) {
      case '\x80': // PROTO
        if (this.uint(1) > 5) this.rules.fail('its pickle is of a protocol newer than 5');
        return true;
      case '\x95': // FRAME
        this.take(8);
        return true;
      case 'N':
        return push(null);
      case '\x88':
        return push(true);
      case '\x89':
        return push(false);
      case 'I': {
        const text = this.line();
        return push(text === '00' || text === '01' ? text === '01' : this.decimal(text));
      }
      case 'L':
        return push(this.decimal(this.line()));
      case 'J':
        return push(this.take(4).readInt32LE());
      case 'K':
        return push(this.uint(1));
      case 'M':
        return push(this.uint(2));
      case '\x8a': // LONG1
        return push(this.integer(this.uint(1)));
      case '\x8b': // LONG4
        return push(this.integer(this.uint(4)));
      case 'F':
        return push(Number(this.line()));
      case 'G':
        return push(this.take(8).readDoubleBE());
      case 'X':
      case 'T':
        return push(this.text(this.uint(4)));
      case 'U':
      case '\x8c': // SHORT_BINUNICODE
        return push(this.text(this.uint(1)));
      case '\x8d': // BINUNICODE8
        return push(this.text(this.long()));
      case 'V':
        return push(this.line());
      case 'S':
        return push(this.line().replace(/^(['"])(.*)\1$/, '$2'));
      case 'B':
        return push(Uint8Array.from(this.take(this.uint(4))));
      case 'C':
        return push(Uint8Array.from(this.take(this.uint(1))));
      case '\x8e': // BINBYTES8
        return push(Uint8Array.from(this.take(this.long())));
      default:
        return false;
    }
  }

  /** Opcodes that work on the stack. */
  private container(code: number): boolean {
    const { stack, memo } = this;
    switch (String.fromCharCode(code)) {
      case '(':
        stack.push(MARK);
        return true;
      case '0': // POP takes a mark, too
        if (stack.pop() === undefined) this.rules.fail('its pickle takes from an empty stack');
        return true;
      case '1':
        this.popMark();
        return true;
      case '2':
        stack.push(this.top());
        return true;
      case ']':
        stack.push([]);
        return true;
      case ')':
        stack.push([]);
        return true;
      case '}':
        stack.push(new Map());
        return true;
      case 'l':
      case 't':
        stack.push(this.popMark());
        return true;
      case 'd':
        stack.push(this.pairs(this.popMark()));
        return true;
      case '\x85':
      case '\x86':
      case '\x87': // TUPLE1 to TUPLE3
        stack.push(this.tuple(code - 0x84));
        return true;
      case 'a': {
        const item = this.pop();
        this.extend([item]);
        return true;
      }
      case 'e':
        this.extend(this.popMark());
        return true;
      case 's':
        this.setItems(this.tuple(2));
        return true;
      case 'u':
        this.setItems(this.popMark());
        return true;
      case 'q':
        memo.set(this.uint(1), this.top());
        return true;
      case 'r':
        memo.set(this.uint(4), this.top());
        return true;
      case 'p':
        memo.set(Number(this.decimal(this.line())), this.top());
        return true;
      case '\x94': // MEMOIZE
        memo.set(memo.size, this.top());
        return true;
      case 'h':
        this.recall(this.uint(1));
        return true;
      case 'j':
        this.recall(this.uint(4));
        return true;
      case 'g':
        this.recall(this.decimal(this.line()));
        return true;
      case 'c':
        this.global(this.line(), this.line());
        return true;
      case 'i': // INST: a global called with what lies above the mark
        this.global(this.line(), this.line());
        return this.rules.fail('its pickle makes an object in a way no state dict does');
      case '\x93': {
        // STACK_GLOBAL
        const [module, name] = this.tuple(2);
        this.global(module, name);
        return true;
      }
      case 'R':
      case '\x81': // NEWOBJ: for the few classes of the table the same as calling them
        this.reduce();
        return true;
      case 'b': {
        // BUILD: OrderedDict's attributes (_metadata) say nothing about values; nothing else may have a state.
        this.pop();
        if (!(this.top() instanceof Map)) this.rules.fail('its pickle sets the state of what has none');
        return true;
      }
      case 'Q':
        stack.push(this.rules.persistent(this.pop()));
        return true;
      default:
        return false;
    }
  }
}

/**
 * Reads one pickle from `bytes` at `position`: lists and tuples become arrays, dicts Maps, byte strings Uint8Arrays.
 *
 * @returns the value and the position behind it.
 */
export function unpickle(bytes: Buffer, position: number, rules: PickleRules): { value: unknown; position: number } {
  const machine = new Machine(bytes, position, rules);
  const value = machine.run();
  return { value, position: machine.position };
}
