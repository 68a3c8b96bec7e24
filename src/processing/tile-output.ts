// What a tile holds: all its scenes along time, or statistics of them.

export const TILE_OUTPUTS = ['stack', 'composite'] as const
export type TileOutput = (typeof TILE_OUTPUTS)[number]
