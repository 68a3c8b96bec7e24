// Writes cloud-optimised GeoTIFFs of one 8-bit band: header first, then tiles, row by row.
import { deflateSync } from 'node:zlib'

export interface TiffChoices {
  readonly columns: number
  readonly rows: number
  /** Side of a tile in pixels. */
  readonly tile: number
  /** Metres. */
  readonly pixel: number
  /** Easting and northing of the upper left corner. */
  readonly left: number
  readonly top: number
  readonly epsg: number
  value(column: number, row: number): number
}

export interface Tiff {
  readonly bytes: Uint8Array
  /** Stored bytes of each tile, row by row. */
  readonly tileBytes: readonly number[]
  readonly tilesAcross: number
}

/** Type and size of a TIFF field's numbers. */
const SHORT = 3
const LONG = 4
const DOUBLE = 12

export function cogOf(choices: TiffChoices): Tiff {
  const { columns, rows, tile, pixel, left, top, epsg } = choices
  const [across, down] = [Math.ceil(columns / tile), Math.ceil(rows / tile)]
  const tiles = Array.from({ length: across * down }, (_, index) =>
    deflateSync(pixelsOf(choices, (index % across) * tile, Math.floor(index / across) * tile), { level: 1 }),
  )
  const keys = [1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, epsg]
  const fields: [number, number, number[]][] = [
    [256, LONG, [columns]],
    [257, LONG, [rows]],
    [258, SHORT, [8]],
    [259, SHORT, [8]],
    [262, SHORT, [1]],
    [277, SHORT, [1]],
    [322, LONG, [tile]],
    [323, LONG, [tile]],
    [324, LONG, tiles.map(() => 0)],
    [325, LONG, tiles.map(({ length }) => length)],
    [33_550, DOUBLE, [pixel, pixel, 0]],
    [33_922, DOUBLE, [0, 0, 0, left, top, 0]],
    [34_735, SHORT, keys],
  ]
  const bytesOf = (type: number) => (type === SHORT ? 2 : type === LONG ? 4 : 8)
  const directory = 8 + 2 + 12 * fields.length + 4
  const values = fields.map(([, type, numbers]) =>
    numbers.length * bytesOf(type) > 4 ? numbers.length * bytesOf(type) : 0,
  )
  const head = directory + values.reduce((sum, length) => sum + length, 0)
  let at = head
  const offsets = tiles.map(({ length }) => {
    at += length
    return at - length
  })
  const header = Buffer.alloc(head)
  header.write('II*\0', 'latin1')
  header.writeUInt32LE(8, 4)
  header.writeUInt16LE(fields.length, 8)
  let free = directory
  for (const [index, [tag, type, given]] of fields.entries()) {
    const numbers = tag === 324 ? offsets : given
    const entry = 10 + 12 * index
    header.writeUInt16LE(tag, entry)
    header.writeUInt16LE(type, entry + 2)
    header.writeUInt32LE(numbers.length, entry + 4)
    const size = numbers.length * bytesOf(type)
    let place = entry + 8
    if (size > 4) {
      header.writeUInt32LE(free, entry + 8)
      place = free
      free += size
    }
    for (const number of numbers) {
      if (type === SHORT) header.writeUInt16LE(number, place)
      else if (type === LONG) header.writeUInt32LE(number, place)
      else header.writeDoubleLE(number, place)
      place += bytesOf(type)
    }
  }
  return { bytes: Buffer.concat([header, ...tiles]), tileBytes: tiles.map(({ length }) => length), tilesAcross: across }
}

function pixelsOf({ columns, rows, tile, value }: TiffChoices, left: number, top: number): Uint8Array {
  const pixels = new Uint8Array(tile * tile)
  for (let y = 0; y < tile && top + y < rows; y += 1) {
    for (let x = 0; x < tile && left + x < columns; x += 1) pixels[y * tile + x] = value(left + x, top + y)
  }
  return pixels
}
