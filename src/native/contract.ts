// The types of the native addon, under one name inside the package.
export type * from '../../index.js'

/** Everything the addon exports, as functions; a job object only ever comes from `startCube`. */
export type NativeModule = Omit<typeof import('../../index.js'), 'CubeJob'>
