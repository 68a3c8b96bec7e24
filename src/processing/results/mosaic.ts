// GeoTIFF tiles as one image for each CRS: a VRT, which GDAL and what is built on it open like a file.
import type { PlanDocument } from '../manifest.js'
import { type TileResult, withOutput } from './tile-result.js'

export interface Mosaic {
  /** Relative to the output folder. */
  path: string
  text: string
}

type Done = ReturnType<typeof withOutput>[number]

/** How far the corners of two tiles may be from one lattice, in pixels. */
const LATTICE_PX = 0.01

/**
 * The mosaics, and why there are none or fewer than there might be. Tiles of one file each can be laid side by side:
 * composites of all of time, in GeoTIFF. Stacks have other times in each tile.
 */
export function mosaicsOf(shared: PlanDocument, tiles: readonly TileResult[]): { mosaics: Mosaic[]; notes: string[] } {
  const { format } = shared
  const done = withOutput(tiles)
  if (format !== 'cog' && format !== 'geotiff') return { mosaics: [], notes: [] }
  if (!done.every(({ output }) => output.name.endsWith('.tif'))) {
    return { mosaics: [], notes: ['a mosaic is made of composites; a stack has other time steps in each tile'] }
  }
  const groups = new Map<string, Done[]>()
  for (const tile of done) {
    const { epsg, crs } = tile.result
    const name = epsg === undefined ? crs : `EPSG:${epsg}`
    groups.set(name, [...(groups.get(name) ?? []), tile])
  }
  const mosaics: Mosaic[] = []
  const notes: string[] = []
  for (const [crs, group] of groups) {
    const first = group[0]
    if (first === undefined) continue
    const isApart = group.some((tile) => !sharesLattice(tile, first))
    if (isApart) notes.push(`tiles in ${crs} do not share one lattice or one set of variables: no mosaic of them`)
    else mosaics.push({ path: `mosaic-${crs.replace(/[^\w]+/g, '-')}.vrt`, text: vrtOf(crs, group, first) })
  }
  return { mosaics, notes }
}

function sharesLattice({ result }: Done, { result: first }: Done): boolean {
  const [x0 = 0, dx = 1, , y0 = 0, , dy = -1] = result.geotransform
  const [firstX = 0, firstDx = 1, , firstY = 0, , firstDy = -1] = first.geotransform
  const off = (value: number) => Math.abs(value - Math.round(value))
  return (
    dx === firstDx &&
    dy === firstDy &&
    off((x0 - firstX) / dx) < LATTICE_PX &&
    off((y0 - firstY) / dy) < LATTICE_PX &&
    result.variables.join() === first.variables.join()
  )
}

function vrtOf(crs: string, group: readonly Done[], { result }: Done): string {
  const [, dx = 1, , , , dy = -1] = result.geotransform
  const lefts = group.map((tile) => tile.result.geotransform[0] ?? 0)
  const tops = group.map((tile) => tile.result.geotransform[3] ?? 0)
  const [left, top] = [Math.min(...lefts), Math.max(...tops)]
  const places = group.map((tile, index) => {
    const column = Math.round(((lefts[index] ?? 0) - left) / dx)
    const row = Math.round(((tops[index] ?? 0) - top) / dy)
    return { tile, column, row }
  })
  const width = Math.max(...places.map(({ column, tile }) => column + tile.result.width))
  const height = Math.max(...places.map(({ row, tile }) => row + tile.result.height))
  const bands = result.variables.map((name, band) => {
    // Grids of neighbours overlap by the pixels that the other one leaves missing.
    const sources = places.map(({ tile, column, row }) => {
      const size = `xSize="${tile.result.width}" ySize="${tile.result.height}"`
      return [
        '    <ComplexSource>',
        `      <SourceFilename relativeToVRT="1">${escaped(tile.output.name)}</SourceFilename>`,
        `      <SourceBand>${band + 1}</SourceBand>`,
        `      <SrcRect xOff="0" yOff="0" ${size}/>`,
        `      <DstRect xOff="${column}" yOff="${row}" ${size}/>`,
        '      <NODATA>nan</NODATA>',
        '    </ComplexSource>',
      ].join('\n')
    })
    return [
      `  <VRTRasterBand dataType="Float32" band="${band + 1}">`,
      `    <Description>${escaped(name)}</Description>`,
      '    <NoDataValue>nan</NoDataValue>',
      ...sources,
      '  </VRTRasterBand>',
    ].join('\n')
  })
  return [
    `<VRTDataset rasterXSize="${width}" rasterYSize="${height}">`,
    `  <SRS dataAxisToSRSAxisMapping="1,2">${escaped(crs)}</SRS>`,
    `  <GeoTransform>${[left, dx, 0, top, 0, dy].join(', ')}</GeoTransform>`,
    ...bands,
    '</VRTDataset>\n',
  ].join('\n')
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
