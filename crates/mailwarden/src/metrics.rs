//! Metrics in the formats of Prometheus, and whether the daemon is well, over HTTP on a thread of its own.
//!
//! Nothing is kept for them: a scrape adds up what the workers have counted. What it waits for is one question to each
//! worker, and a worker that does not answer is what `/healthz` is for.

mod page;
mod table;
#[cfg(test)]
mod tests;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::running::Running;

/// How long the workers may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// An address where metrics are served, until it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    listener: Option<TcpListener>,
    /// Ends the thread when it is dropped.
    serving: Option<oneshot::Sender<()>>,
}

impl Server {
    /// Opens the address; an error says why it cannot be.
    pub(crate) fn open(address: SocketAddr) -> Result<Self, String> {
        let refuse = |error| format!("cannot serve metrics on {address}: {error}");
        let listener = TcpListener::bind(address).map_err(refuse)?;
        listener.set_nonblocking(true).map_err(refuse)?;
        Ok(Self { address, listener: Some(listener), serving: None })
    }

    /// As it was asked for.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves from now on; an error says why it does not.
    pub(crate) fn serve(&mut self, running: Arc<Running>) -> Result<(), String> {
        let Some(listener) = self.listener.take() else { return Ok(()) };
        let (serving, ended) = oneshot::channel::<()>();
        let run = move || {
            let runtime = runtime::Builder::new_current_thread().enable_io().enable_time().build();
            // Without a runtime nothing is served, and nothing else suffers.
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    _ = axum::serve(listener, router(running)) => {}
                    // Dropping is the message.
                    _ = ended => {}
                }
            });
        };
        thread::Builder::new()
            .name("metrics".to_owned())
            .spawn(run)
            .map_err(|error| format!("cannot serve metrics: {error}"))?;
        self.serving = Some(serving);
        Ok(())
    }
}

fn router(running: Arc<Running>) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .with_state(running)
}

async fn metrics(State(running): State<Arc<Running>>, headers: HeaderMap) -> Response {
    let Ok(counters) = timeout(PATIENCE, running.mailboxes().counters()).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "a worker does not answer\n").into_response();
    };
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = page::Format::for_reader(accept);
    match page::render(&running, counters, format) {
        Ok(page) => {
            ([(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()))], page).into_response()
        }
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response(),
    }
}

/// Whether every worker answers.
async fn health(State(running): State<Arc<Running>>) -> Response {
    match timeout(PATIENCE, running.mailboxes().counters()).await {
        Ok(_) => "ok\n".into_response(),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "a worker does not answer\n").into_response(),
    }
}

/// Whether new clients are served: every listener has a server that answers, and the daemon does not stop.
async fn readiness(State(running): State<Arc<Running>>) -> Response {
    if running.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let in_force = running.in_force();
    let lost = in_force.targets.iter().find(|(_, target)| {
        target.config.inspect != engine::config::Inspect::Drop
            && target.servers.iter().all(|server| server.health().is_some())
    });
    match lost {
        Some((_, target)) => {
            let why = format!("proxy {}: no server answers\n", target.config.name);
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
        None => "ok\n".into_response(),
    }
}
