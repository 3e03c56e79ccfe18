//! Nodes by number, in pieces of a fixed size: no doubling, so that a 4 MiB body of tiny elements fits an instance.

use crate::fault::Fault;

/// No node.
pub const NIL: u32 = u32::MAX;

/// Small enough to waste little on a small document, large enough to allocate seldom.
const CHUNK: usize = 1024;

/// Nodes that refer to each other by number.
#[derive(Debug)]
pub struct Arena<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { chunks: Vec::new() }
    }
}

impl<T: Copy> Arena<T> {
    /// Add a node. Running out of memory is a fault of the document, not a crash.
    pub fn push(&mut self, node: T) -> Result<u32, Fault> {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            let mut chunk = Vec::new();
            // A first chunk grows as it likes: most documents have far fewer nodes than a chunk holds.
            let room = if self.chunks.is_empty() { 64 } else { CHUNK };
            chunk.try_reserve_exact(room).map_err(|_| out_of_memory())?;
            self.chunks.try_reserve(1).map_err(|_| out_of_memory())?;
            self.chunks.push(chunk);
        }
        let chunks = self.chunks.len() - 1;
        let chunk = &mut self.chunks[chunks];
        chunk.push(node);
        Ok((chunks * CHUNK + chunk.len() - 1) as u32)
    }

    /// The node of that number.
    pub fn get(&self, id: u32) -> T {
        self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    /// The node of that number, to change.
    pub fn get_mut(&mut self, id: u32) -> &mut T {
        &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }
}

fn out_of_memory() -> Fault {
    Fault::too_large("the document needs more memory than the statement may use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_their_numbers_across_chunks() {
        let mut arena = Arena::default();
        for i in 0..5000u32 {
            assert_eq!(arena.push(i).unwrap(), i);
        }
        *arena.get_mut(1024) = 7;
        assert_eq!((arena.get(0), arena.get(1023), arena.get(1024), arena.get(4999)), (0, 1023, 7, 4999));
    }
}
