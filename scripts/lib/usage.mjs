// The arguments of scripts that take few or none.

/** Ends the process with code 2 and the usage if it has an argument that is not in `allowed`. */
export function refuseOtherArguments(usage, allowed = []) {
  const unknown = process.argv.slice(2).find((argument) => !allowed.includes(argument));
  if (unknown === undefined) return;
  console.error(`unknown argument '${unknown}'. usage: ${usage}`);
  process.exit(2);
}
