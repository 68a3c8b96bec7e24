//! Skipping Huffman: interleaved byte planes, each with its own self-adjusting tree.
#![forbid(unsafe_code)]

use super::{Fault, TOO_SHORT};

const LEAVES: usize = 256;
const NODES: usize = 2 * LEAVES;
const ROOT: u16 = 0;

/// A tree with inner nodes 0..256 and leaves 256..512; node 0 is the root.
struct Tree {
    left: [u16; LEAVES],
    right: [u16; LEAVES],
    up: [u16; NODES],
}

impl Tree {
    fn new() -> Tree {
        Tree {
            left: std::array::from_fn(|i| (i << 1) as u16),
            right: std::array::from_fn(|i| ((i << 1) + 1) as u16),
            up: std::array::from_fn(|i| (i >> 1) as u16),
        }
    }

    /// Shortens the path to a leaf, two levels at a time; the order of these steps is part of the format.
    fn splay(&mut self, leaf: u16) {
        let mut a = leaf;
        while a != ROOT {
            let c = self.up[usize::from(a)];
            if c == ROOT {
                return;
            }
            let d = self.up[usize::from(c)];
            let (dn, cn) = (usize::from(d), usize::from(c));
            let b = if self.left[dn] == c {
                std::mem::replace(&mut self.right[dn], a)
            } else {
                std::mem::replace(&mut self.left[dn], a)
            };
            if self.left[cn] == a {
                self.left[cn] = b;
            } else {
                self.right[cn] = b;
            }
            self.up[usize::from(a)] = d;
            self.up[usize::from(b)] = c;
            a = d;
        }
    }
}

/// Fills `out` with the decoded bytes after the first `skip`.
pub(super) fn decode(input: &[u8], planes: usize, skip: u64, out: &mut [u8]) -> Result<(), Fault> {
    let mut trees: Vec<Tree> = (0..planes.max(1)).map(|_| Tree::new()).collect();
    let (mut bytes, mut held, mut count) = (input.iter(), 0u8, 0u32);
    let mut turn = 0;
    let mut symbol = || -> Result<u8, Fault> {
        let tree = &mut trees[turn];
        turn = if turn + 1 == planes { 0 } else { turn + 1 };
        let mut node = ROOT;
        // A sound tree is at most 256 levels deep: more means the stream has led into a loop.
        for _ in 0..=NODES {
            if count == 0 {
                held = *bytes.next().ok_or(TOO_SHORT)?;
                count = 8;
            }
            let inner = usize::from(node);
            node = if held & 0x80 == 0 { tree.left[inner] } else { tree.right[inner] };
            held <<= 1;
            count -= 1;
            if usize::from(node) >= LEAVES {
                tree.splay(node);
                return Ok((usize::from(node) - LEAVES) as u8);
            }
        }
        Err(Fault::Borrowed("the huffman tree does not end"))
    };
    for _ in 0..skip {
        symbol()?;
    }
    for value in out {
        *value = symbol()?;
    }
    Ok(())
}
