// Takes secrets out of addresses and texts before they reach a message or a log.

/** Up to a blank, a quote or a bracket, without the punctuation of the sentence around it. */
const ADDRESS = /\bhttps?:\/\/[^\s"'<>\\]+?(?=[.,;:!?)\]}]*(?:[\s"'<>\\]|$))/gi
const SCHEME_AND_CREDENTIALS = /\b(Bearer|Basic|Negotiate)\s+[\w.~+/=-]{8,}/gi
const JSON_WEB_TOKEN = /\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/g
const SECRET_FIELD =
  /\b((?:access_|refresh_|id_)?token|sig|signature|x-amz-[a-z-]+|policy|key-pair-id|password|passwd|code|state|cookie)(["']?\s*[=:]\s*["']?)[^&\s"',;}]+/gi

/** An address without user, password, query and fragment: what may be shown of it. */
export function safeUrl(url: string | URL): string {
  const parsed = typeof url === 'string' ? parse(url) : url
  return parsed === undefined ? '(not a URL)' : `${parsed.origin}${parsed.pathname}`
}

/** A text with everything that looks like a secret replaced; for what services and systems say. */
export function redact(text: string): string {
  return text
    .replace(ADDRESS, (address) => safeUrl(address))
    .replace(SCHEME_AND_CREDENTIALS, '$1 [removed]')
    .replace(JSON_WEB_TOKEN, '[removed]')
    .replace(SECRET_FIELD, '$1$2[removed]')
}

function parse(url: string): URL | undefined {
  try {
    return new URL(url)
  } catch {
    return undefined
  }
}
