//! Prefix codes of least length under a limit, canonical as RFC 1951, 3.2.2 wants them.
use super::bits::Code;

/// Most symbols of one code: literals, end of block and lengths.
pub(super) const MAX_SYMBOLS: usize = 286;
/// Longest code of the format.
const MAX_BITS: usize = 15;

/// Lengths of the codes of symbols with the given counts, none longer than `limit` (at most 15); 0 for symbols
/// that do not occur. At least two symbols have to occur and `2^limit` may not be less than their number.
///
/// Huffman's lengths by two queues, then the repair of Kraft's sum that zlib and miniz use: where the limit
/// does not bind, the code is optimal.
pub(super) fn lengths<const N: usize>(counts: &[u32; N], limit: usize) -> [u8; N] {
    let mut lengths = [0; N];
    // Count above, symbol below: one sort, and ties in the order of symbols on every machine.
    let mut leaves = [0u64; MAX_SYMBOLS];
    let mut n = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count > 0 {
            leaves[n] = u64::from(count) << 16 | symbol as u64;
            n += 1;
        }
    }
    let leaves = &mut leaves[..n];
    leaves.sort_unstable();
    let depths = depths(leaves);
    // Symbols by length, the limit enforced.
    let mut by_length = [0usize; MAX_BITS + 1];
    for &depth in &depths[..n] {
        by_length[usize::from(depth).min(limit)] += 1;
    }
    let full = 1usize << limit;
    let mut taken: usize = (1..=limit).map(|length| by_length[length] << (limit - length)).sum();
    while taken > full {
        // A symbol of full length moves beside a shorter one, which becomes one bit longer.
        by_length[limit] -= 1;
        if let Some(length) = (1..limit).rev().find(|&length| by_length[length] > 0) {
            by_length[length] -= 1;
            by_length[length + 1] += 2;
        }
        taken -= 1;
    }
    let mut rarest_first = leaves.iter();
    for length in (1..=limit).rev() {
        for leaf in rarest_first.by_ref().take(by_length[length]) {
            lengths[(leaf & 0xffff) as usize] = length as u8;
        }
    }
    lengths
}

/// Depth of each leaf in Huffman's tree. Leaves come by rising count.
fn depths(leaves: &[u64]) -> [u8; MAX_SYMBOLS] {
    let n = leaves.len();
    let mut depths = [0u8; MAX_SYMBOLS];
    if n < 2 {
        depths[..n].fill(1);
        return depths;
    }
    // Inner nodes arise by rising weight: they are a second sorted queue.
    let mut weight = [0u64; MAX_SYMBOLS];
    let mut parent_of_leaf = [0usize; MAX_SYMBOLS];
    let mut parent = [0usize; MAX_SYMBOLS];
    let (mut leaf, mut inner) = (0, 0);
    for node in 0..n - 1 {
        for _ in 0..2 {
            if inner >= node || leaf < n && leaves[leaf] >> 16 <= weight[inner] {
                weight[node] += leaves[leaf] >> 16;
                parent_of_leaf[leaf] = node;
                leaf += 1;
            } else {
                weight[node] += weight[inner];
                parent[inner] = node;
                inner += 1;
            }
        }
    }
    // The root is the last; depths saturate, as no limit is beyond 15.
    let mut depth_of_node = [0u8; MAX_SYMBOLS];
    for node in (0..n - 2).rev() {
        depth_of_node[node] = depth_of_node[parent[node]].saturating_add(1);
    }
    for (depth, &node) in depths.iter_mut().zip(&parent_of_leaf[..n]) {
        *depth = depth_of_node[node].saturating_add(1);
    }
    depths
}

/// Canonical codes of these lengths, first bit lowest.
pub(super) fn codes<const N: usize>(lengths: &[u8; N]) -> [Code; N] {
    let mut by_length = [0u32; MAX_BITS + 1];
    for &length in lengths {
        by_length[usize::from(length)] += u32::from(length > 0);
    }
    let mut next = [0u32; MAX_BITS + 1];
    for length in 1..=MAX_BITS {
        next[length] = (next[length - 1] + by_length[length - 1]) << 1;
    }
    let mut codes = [Code::default(); N];
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length > 0 {
            let first = &mut next[usize::from(length)];
            *code = Code::new((first.reverse_bits() >> (32 - u32::from(length))) as u16, length);
            *first += 1;
        }
    }
    codes
}
