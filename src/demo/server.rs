//! The sockets of both shops: accept, read a request, wait the service time, answer, and stop when told to.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use super::ask::Ask;
use super::reply::{Pieces, Reply};

/// Connections that one shop serves at once; the next waits in the listen queue.
const MAX_CONNECTIONS: usize = 256;

/// Bytes of one request's body; a longer one is answered with 413.
const MAX_REQUEST_BODY: usize = 64 << 10;

/// How long a stopping shop waits for answers that are under way.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How long the accept loop rests after an error such as too many open files.
const ACCEPT_REST: Duration = Duration::from_millis(20);

/// In which way a shop writes its heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `Content-Type`
    Monolith,
    /// `content-type`
    Service,
}

/// A running shop. It stops when this is dropped, and [`Shop::stop`] waits for it.
#[derive(Debug)]
pub struct Shop {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Shop {
    /// `http://127.0.0.1:40001`, as the command line and the policy write a target.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Accepts no more, lets the answers under way finish, closes the connections, and returns when that is done
    /// (within 2 s; what then still runs is cut off).
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(STOP_WITHIN, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Binds, and serves `answer` from a task of the running runtime.
pub(super) async fn start<F>(address: SocketAddr, style: Style, answer: F) -> io::Result<Shop>
where
    F: Fn(&Ask) -> Reply + Send + Sync + 'static,
{
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(accept(listener, style, Arc::new(answer), stopped));
    Ok(Shop { address, stop, task: Some(task) })
}

async fn accept<F>(listener: TcpListener, style: Style, answer: Arc<F>, mut stopped: watch::Receiver<bool>)
where
    F: Fn(&Ask) -> Reply + Send + Sync + 'static,
{
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            Some(_) = connections.join_next() => continue,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let serving = serve(stream, style, answer.clone(), stopped.clone());
                connections.spawn(async move {
                    serving.await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_REST).await,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection, until either side closes it or the shop stops. Its errors are the client's business.
async fn serve<F>(stream: TcpStream, style: Style, answer: Arc<F>, mut stopped: watch::Receiver<bool>)
where
    F: Fn(&Ask) -> Reply + Send + Sync + 'static,
{
    // Without this a second small write waits for the client's delayed acknowledgement.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| respond(request, answer.clone()));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).title_case_headers(style == Style::Monolith);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = stopped.wait_for(|stop| *stop) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}

async fn respond<F>(request: Request<Incoming>, answer: Arc<F>) -> Result<Response<Pieces>, Infallible>
where
    F: Fn(&Ask) -> Reply + Send + Sync + 'static,
{
    let (head, body) = request.into_parts();
    let reply = match Limited::new(body, MAX_REQUEST_BODY).collect().await {
        Ok(body) => {
            let ask = Ask { method: head.method, uri: head.uri, headers: head.headers, body: body.to_bytes() };
            answer(&ask)
        }
        Err(_) => Reply { status: 413, ..Reply::default() },
    };
    tokio::time::sleep(reply.takes).await;
    Ok(reply.into_response())
}
