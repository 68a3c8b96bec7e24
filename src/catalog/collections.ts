// The one table of collections in NASA's catalogue: concept id by product and version.

/** Product, then version. */
export type CollectionTable = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Provider of all of them. */
export const PROVIDER = 'LPCLOUD'
/** Product of a remote search that names none. */
export const DEFAULT_PRODUCT = 'AST_L1T'
/** Version that is asked for unless another is named; the only one that is still produced. */
export const DEFAULT_VERSION = '004'

export const COLLECTIONS: CollectionTable = {
  AST_L1A: { '004': 'C3306888985-LPCLOUD', '003': 'C2089286707-LPCLOUD' },
  AST_L1B: { '004': 'C3306888201-LPCLOUD', '003': 'C3553655804-LPCLOUD' },
  AST_L1T: { '004': 'C3306888411-LPCLOUD', '003': 'C3553657415-LPCLOUD', '031': 'C3553658561-LPCLOUD' },
  AST_05: { '004': 'C3306858335-LPCLOUD', '003': 'C3553450393-LPCLOUD' },
  AST_07: { '004': 'C3306877498-LPCLOUD', '003': 'C3553649483-LPCLOUD' },
  AST_07XT: { '004': 'C3306884993-LPCLOUD', '003': 'C3553649994-LPCLOUD' },
  AST_08: { '004': 'C3306885674-LPCLOUD', '003': 'C3553651062-LPCLOUD' },
  AST_09: { '004': 'C3306886555-LPCLOUD', '003': 'C3553651966-LPCLOUD' },
  AST_09XT: { '004': 'C3306887285-LPCLOUD', '003': 'C3553653245-LPCLOUD' },
  AST_09T: { '004': 'C3306887110-LPCLOUD', '003': 'C3553652705-LPCLOUD' },
  AST14DEM: { '004': 'C3306855744-LPCLOUD', '003': 'C3553659344-LPCLOUD' },
}

/** Products whose records carry no cloud cover; a filter on it at the service would leave all of them out. */
export const WITHOUT_CLOUD_COVER: ReadonlySet<string> = new Set(['AST14DEM'])

export interface CollectionOptions {
  provider?: string | undefined
  /** Ids that replace or add to the table, for collections that were created anew. */
  collections?: CollectionTable | undefined
}

/** Parameters that restrict a query to one collection: by id where one is known, else by name. */
export function collectionParameters(
  product: string,
  version: string,
  { provider = PROVIDER, collections = {} }: CollectionOptions,
): [string, string][] {
  const id = collections[product]?.[version] ?? COLLECTIONS[product]?.[version]
  if (id !== undefined) return [['collection_concept_id', id]]
  return [
    ['provider', provider],
    ['short_name', product],
    ['version', version],
  ]
}
