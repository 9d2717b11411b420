// What qemu cannot do when it emulates a processor for one program: the tests of the portable part that are left out under it, by
// name, each with the reason. docs/packaging.md shows this list.

const drivers = ['uv', 'thread'];

/** `tests` are titles by spec. With `only`, the limit is that of these targets. */
const limits = [
  {
    reason:
      'qemu passes the content of control messages that it does not know to the kernel as it is, and does not swap its bytes',
    only: ['linux-s390x-gnu'],
    tests: {
      'fd/control': [
        'packet information: the interface and the address of a datagram, and the source of its answer',
        'control: a burst of datagrams is sent as one segmented buffer and received as one',
      ],
    },
  },
  {
    reason: 'Node.js 20.11 cannot require ES modules',
    only: ['linux-s390x-gnu', 'linux-ppc64-gnu'],
    tests: {
      'epoll/process': [
        'import: by require, as a property, for a program that watches its stdin',
        'import: by require, taken apart, for a program that watches its stdin',
        'worker: a program in a worker',
        'no-descriptor-left: the constructor throws',
        'own-descriptor: a closed number that the package now uses counts as closed',
        'owner-closes-first: remove() throws also many turns later',
        'hangup: a program whose input ends gets an event, and can go on',
      ],
    },
  },
  {
    reason:
      'qemu refuses SO_TIMESTAMPNS and SO_TIMESTAMPING with ENOPROTOOPT, and the tests of the error queue fill it by the latter',
    tests: {
      'fd/control': ['timestamps: each of the three options, in nanoseconds since 1970'],
      'fd/error-queue-idle': [
        'error-queue: an iteration over messages sleeps beside unread entries, and still gets messages',
      ],
      'fd/error-queue': drivers.flatMap((driver) => [
        `error-queue: entries and messages are iterated beside each other, ${driver}`,
        `error-queue: an iteration that begins later gets the entries that are there, ${driver}`,
        `error-queue: an end that comes between two waits is not lost, ${driver}`,
        `error-queue: if a second wait cannot be registered, the first one rejects too, ${driver}`,
      ]),
    },
  },
  {
    reason:
      'qemu asks the kernel for more room for control messages than the program has, and drops what does not fit: it reports no truncation and closes no descriptor',
    tests: {
      'fd/control': ['control: other kinds are sent and received by level and type'],
      'fd/error-queue': [
        'error-queue: room for only a part of the packet, and for no control message',
      ],
      'fd/messages': [
        'truncated: with fewer descriptors requested than sent the rest is closed, and the message says so',
        'unrequested-descriptors: 200 with one byte, 1,000 times, and none is left',
      ],
    },
  },
  {
    reason:
      'qemu has no signals of the machine for the last four real-time signals: rt_tgsigqueueinfo, by which edgepoll lets other threads block a signal, ends with EINVAL',
    tests: {
      'fd/signals': [
        'signal-masks: a signal is read while listeners are added and removed; children and threads have their own masks',
      ],
    },
  },
  {
    reason: 'qemu lets a program join a thread before /proc has lost it',
    tests: {
      'readiness/lifetime': [
        'break-closes: leaving the loop closes every descriptor and ends every thread, thread',
      ],
    },
  },
  {
    reason: 'qemu returns a socket option that is a structure as one number',
    tests: {
      'fd/options': [
        'options: a structure is refused as a number, and complete as bytes',
        'tcpInfo: the fields of struct tcp_info',
      ],
    },
  },
];

/** The list as text in Markdown. */
export function limitsText() {
  const items = limits.map(({ reason, only, tests }) => {
    const names = Object.entries(tests).flatMap(([spec, titles]) =>
      titles.map((title) => `  - \`${spec}\`: ${title}`),
    );
    const where = only === undefined ? '' : ` (${only.map((name) => `\`${name}\``).join(', ')})`;
    return [`- ${reason}${where}:`, ...names].join('\n');
  });
  return items.join('\n');
}

/** The tests of a spec that are left out on the target `name`: `{ title, reason }` each. */
export function leftOutOf(spec, name) {
  return limits
    .filter(({ only }) => only === undefined || only.includes(name))
    .flatMap(({ reason, tests }) => (tests[spec] ?? []).map((title) => ({ title, reason })));
}
