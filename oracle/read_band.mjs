// Reads bands through the package's own door: node read_band.mjs GRANULE FOLDER BAND... writes FOLDER/BAND.raw, prints JSON.
import { writeFileSync } from 'node:fs'
import { ASTERDataAccess } from '../dist/index.js'

const [granule, folder, ...bands] = process.argv.slice(2)
const dataset = await new ASTERDataAccess().openDataset(granule)
const facts = []
for (const name of bands) {
  const { data, ...rest } = await dataset.readBand(name, { calibration: 'dn' })
  writeFileSync(`${folder}/${name}.raw`, Buffer.from(data.buffer, data.byteOffset, data.byteLength))
  facts.push({ ...rest, type: data.constructor.name })
}
console.log(JSON.stringify(facts))
