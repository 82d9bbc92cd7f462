// SPDX-License-Identifier: MIT
//! aya, as a peer; ../../../README.md says what a peer is.

use aya::maps::{HashMap, Map, MapData, PerCpuArray};
use bpfmap_bench_peers::{serve, value_of, Anything, Peer};

enum Opened {
    Nothing,
    Hash(HashMap<MapData, u32, u64>),
    PerCpuArray(PerCpuArray<MapData, u64>),
}

impl Peer for Opened {
    fn open(&mut self, kind: &str, path: &str) -> Anything<()> {
        let data = MapData::from_pin(path)?;
        *self = match kind {
            "hash" => Opened::Hash(HashMap::try_from(Map::HashMap(data))?),
            _ => Opened::PerCpuArray(PerCpuArray::try_from(Map::PerCpuArray(data))?),
        };
        Ok(())
    }

    fn way(&self, operation: &str) -> &'static str {
        match operation {
            "get" => "get",
            "put" => "insert",
            "erase" => "remove",
            "walk" | "reduce" => "iter",
            "drain" => "keys,remove",
            _ => "",
        }
    }

    fn run(&mut self, operation: &str, keys: &[u32]) -> Anything<u64> {
        let mut result = 0;
        match self {
            Opened::Nothing => return Err("open a map first".into()),
            Opened::PerCpuArray(array) => {
                for element in array.iter() {
                    result += element?.iter().sum::<u64>();
                }
            }
            Opened::Hash(hash) => match operation {
                "get" => {
                    for key in keys {
                        result += hash.get(key, 0)?;
                    }
                }
                "put" => {
                    for key in keys {
                        hash.insert(key, value_of(*key), 0)?;
                        result += 1;
                    }
                }
                "erase" => {
                    for key in keys {
                        hash.remove(key)?;
                        result += 1;
                    }
                }
                "walk" => {
                    for entry in hash.iter() {
                        result += entry?.1;
                    }
                }
                "drain" => {
                    let there = hash.keys().collect::<Result<Vec<u32>, _>>()?;
                    for key in there {
                        hash.remove(&key)?;
                    }
                }
                _ => return Err(format!("no such operation: {operation}").into()),
            },
        }
        Ok(result)
    }
}

fn main() -> std::io::Result<()> {
    serve("aya", Opened::Nothing)
}
