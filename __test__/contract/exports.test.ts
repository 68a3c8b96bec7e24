// The public names of the package: adding one is a promise, removing one breaks users.
import { expect, test } from 'vitest'
import * as aster from '../../src/index.js'

test('the package exports these values', () => {
  expect(Object.keys(aster).sort()).toEqual([
    'ASTERCatalog',
    'ASTERDataAccess',
    'ASTERDataset',
    'ASTERTimeSeries',
    'AbortError',
    'AsterError',
    'AuthError',
    'BoundingBox',
    'DataError',
    'GlobalASTERProcessor',
    'InternalError',
    'NetworkError',
    'NotFoundError',
    'OutputError',
    'Polygon',
    'REGIONS',
    'RemoteDataset',
    'ResourceError',
    'SlurmEngine',
    'UsageError',
    'applyRadianceConversion',
    'brightnessTemperature',
    'isLocalScene',
    'loadRegion',
    'parsePolygon',
    'parseScenes',
    'planRequest',
    'readRequest',
    'tiles',
    'writeRequest',
  ])
})
