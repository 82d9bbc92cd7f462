// SPDX-License-Identifier: MIT
//! libbpf-rs, as a peer; ../../../README.md says what a peer is.

use bpfmap_bench_peers::{serve, value_of, Anything, Peer};
use libbpf_rs::{MapCore, MapFlags, MapHandle};

const BLOCK: usize = 4096; // of a batch: larger ones gain nothing

#[derive(Default)]
struct Opened(Option<MapHandle>);

fn number(bytes: &[u8]) -> Anything<u64> {
    Ok(u64::from_ne_bytes(bytes.try_into()?))
}

fn bytes_of(keys: &[u32]) -> Vec<u8> {
    keys.iter().flat_map(|key| key.to_ne_bytes()).collect()
}

impl Peer for Opened {
    fn open(&mut self, _kind: &str, path: &str) -> Anything<()> {
        self.0 = Some(MapHandle::from_pinned_path(path)?);
        Ok(())
    }

    fn way(&self, operation: &str) -> &'static str {
        match operation {
            "get" => "lookup_into",
            "put" => "update",
            "put_batch" => "update_batch",
            "erase" => "delete",
            "erase_batch" => "delete_batch",
            "walk" => "keys,lookup_into",
            "walk_batch" => "lookup_batch",
            "drain_batch" => "lookup_and_delete_batch",
            "reduce" => "lookup_percpu",
            _ => "",
        }
    }

    fn run(&mut self, operation: &str, keys: &[u32]) -> Anything<u64> {
        let map = self.0.as_ref().ok_or("open a map first")?;
        let any = MapFlags::ANY;
        let mut value = [0; 8];
        let mut result = 0;
        match operation {
            "get" => {
                for key in keys {
                    if map.lookup_into(&key.to_ne_bytes(), &mut value, any)? {
                        result += u64::from_ne_bytes(value);
                    }
                }
            }
            "put" => {
                for key in keys {
                    map.update(&key.to_ne_bytes(), &value_of(*key).to_ne_bytes(), any)?;
                    result += 1;
                }
            }
            "put_batch" => {
                for block in keys.chunks(BLOCK) {
                    let values: Vec<u8> = block.iter().flat_map(|key| value_of(*key).to_ne_bytes()).collect();
                    map.update_batch(&bytes_of(block), &values, block.len() as u32, any, any)?;
                    result += block.len() as u64;
                }
            }
            "erase" => {
                for key in keys {
                    map.delete(&key.to_ne_bytes())?;
                    result += 1;
                }
            }
            "erase_batch" => {
                for block in keys.chunks(BLOCK) {
                    map.delete_batch(&bytes_of(block), block.len() as u32, any, any)?;
                    result += block.len() as u64;
                }
            }
            "walk" => {
                for key in map.keys() {
                    if map.lookup_into(&key, &mut value, any)? {
                        result += u64::from_ne_bytes(value);
                    }
                }
            }
            // One batch for all: later ones give up at the first that is not filled.
            "walk_batch" => {
                for (_, found) in map.lookup_batch(map.max_entries(), any, any)? {
                    result += number(&found)?;
                }
            }
            "drain_batch" => {
                for (_, found) in map.lookup_and_delete_batch(map.max_entries(), any, any)? {
                    result += number(&found)?;
                }
            }
            "reduce" => {
                for index in 0..map.max_entries() {
                    for slot in map.lookup_percpu(&index.to_ne_bytes(), any)?.ok_or("no such index")? {
                        result += number(&slot)?;
                    }
                }
            }
            _ => return Err(format!("no such operation: {operation}").into()),
        }
        Ok(result)
    }
}

fn main() -> std::io::Result<()> {
    serve("libbpf-rs", Opened::default())
}
