//! A connection that can be pipelined, which hyper's client cannot: HTTP/1 by hand, for well-formed answers only.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::plan::Wanted;

/// Why a conversation broke off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TalkError {
    #[error("the connection failed: {0}")]
    Io(#[from] io::Error),
    #[error("the answer's head cannot be read: {0}")]
    Head(#[from] httparse::Error),
    #[error("the answer's length cannot be read: {0:?}")]
    Length(String),
}

/// What is remembered of an answer.
pub(crate) struct Heard {
    pub(crate) status: u16,
    pub(crate) etag: Option<String>,
}

pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection, TalkError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    pub(crate) async fn send(
        &mut self,
        wanted: &Wanted,
        habits: &str,
        tag: Option<&str>,
        version: &str,
    ) -> Result<(), TalkError> {
        let Wanted { method, target, body, .. } = wanted;
        let mut head = format!("{method} {target} {version}\r\nHost: shop.example\r\n{habits}");
        if let Some(tag) = tag {
            head += &format!("If-None-Match: {tag}\r\n");
        }
        if !body.is_empty() {
            head += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        }
        self.stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        Ok(self.stream.flush().await?)
    }

    pub(crate) async fn receive(&mut self, method: &str) -> Result<Heard, TalkError> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if self.stream.read_until(b'\n', &mut head).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut answer = httparse::Response::new(&mut fields);
        answer.parse(&head)?;
        let field = |name: &str| {
            let found = answer.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name));
            found.map(|h| String::from_utf8_lossy(h.value).into_owned())
        };
        let heard = Heard { status: answer.code.unwrap_or(0), etag: field("etag") };
        if method == "HEAD" || matches!(heard.status, 204 | 304) {
            return Ok(heard);
        }
        match (field("transfer-encoding"), field("content-length")) {
            (Some(_), _) => self.skip_chunks().await?,
            (None, Some(length)) => self.skip(length.parse().map_err(|_| TalkError::Length(length))?).await?,
            (None, None) => self.skip_rest().await?,
        }
        Ok(heard)
    }

    /// Says goodbye, and waits until the shop has done so too.
    pub(crate) async fn close(mut self) -> Result<(), TalkError> {
        self.stream.shutdown().await?;
        self.skip_rest().await
    }

    async fn skip(&mut self, length: u64) -> Result<(), TalkError> {
        let skipped = tokio::io::copy(&mut (&mut self.stream).take(length), &mut tokio::io::sink()).await?;
        if skipped == length { Ok(()) } else { Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()) }
    }

    async fn skip_rest(&mut self) -> Result<(), TalkError> {
        tokio::io::copy(&mut self.stream, &mut tokio::io::sink()).await?;
        Ok(())
    }

    async fn skip_chunks(&mut self) -> Result<(), TalkError> {
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).await?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(|_| TalkError::Length(line))?;
            self.skip(size + 2).await?;
            if size == 0 {
                return Ok(());
            }
        }
    }
}
