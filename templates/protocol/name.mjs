// The name of a protocol, in the forms that its files need.

/** Types that the files of a protocol use, so that it cannot have their names. */
const types = ['connection', 'error', 'io', 'message', 'option-error', 'options', 'outgoing'];
types.push('protocol', 'role', 'self', 'session', 'step');
/** Names that the files in JavaScript use. */
const used = ['addon', 'connect', 'dial', 'echo', 'later', 'listen', 'main', 'measure', 'once'];
used.push('target', 'test');
/** What is no name in JavaScript. */
const reserved =
  'arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try typeof var void while with yield'.split(
    ' ',
  );

/** Why the name cannot be used; `undefined` if it can. */
export function refusal(name) {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(name) || name.length > 40) {
    return 'a name has at most 40 small letters, digits and single hyphens, and begins with a letter';
  }
  if (name.startsWith('edgepoll')) return "leave out 'edgepoll': the package gets it in front";
  if ([...types, ...used, ...reserved].includes(name)) return 'the files use this word themselves';
  return undefined;
}

/** The forms of a name, by the form of `protocol-name` that stands for each in the files. */
export function formsOf(name) {
  const words = name.split('-');
  const [first, ...rest] = words;
  const upper = (word) => word[0].toUpperCase() + word.slice(1);
  return {
    'protocol-name': name,
    protocol_name: words.join('_'),
    protocolName: [first, ...rest.map(upper)].join(''),
    ProtocolName: words.map(upper).join(''),
  };
}
