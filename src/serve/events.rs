//! `/events`: server-sent events (HTML Living Standard, 9.2) that say which view hangs now. The view itself is fetched by
//! whoever wants it, so that one who reads slowly is owed one short line and never a queue of pages.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};

use super::board::{Following, Phase};

/// Pages that may follow a run at once; the next is told to come back.
pub(super) const MAX_FOLLOWERS: usize = 16;
/// Between two signs of life: proxies close what is silent, and a peer that is gone shows itself when it is written to.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

type Next = Pin<Box<dyn Future<Output = (Following, Option<Bytes>)> + Send>>;

/// An answer that goes on until the run ends or the peer leaves.
pub(super) struct Events {
    next: Option<Next>,
}

impl Events {
    pub(super) fn new(mut following: Following) -> Events {
        following.hung.mark_changed();
        Events { next: Some(Box::pin(next(following))) }
    }
}

/// The next thing to say; None where there will be nothing more.
async fn next(mut following: Following) -> (Following, Option<Bytes>) {
    let said = match tokio::time::timeout(ALIVE_EVERY, following.hung.changed()).await {
        Err(_) => Some(Bytes::from_static(b": still here\n\n")),
        Ok(Err(_)) => None,
        Ok(Ok(())) => {
            let hung = following.hung.borrow_and_update().clone();
            let id = hung.view.map_or_else(String::new, |view| view.named(hung.phase));
            let event = if hung.phase == Phase::Ended { "end" } else { "view" };
            Some(Bytes::from(format!("retry: 2000\nevent: {event}\ndata: {id} {}\n\n", hung.phase.as_str())))
        }
    };
    (following, said)
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(waiting) = &mut self.next else { return Poll::Ready(None) };
        let (following, said) = ready!(waiting.as_mut().poll(context));
        self.next = said.is_some().then(|| -> Next { Box::pin(next(following)) });
        Poll::Ready(said.map(|bytes| Ok(Frame::data(bytes))))
    }
}
