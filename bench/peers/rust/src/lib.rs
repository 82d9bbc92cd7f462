// SPDX-License-Identifier: MIT
//! What peers in Rust share: the words of ../../README.md.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::time::Instant;

pub type Anything<T> = Result<T, Box<dyn Error>>;

/// A library that does the operations.
pub trait Peer {
    /// Uses this pinned map from now on.
    fn open(&mut self, kind: &str, path: &str) -> Anything<()>;
    /// The library's name of an operation; empty if it has none.
    fn way(&self, operation: &str) -> &'static str;
    /// Does the operation and gives its result.
    fn run(&mut self, operation: &str, keys: &[u32]) -> Anything<u64>;
}

pub fn value_of(key: u32) -> u64 {
    u64::from(key) + 1
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

struct Server<P> {
    name: &'static str,
    peer: P,
    all: Vec<u32>, // the shuffled keys
}

impl<P: Peer> Server<P> {
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

    fn answer(&mut self, line: &str) -> Anything<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        Ok(match words[..] {
            ["hello"] => format!("{} {}, {}", self.name, env!("PEER_VERSION"), env!("PEER_RUSTC")),
            ["open", kind, path] => self.peer.open(kind, path).map(|()| "ok".to_string())?,
            ["ways", operation, ..] => self.peer.way(operation).to_string(),
            [operation, _, ref arguments @ ..] => {
                let keys = self.keys(arguments)?;
                let start = Instant::now();
                let result = self.peer.run(operation, &keys)?;
                format!("{} {}", start.elapsed().as_nanos(), result)
            }
            _ => return Err("what?".into()),
        })
    }
}

/// Answers the lines of standard input until it ends.
pub fn serve(name: &'static str, peer: impl Peer) -> io::Result<()> {
    let mut server = Server { name, peer, all: Vec::new() };
    for line in io::stdin().lock().lines() {
        let answer = server.answer(&line?).unwrap_or_else(|error| format!("error {error}"));
        writeln!(io::stdout(), "{answer}")?;
    }
    Ok(())
}
