// SPDX-License-Identifier: MIT
//! aya, as a peer; ../../README.md says what a peer is.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

use aya::maps::{HashMap, Map, MapData, PerCpuArray};

type Anything<T> = Result<T, Box<dyn Error>>;

enum Opened {
    Nothing,
    Hash(HashMap<MapData, u32, u64>),
    PerCpuArray(PerCpuArray<MapData, u64>),
}

struct State {
    opened: Opened,
    all: Vec<u32>, // the shuffled keys
}

fn shuffled(range: usize) -> Vec<u32> {
    let mut keys: Vec<u32> = (0..range as u32).collect();
    let mut x: u64 = 1;
    for i in (1..range).rev() {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        keys.swap(i, ((x >> 33) % (i as u64 + 1)) as usize);
    }
    keys
}

impl State {
    fn open(&mut self, kind: &str, path: &str) -> Anything<()> {
        let data = MapData::from_pin(path)?;
        self.opened = match kind {
            "hash" => Opened::Hash(HashMap::try_from(Map::HashMap(data))?),
            _ => Opened::PerCpuArray(PerCpuArray::try_from(Map::PerCpuArray(data))?),
        };
        Ok(())
    }

    fn keys(&mut self, arguments: &[&str]) -> Anything<Vec<u32>> {
        let [first, count, range] = arguments else {
            return Ok(Vec::new());
        };
        let (first, count, range): (usize, usize, usize) = (first.parse()?, count.parse()?, range.parse()?);
        if self.all.len() != range {
            self.all = shuffled(range);
        }
        Ok((0..count).map(|i| self.all[(first + i) % range]).collect())
    }

    fn run(&mut self, operation: &str, keys: &[u32]) -> Anything<u64> {
        let mut result = 0;
        match &mut self.opened {
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
                        hash.insert(key, u64::from(*key) + 1, 0)?;
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

    fn answer(&mut self, line: &str) -> Anything<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            ["hello"] => format!("aya {}, {}", env!("PEER_VERSION"), env!("PEER_RUSTC")),
            ["open", kind, path] => self.open(kind, path).map(|()| "ok".to_string())?,
            ["ways", operation, ..] => match operation {
                "get" => "get",
                "put" => "insert",
                "erase" => "remove",
                "walk" | "reduce" => "iter",
                "drain" => "keys,remove",
                _ => "",
            }
            .to_string(),
            [operation, _, ref arguments @ ..] => {
                let keys = self.keys(arguments)?;
                let start = Instant::now();
                let result = self.run(operation, &keys)?;
                format!("{} {}", start.elapsed().as_nanos(), result)
            }
            _ => return Err("what?".into()),
        })
    }
}

fn main() -> io::Result<()> {
    let mut state = State { opened: Opened::Nothing, all: Vec::new() };
    for line in io::stdin().lock().lines() {
        let answer = state.answer(&line?).unwrap_or_else(|error| format!("error {error}"));
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}
