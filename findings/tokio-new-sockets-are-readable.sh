#!/bin/sh
# A socket that tokio has just made is "readable" and "writable" before the kernel has said so.
#
# tokio 1.54.1 with mio 1.2: an accepted TcpStream on which its peer has said nothing is reported as readable at once.
# `readable().await` returns, `try_read` then makes a system call that fails with EAGAIN, and only after that call does
# `readable().await` wait. A server whose clients wait for a greeting pays a read in vain for each of them. A read that
# is only pretended, `try_io` with a closure that answers `WouldBlock` by itself, clears the mark without a system call,
# and what has really arrived is still told: the first event of the kernel comes for it.
#
# Prints what it saw, and fails when that changes. Needs cargo, and a registry to fetch tokio from.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat > "$folder/Cargo.toml" <<'T'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
tokio = { version = "=1.54.1", default-features = false, features = ["net", "rt", "time"] }
T
cat > "$folder/src/main.rs" <<'T'
use std::io::{ErrorKind, Write};
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

async fn accepted(listener: &TcpListener) -> (std::net::TcpStream, TcpStream) {
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// Whether it is told that there is something to read.
async fn is_readable(stream: &TcpStream) -> bool {
    timeout(Duration::from_millis(300), stream.readable()).await.is_ok()
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (_silent, stream) = accepted(&listener).await;
        println!("silent client, before any read: readable {}", is_readable(&stream).await);
        let read = stream.try_read(&mut [0; 16]).map_err(|error| error.kind());
        println!("the read: {read:?}");
        println!("silent client, after that read: readable {}", is_readable(&stream).await);

        let (mut client, stream) = accepted(&listener).await;
        let _ = stream.try_io(Interest::READABLE, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        println!("silent client, after a pretended read: readable {}", is_readable(&stream).await);
        client.write_all(b"x").unwrap();
        println!("and when it has spoken: readable {}", is_readable(&stream).await);
    });
}
T
found=$(cd "$folder" && cargo run -q)
expected="silent client, before any read: readable true
the read: Err(WouldBlock)
silent client, after that read: readable false
silent client, after a pretended read: readable false
and when it has spoken: readable true"
echo "$found"
[ "$found" = "$expected" ] || { echo "this has changed" >&2; exit 1; }
