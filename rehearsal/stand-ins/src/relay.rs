//! A TCP relay that makes a loopback connection as slow as a distant one: every byte is late by half of a round trip.
//!
//! What it does not do: limit bandwidth, lose or reorder anything, or understand what it carries. It keeps the times at
//! which each connection's side spoke, from which follows how often somebody had to wait for an answer.

use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;

/// The bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// A question and its answer on one connection, as the client sees them.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    /// When the client's first byte came.
    pub begun: Instant,
    /// When the last byte of the answer so far was handed to the client.
    pub ended: Instant,
}

/// A running relay; it ends when dropped.
#[derive(Debug)]
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Starts one in front of `target`, with this round-trip time. A connection's own handshake costs one round trip, as
    /// it does over a distance: its first bytes wait for it.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start(target: SocketAddr, round_trip: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("failed to find a free port")?;
        let address = listener.local_addr()?;
        let exchanges: Arc<Mutex<Vec<Exchange>>> = Arc::default();
        let seen = Arc::clone(&exchanges);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(relay(client, target, round_trip, Arc::clone(&seen)));
            }
        });
        Ok(Self { address, exchanges, accepting })
    }

    /// Forgets the exchanges so far and gives them.
    #[must_use]
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// How many of these exchanges had to follow each other: the most of which none began before the last had ended.
#[must_use]
pub fn rounds(exchanges: &[Exchange]) -> usize {
    let mut exchanges = exchanges.to_vec();
    exchanges.sort_by_key(|exchange| exchange.ended);
    let mut last = None;
    let follows = |exchange: &&Exchange| {
        let follows = last.is_none_or(|last| exchange.begun >= last);
        if follows {
            last = Some(exchange.ended);
        }
        follows
    };
    exchanges.iter().filter(follows).count()
}

async fn relay(client: TcpStream, target: SocketAddr, round_trip: Duration, seen: Arc<Mutex<Vec<Exchange>>>) {
    let connected = Instant::now() + round_trip;
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Small writes must not wait for each other: that would be a delay of ours.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let talk = Arc::new(Talk { seen, current: Mutex::new(None) });
    let (asking, asked) = mpsc::unbounded_channel();
    let (answering, answered) = mpsc::unbounded_channel();
    let questions = Arc::clone(&talk);
    let half = round_trip / 2;
    tokio::join!(
        read(from_client, asking, move |now| {
            questions.asked(now);
            now.max(connected) + half
        }),
        write(asked, to_server, |_| {}),
        read(from_server, answering, move |now| now + half),
        write(answered, to_client, move |now| talk.answered(now)),
    );
}

/// One connection's part of the exchanges.
struct Talk {
    seen: Arc<Mutex<Vec<Exchange>>>,
    /// Where the exchange under way is, and whether its answer has begun.
    current: Mutex<Option<(usize, bool)>>,
}

impl Talk {
    fn asked(&self, now: Instant) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.is_none_or(|(_, answered)| answered) {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            *current = Some((seen.len(), false));
            seen.push(Exchange { begun: now, ended: now });
        }
    }

    fn answered(&self, now: Instant) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((place, answered)) = current.as_mut() {
            *answered = true;
            // The exchanges may have been taken meanwhile.
            if let Some(exchange) = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get_mut(*place) {
                exchange.ended = now;
            }
        }
    }
}

type Due = (Instant, Vec<u8>);

async fn read(mut from: OwnedReadHalf, to: UnboundedSender<Due>, mut due: impl FnMut(Instant) -> Instant) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let chunk = buffer.get(..length).unwrap_or_default().to_vec();
        if to.send((due(Instant::now()), chunk)).is_err() {
            break;
        }
    }
}

async fn write(mut from: UnboundedReceiver<Due>, mut to: OwnedWriteHalf, mut written: impl FnMut(Instant)) {
    while let Some((due, chunk)) = from.recv().await {
        tokio::time::sleep_until(due.into()).await;
        // Before the write: what it wakes may ask the next question at once.
        written(Instant::now());
        if to.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_what_had_to_wait() {
        let start = Instant::now();
        let at = |begun, ended| Exchange {
            begun: start + Duration::from_millis(begun),
            ended: start + Duration::from_millis(ended),
        };
        assert_eq!(rounds(&[]), 0);
        assert_eq!(rounds(&[at(0, 30), at(1, 31), at(2, 29)]), 1, "at once");
        assert_eq!(rounds(&[at(40, 70), at(0, 30), at(0, 35), at(36, 66), at(71, 101)]), 3);
    }

    #[tokio::test]
    async fn an_answer_takes_a_round_trip_and_a_new_connection_one_more() {
        let echo = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let target = echo.local_addr().expect("a bound port");
        tokio::spawn(async move {
            let (mut stream, _) = echo.accept().await.expect("a connection");
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await.expect("an open connection");
        });
        let relay = Relay::start(target, Duration::from_millis(40)).await.expect("a relay");
        let mut stream = TcpStream::connect(relay.address).await.expect("a connection");
        let start = Instant::now();
        for least in [80, 120] {
            stream.write_all(b"hello").await.expect("an open connection");
            stream.read_exact(&mut [0; 5]).await.expect("an echo");
            assert!(start.elapsed() >= Duration::from_millis(least), "a delay is never shorter");
        }
        let exchanges = relay.take();
        assert_eq!((exchanges.len(), rounds(&exchanges)), (2, 2));
    }
}
