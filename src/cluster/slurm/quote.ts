// Quotes words for the three readers of a script: bash, the `#SBATCH` lines, and file names that Slurm fills in.

/** A word for bash. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** A line for sbatch. Its values are split like shell words, but a backslash before a blank does not hold them together. */
export function directive(name: string, value?: string): string {
  if (value === undefined) return `#SBATCH --${name}`
  const isPlain = /^[\w@%+=:,./-]+$/.test(value)
  return `#SBATCH --${name}=${isPlain ? value : `"${value.replace(/[\\"]/g, '\\$&')}"`}`
}

/** A path for `--output`, in which Slurm replaces `%j` and its like. */
export function logPath(path: string): string {
  return path.replaceAll('%', '%%')
}
