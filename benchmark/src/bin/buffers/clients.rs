//! The clients at the other end of the path.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::tunnel::SERVER;
use super::Mode;

/// Where every server of this benchmark listens.
const PORT: u16 = 7000;
const CHUNK: usize = 64 * 1024;

/// Runs the clients, and returns how many bytes they moved in a second, without the first third of the time.
pub(crate) fn run(mode: Mode, count: usize, time: Duration) -> Result<f64, String> {
    let words = |error: std::io::Error| error.to_string();
    let mut clients = Vec::with_capacity(count);
    for _ in 0..count {
        clients.push(open(mode).map_err(words)?);
    }
    match mode {
        Mode::Upload | Mode::Download => move_alone(mode, &mut clients[0], time).map_err(words),
        Mode::Flood | Mode::Unread | Mode::Swell | Mode::Deaf => {
            Ok(move_all(mode, &mut clients, time))
        }
    }
}

fn open(mode: Mode) -> std::io::Result<TcpStream> {
    let address = SocketAddr::from((SERVER, PORT));
    let mut client = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    client.write_all(match mode {
        Mode::Upload | Mode::Flood => b"U",
        Mode::Download | Mode::Deaf => b"D",
        Mode::Unread => b"N",
        Mode::Swell => b"S",
    })?;
    Ok(client)
}

fn move_alone(mode: Mode, client: &mut TcpStream, time: Duration) -> std::io::Result<f64> {
    let mut chunk = vec![0; CHUNK];
    let start = Instant::now();
    let (mut moved, mut from) = (0, start);
    while start.elapsed() < time {
        let length = if mode == Mode::Upload {
            client.write(&chunk)?
        } else {
            client.read(&mut chunk)?
        };
        if start.elapsed() < time / 3 {
            from = Instant::now();
        } else {
            moved += length;
        }
    }
    Ok(moved as f64 / from.elapsed().as_secs_f64())
}

fn move_all(mode: Mode, clients: &mut [TcpStream], time: Duration) -> f64 {
    let chunk = vec![b'x'; CHUNK];
    let start = Instant::now();
    let mut moved = 0;
    while start.elapsed() < time {
        if mode == Mode::Deaf {
            thread::sleep(Duration::from_millis(10));
            continue;
        }
        for client in &mut *clients {
            // Set here, so that opening waits for the connect.
            let _ = client.set_nonblocking(true);
            match client.write(&chunk) {
                Ok(length) => moved += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The server has closed it.
                Err(_) => {}
            }
        }
    }
    moved as f64 / start.elapsed().as_secs_f64()
}
